"""The benchmark for aarch64: instructions that runtimes execute for one face, counted in QEMU.

    python -m tests.bench.peers.counted --install --work build/bench/work \\
        --out tests/bench/results/aarch64 pocketnet-s-128 facechain-125m

A board's time would need the board; executed instructions are exact, and llvm-mca models the cycles
of a Cortex-A76 from them. The peers run in a Python for aarch64 that --install unpacks from
Debian's packages and wheels. As on the host, each is tried in every configuration; the one with the
fewest instructions that computes the right embedding counts. What is counted is the call of the
runtime alone: the face lies in its input before, the embedding is read after, and from the count
that of an empty call is taken off. Ours is of the compiled network. All have one thread.
"""

from __future__ import annotations

import argparse
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from pocketvision import Embedder
from pocketvision.bench.machine import facts
from pocketvision.cli.common import new_folder
from pocketvision.errors import InputError

from ..candidate import Absent
from ..networks.examples import examples
from ..networks.network import Network, locate
from ..networks.sources import float_record, prepare
from ..race import contest, report
from ..race.contest import Faces, Note
from ..race.run import ENVIRONMENTS, to_stderr
from ..runtimes import peer_onnxruntime
from .entries import best, entries
from .guest import CPU, Guest

MODULE = "tests.bench.peers.counted"
TARGET = "aarch64-dotprod"
"""What a Cortex-A76 runs best."""


def count_ours(int8: Path) -> tuple[int, float | None]:
    """Instructions and modelled cycles of our compiled network."""
    from pocketvision.compile.inspect.report import report as report_of

    total = report_of(int8, TARGET).total
    return int(total.cost), total.cycles


def rows(network: Network, guest: Guest, envs: Path, note: Note) -> list[dict[str, Any]]:
    """One row for us and one for each precision of each peer."""
    record = Embedder(network.compiled).record
    faces = Faces(examples(record), examples(float_record(record, network.home)))
    sources = prepare(network.name, network.work, network.home, noise=network.noise, envs=envs)
    network_of = peer_onnxruntime.load(sources.floats[0][1])
    reference = contest.embed(network_of, faces.floats[:1])[0]
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
            "version": guest.version(runtime),
            "precision": precision,
            "variant": variant,
            "instructions": cost[0],
            "cycles": cost[1],
            "ratio_to_ours": cost[0] / own[0],
            "cosine_to_float": cosine,
        }

    found = [row(("pocketvision", "int8", TARGET), own)]
    every = sorted(entries(guest, sources, note), key=lambda one: (one.runtime, one.precision))
    for _, group in groupby(every, lambda one: (one.runtime, one.precision)):
        chosen = best(guest, list(group), faces, reference, network.noise, note)
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


def main(arguments: list[str] | None = None) -> int:
    """Prints the table, writes NETWORK.json as soon as it is counted; 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog=MODULE, description=(__doc__ or "").split("\n")[0])
    parser.add_argument("networks", nargs="+", metavar="NETWORK", help="shipped or registered")
    parser.add_argument("--install", action="store_true", help="fetch what is missing")
    parser.add_argument(
        "--work", type=new_folder, required=True, help="folder that keeps conversions"
    )
    parser.add_argument("--envs", type=Path, default=ENVIRONMENTS)
    parser.add_argument("--out", type=new_folder, help="folder for NETWORK.json")
    parser.add_argument("--resume", action="store_true", help="keep networks that --out has")
    options = parser.parse_args(arguments)
    if options.resume and not options.out:
        parser.error("--resume: expected --out with it, the folder that has what is done")
    guest = Guest(options.envs / "aarch64")
    try:
        if options.install:
            guest.install(options.envs, to_stderr)
        guest.check()
        networks = [locate(name, options.work) for name in options.networks]
    except (Absent, InputError) as reason:
        parser.error(str(reason))
    found: list[dict[str, Any]] = []
    for network in networks:
        file = options.out / f"{network.name}.json" if options.out else None
        if file is not None and options.resume and file.is_file():
            found += report.read_json(file)[1]
            continue
        counts = rows(network, guest, options.envs, to_stderr)
        found += counts
        if file is not None:
            about = {"processor": f"{CPU} in QEMU", "date": facts()["date"]}
            report.write_json(about, counts, file)
    print(table(found))
    peers = sorted({f"{row['runtime']} {row['version']}" for row in found if row["version"]})
    print(f"\nprocessor: {CPU} in QEMU; cycles: modelled by llvm-mca, not measured")
    print(f"date: {facts()['date']}; {', '.join(peers)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
