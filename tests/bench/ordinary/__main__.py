"""Networks that people have, with random weights, compiled and in other runtimes, one thread each.

    python -m tests.bench.ordinary --processor avx512 --work build/bench/work --out build/bench/here

The networks are those of tests/networks. onnxruntime's quantiser makes the int8 file that we
compile; peers run it and others (activations of int8, QOperator form, NNCF's own), their float32
files and, where there is one, bfloat16. Each enters with its fastest configuration of a precision,
and all take turns on one pinned core. ``--processor avx512`` hides AMX from all of them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pocketvision.bench.machine import facts
from pocketvision.bench.measure import pinned, take_turns
from pocketvision.cli.common import new_folder
from pocketvision.errors import RunError

from ...networks.zoo import NETWORKS
from ..peers.candidate import Absent, Candidate
from ..peers.networks.network import Network
from ..peers.race import contest, processor, report
from ..peers.race.report import PACKAGES, Row
from ..peers.race.rows import row
from ..peers.race.run import to_stderr
from ..peers.runtimes import peer_onnxruntime, peer_openvino
from .files import Files, ours, prepare

MODULE = "tests.bench.ordinary"
DEFAULT = ("resnet18", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_lite0")
PEERS = {"onnxruntime": peer_onnxruntime, "openvino": peer_openvino}


def race(name: str, files: Files, rounds: int) -> list[Row]:
    """The rows of one network, ours first."""
    faces = contest.Faces(files.examples, files.examples)
    candidates = _candidates(files)
    field: list[contest.Ready] = []
    with pinned():
        try:
            reference = contest.embed(
                peer_onnxruntime.load(files.sources.floats[0][1]), files.examples
            )
            field.append(contest.load(ours(files.compiled), faces, reference))
            for same in candidates:
                field += contest.best_of_each(same, faces, reference, True, to_stderr)
            timings = take_turns([entrant.timed() for entrant in field], rounds)
        finally:
            contest.close(field)
    about = Network(name, None, str(files.compiled), True, files.compiled.parent)
    return [
        row(about, entrant, timing, timings[0], rounds, None)
        for entrant, timing in zip(field, timings, strict=True)
    ]


def _candidates(files: Files) -> list[list[Candidate]]:
    """All configurations of each peer that is installed."""
    found = []
    for name, peer in PEERS.items():
        try:
            made = contest.converted(peer.candidates(files.sources), to_stderr)
        except Absent as reason:
            to_stderr(f"{name} skipped: {reason}")
            continue
        found.append(made)
    return [same for same in found if same]


def main(arguments: list[str] | None = None) -> int:
    """Prints table and conditions, writes NETWORK.json; 0 done, 1 failed, 2 usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(options.networks) - set(NETWORKS):
        parser.error(f"no network {', '.join(sorted(unknown))}; there are {', '.join(NETWORKS)}")
    if options.rounds < 2:
        parser.error(f"--rounds: expected at least 2, got {options.rounds}")
    if options.processor:
        given = sys.argv[1:] if arguments is None else arguments
        try:
            processor.restrict(options.processor, MODULE, given)
        except RunError as reason:
            parser.error(f"--processor {options.processor}: {reason}")
    rows: list[Row] = []
    machine: dict[str, str] = {}
    for name in options.networks or DEFAULT:
        machine = facts(PACKAGES)
        files = prepare(name, options.size, options.work)
        found = race(name, files, options.rounds)
        rows += found
        if options.out:
            report.write_json(machine, found, options.out / f"{name}.json")
    for text in (report.table(rows), report.summary(rows)):
        print(f"{text}\n")
    print("\n".join(f"{name}: {text}" for name, text in machine.items()))
    print("\n".join(report.unsteady(rows)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=MODULE, description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "networks", nargs="*", metavar="NETWORK", help=f"default: {', '.join(DEFAULT)}"
    )
    parser.add_argument("--size", type=int, help="pixels of a side; default: as published")
    parser.add_argument("--rounds", type=int, default=50, help="default %(default)d")
    parser.add_argument(
        "--processor", choices=processor.PROCESSORS, help="hide newer instruction sets"
    )
    parser.add_argument("--work", type=Path, default=Path("build/bench/ordinary"))
    parser.add_argument("--out", type=new_folder, help="folder for NETWORK.json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
