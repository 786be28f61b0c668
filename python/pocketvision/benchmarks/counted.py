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
from itertools import groupby
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..faces.embedder import Embedder
from ..files import write_text
from . import contest, peer_onnxruntime, report
from .candidate import Absent
from .contest import Faces, Note
from .examples import examples
from .guest import CPU, Guest
from .machine import facts
from .network import Network, locate
from .peers_counted import best, entries
from .sources import float_record, prepare

TARGET = "aarch64-dotprod"
"""What a Cortex-A76 runs best."""


def count_ours(int8: Path) -> tuple[int, float | None]:
    """Instructions and modelled cycles of our compiled network."""
    from ..compile.inspect.report import report as report_of

    total = report_of(int8, TARGET).total
    return int(total.cost), total.cycles


def rows(network: Network, guest: Guest, envs: Path, note: Note) -> list[dict[str, Any]]:
    """One row for us and one for each precision of each peer."""
    record = Embedder(network.compiled).record
    faces = Faces(examples(record), examples(float_record(record, network.home)))
    sources = prepare(network.name, network.work, network.home, noise=network.noise, envs=envs)
    reference = contest.embed(peer_onnxruntime.load(sources.floats[0][1]), faces.floats[:1])[0]
    own = count_ours(sources.int8s[0][1])
    date = facts()["date"]

    def row(
        words: tuple[str, str, str], cost: tuple[int, float | None], cosine: float | None = None
    ) -> dict[str, Any]:
        runtime, precision, variant = words
        return {
            "network": network.name,
            "noise": network.noise,
            "date": date,
            "runtime": runtime,
            "version": guest.version({"litert": "ai-edge-litert"}.get(runtime, runtime)),
            "precision": precision,
            "variant": variant,
            "instructions": cost[0],
            "cycles": cost[1],
            "ratio_to_ours": cost[0] / own[0],
            "cosine_to_float": cosine,
        }

    found = [row(("pocketvision", "int8", TARGET), own)]
    every = sorted(entries(sources, note), key=lambda one: (one.runtime, one.precision))
    for _, group in groupby(every, lambda one: (one.runtime, one.precision)):
        same = list(group)
        least = contest.least(same[0], network.noise)
        chosen = best(guest, same, faces, reference, least, note)
        if chosen is None:
            continue
        entry, one, cosine = chosen
        words = entry.runtime, entry.precision, entry.variant
        found.append(row(words, (one.instructions, one.cycles), cosine))
    return found


def table(found: list[dict[str, Any]]) -> str:
    """Aligned text, the fewest instructions first within each network."""
    body = [
        (
            row["network"] + (" (noise)" if row["noise"] else ""),
            row["runtime"],
            row["precision"],
            f"{row['instructions'] / 1e6:.1f}",
            report.number(row["cycles"] and row["cycles"] / 1e6, ".1f"),
            f"{row['ratio_to_ours']:.2f}",
            report.number(row["cosine_to_float"], ".4f"),
            row["variant"],
        )
        for row in sorted(found, key=lambda row: (row["network"], row["instructions"]))
    ]
    head = ["network", "runtime", "precision", "M instructions", "M cycles", "ratio", "cosine"]
    return report.aligned([*head, "best variant"], body, range(3, 7))


def write(found: list[dict[str, Any]], path: Path) -> None:
    """Rows of other networks that the file has stay in it."""
    counted = {row["network"] for row in found}
    kept = [row for row in report.read_json(path) if row["network"] not in counted]
    whole = {"processor": f"{CPU} in QEMU", "rows": [*kept, *found]}
    write_text(path, json.dumps(whole, indent=1) + "\n")


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
    try:
        networks = [locate(name, options.work) for name in options.networks.split(",")]
    except InputError as reason:
        parser.error(f"--networks: {reason}")
    for network in networks:
        found += rows(network, guest, options.envs, _note)
        if options.out:  # after each network: counting takes minutes
            write(found, options.out / "aarch64.json")
    print(table(found))
    peers = sorted({f"{row['runtime']} {row['version']}" for row in found if row["version"]})
    print(f"\nprocessor: {CPU} in QEMU; cycles: modelled by llvm-mca, not measured")
    print(f"date: {facts()['date']}; {', '.join(peers)}")
    if options.out:
        print(f"wrote {options.out / 'aarch64.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
