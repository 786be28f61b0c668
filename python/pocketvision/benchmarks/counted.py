"""The benchmark for aarch64: instructions that runtimes execute for one face, counted in QEMU.

    python -m pocketvision.benchmarks.counted --install --work build/bench/work --out build/bench \\
        --networks pocketnet-s-128,mobilefacenet,vargfacenet

A board's time would need the board; executed instructions are exact, and llvm-mca models the cycles
of a Cortex-A76 from them. ncnn, onnxruntime and LiteRT run in a Python for aarch64 that --install
unpacks from Debian's packages and wheels. As on the host, each is tried in every configuration, and
the one with the fewest instructions that computes the right embedding counts. From a peer's count
that of an empty call is taken off; ours is of the compiled network. All have one thread.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..embedder import Embedder
from ..files import write_text
from . import contest, peer_litert, peer_ncnn, peer_onnxruntime, report
from .candidate import Absent, Example, Sources
from .child import CHILDREN
from .contest import LEAST_COSINE, LEAST_COSINE_OWN, Faces, Note
from .examples import examples
from .guest import CPU, Guest
from .machine import facts
from .network import Network, locate
from .sources import float_record, prepare

TARGET = "aarch64-dotprod"
"""What a Cortex-A76 runs best."""


@dataclass(frozen=True)
class Entry:
    """One configuration of a peer: the arguments of its ``children/count_RUNTIME.py``."""

    runtime: str
    precision: str
    variant: str
    arguments: tuple[str, ...]

    @property
    def ours(self) -> bool:
        """Whether its int8 file is the one that we compile too."""
        return self.runtime == "onnxruntime" and self.precision == "int8"


@dataclass(frozen=True)
class Counted:
    """Executed instructions, modelled cycles (None without llvm-mca) and the embedding."""

    instructions: int
    cycles: float | None
    embedding: NDArray[np.float32]


def entries(sources: Sources, note: Note) -> Iterator[Entry]:
    """Every configuration of every peer whose conversion succeeds, sorted by runtime."""
    for precision, files in (("float32", sources.floats), ("int8", sources.int8s)):
        for variant, path in files:
            yield Entry("onnxruntime", precision, variant, (str(path),))
    try:
        for variant, path in sources.floats:
            param = str(peer_ncnn.convert(path))
            for precision in peer_ncnn.PRECISIONS:
                for winograd in (True, False):
                    text = f"{variant}, Winograd {'on' if winograd else 'off'}"
                    options = json.dumps(peer_ncnn.options(precision, winograd))
                    yield Entry("ncnn", precision, text, (param, options))
    except Absent as reason:
        note(f"ncnn skipped: {reason}")
    try:
        made = contest.converted(peer_litert.candidates(sources), note)
    except Absent as reason:
        note(f"litert skipped: {reason}")
        return
    assert sources.calibration is not None
    paths = dict(sources.floats)
    for one in made:
        file = peer_litert.APART.file(one.precision, paths[one.variant], sources.calibration)
        yield Entry("litert", one.precision, one.variant, (str(file),))


def count_entry(guest: Guest, entry: Entry, face: Example, cycles: bool = False) -> Counted:
    """One embedding of ``face`` in the guest; raises Absent with what went wrong."""
    from ..compile.count import MARKS, count
    from ..compile.cycles import modelled
    from ..compile.errors import CompileError

    script = CHILDREN / f"count_{entry.runtime}.py"
    with tempfile.TemporaryDirectory(prefix="pocketvision-count-") as folder:
        given, out = Path(folder) / "face.npy", Path(folder) / "embedding.npy"
        np.save(given, face.tensor)
        program = guest.program(script, str(guest.mark()), str(given), str(out), *entry.arguments)
        try:
            nothing, one = count(guest.emulator(), program, MARKS["aarch64"], histogram=cycles)
            spent = modelled([nothing, one]) if cycles else None
        except (CompileError, ValueError) as error:
            raise Absent(str(error).strip().splitlines()[-1][-200:]) from error
        found = np.load(out)
    difference = spent[1] - spent[0] if spent else None
    return Counted(one.executed - nothing.executed, difference, found)


def count_ours(int8: Path) -> tuple[int, float | None]:
    """Instructions and modelled cycles of our compiled network."""
    from ..compile.report import report as report_of

    total = report_of(int8, TARGET).total
    return int(total.cost), total.cycles


def best(
    guest: Guest, same: list[Entry], faces: Faces, reference: NDArray[Any], least: float, note: Note
) -> tuple[Entry, Counted, float] | None:
    """The right one of ``same`` with the fewest instructions, and its cosine to ``reference``."""
    right: list[tuple[int, Entry, float]] = []
    for entry in same:
        text = f"{entry.runtime} {entry.precision} ({entry.variant})"
        face = (faces.int8 if entry.ours else faces.floats)[0]
        try:
            found = count_entry(guest, entry, face)
        except Absent as reason:
            note(f"{text} skipped: {reason}")
            continue
        cosine = _cosine(found.embedding, reference)
        if not cosine >= least:
            note(f"{text} void: cosine {cosine:.3f} to the float network")
            continue
        right.append((found.instructions, entry, cosine))
    if not right:
        return None
    _, entry, cosine = min(right, key=lambda one: one[0])
    face = (faces.int8 if entry.ours else faces.floats)[0]
    return entry, count_entry(guest, entry, face, cycles=True), cosine


def rows(network: Network, guest: Guest, envs: Path, note: Note) -> list[dict[str, Any]]:
    """One row for us and one for each precision of each peer."""
    record = Embedder(network.compiled).record
    faces = Faces(examples(record), examples(float_record(record, network.home)))
    sources = prepare(network.name, network.work, network.home, noise=network.noise, envs=envs)
    reference = contest.embed(peer_onnxruntime.load(sources.floats[0][1]), faces.floats[:1])[0]
    own, cycles = count_ours(sources.int8s[0][1])
    common = {"network": network.name, "noise": network.noise, "date": facts()["date"]}
    found = [
        {
            **common,
            **{"runtime": "pocketvision", "version": None, "precision": "int8"},
            **{"variant": TARGET, "instructions": own, "cycles": cycles},
            **{"ratio_to_ours": 1.0, "cosine_to_float": None},
        }
    ]
    every = sorted(entries(sources, note), key=lambda one: (one.runtime, one.precision))
    for (runtime, precision), same in groupby(every, lambda one: (one.runtime, one.precision)):
        least = LEAST_COSINE if precision != "int8" else -1.0 if network.noise else LEAST_COSINE_OWN
        chosen = best(guest, list(same), faces, reference, least, note)
        if chosen is None:
            continue
        entry, counted, cosine = chosen
        version = guest.version("ai-edge-litert" if runtime == "litert" else runtime)
        found.append(
            {
                **common,
                **{"runtime": runtime, "version": version, "precision": precision},
                **{"variant": entry.variant, "instructions": counted.instructions},
                **{"cycles": counted.cycles, "ratio_to_ours": counted.instructions / own},
                "cosine_to_float": cosine,
            }
        )
    return found


def _cosine(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def table(found: list[dict[str, Any]]) -> str:
    """Aligned text, the fewest instructions first within each network."""
    body = [
        (
            row["network"] + (" (noise)" if row["noise"] else ""),
            row["runtime"],
            row["precision"],
            f"{row['instructions'] / 1e6:.1f}",
            "-" if row["cycles"] is None else f"{row['cycles'] / 1e6:.1f}",
            f"{row['ratio_to_ours']:.2f}",
            "-" if row["cosine_to_float"] is None else f"{row['cosine_to_float']:.4f}",
            row["variant"],
        )
        for row in sorted(found, key=lambda row: (row["network"], row["instructions"]))
    ]
    head = ["network", "runtime", "precision", "M instructions", "M cycles", "ratio", "cosine"]
    return report.aligned([*head, "best variant"], body, range(3, 7))


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Command line: prints the table, writes ``aarch64.json``."""
    parser = argparse.ArgumentParser(
        prog="pocketvision.benchmarks.counted", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--networks", required=True, help="names, with commas between")
    parser.add_argument("--install", action="store_true", help="fetch what is missing")
    parser.add_argument("--work", type=Path, required=True, help="folder that keeps conversions")
    parser.add_argument("--envs", type=Path, default=Path("build/bench/envs"))
    parser.add_argument("--out", type=Path, help="folder for aarch64.json")
    options = parser.parse_args(arguments)
    guest = Guest(options.envs / "aarch64")
    try:
        if options.install:
            guest.install(options.envs)
        guest.check()
    except Absent as reason:
        parser.error(str(reason))
    found: list[dict[str, Any]] = []
    for name in options.networks.split(","):
        found += rows(locate(name, options.work), guest, options.envs, _note)
    print(table(found))
    peers = sorted({f"{row['runtime']} {row['version']}" for row in found if row["version"]})
    print(f"\nprocessor: {CPU} in QEMU; cycles: modelled by llvm-mca, not measured")
    print(f"date: {facts()['date']}; {', '.join(peers)}")
    if options.out:
        path = options.out / "aarch64.json"
        write_text(
            path, json.dumps({"processor": f"{CPU} in QEMU", "rows": found}, indent=1) + "\n"
        )
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
