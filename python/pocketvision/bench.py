"""Benchmark: our compiled models beside other runtimes on the same weights, one thread each.

    python -m pocketvision.bench --peers --install --out build/bench \\
        --networks pocketnet-s-128,pocketnet-m-128,mobilefacenet,vargfacenet,facechain-125m

``--install`` fetches the peers that are missing, each into an environment of its own where its
requirements disagree with ours; whatever is absent is skipped with its reason. Each peer converts
the same float weights with its own tools and quantiser and is tried in every configuration that may
help it (PReLU as it is or as relus, exported or folded graph, storage types, Winograd); the fastest
that computes the right embedding enters the main run, in which all runtimes take turns on one
pinned core. Conversions stay in the folder of ``--work``, so that a second run measures only.
``--processor avx2`` (or ``avxvnni``) hides from all of them what the processor has beyond that.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .benchmarks import environment, plot, processor, report
from .benchmarks.contest import Note
from .benchmarks.network import locate
from .benchmarks.race import race
from .errors import InputError, RunError
from .runtime import shipped as models

PEERS = ("onnxruntime", "openvino", "ncnn", "litert", "executorch", "torch")
ENVIRONMENTS = Path("build/bench/envs")


def run(
    networks: list[str] | None = None,
    peers: bool | Sequence[str] = True,
    rounds: int = 50,
    *,
    starts: int = 0,
    work: Path | None = None,
    envs: Path = ENVIRONMENTS,
    anew: bool = False,
    note: Note | None = None,
) -> list[dict[str, Any]]:
    """Time networks, and with ``peers`` what other runtimes need for the same weights.

    ``networks``: shipped models, compiled files, or registered networks, which get weights of noise
    if there are no others; None means every shipped model. ``peers``: all of ``PEERS``, none, or
    those named. ``starts``: how often a process starts for the cold start of each runtime, 0 for
    not at all. ``work``: folder that keeps conversions; None means a temporary one. ``envs``:
    environments of peers that cannot share ours. ``anew``: compile the int8 files instead of taking
    the installed models. ``note``: receives one line for each peer that is skipped or void;
    default: stderr.
    Rows: see ``benchmarks.rows.row``.
    Raises InputError for fewer than 2 rounds or starts or an unknown network, RunError when our own
    embedding is further than ``contest.LEAST_COSINE`` from that of a trained float network.
    """
    if rounds < 2 or starts == 1:
        raise InputError(f"rounds and starts: expected at least 2, got {rounds} and {starts}")
    chosen = (PEERS if peers else ()) if isinstance(peers, bool) else peers
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="pocketvision-bench-") as scratch:
        for given in networks if networks is not None else sorted(models.shipped()):
            network = locate(given, work or Path(scratch), anew=anew)
            rows += race(network, chosen, (rounds, starts), envs, note or _to_stderr)
    return rows


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Command line: prints table and conditions, writes ``bench.json`` and ``bench.png``."""
    parser = argparse.ArgumentParser(prog="pocketvision.bench", description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", help="names or compiled files; default: all shipped")
    parser.add_argument("--networks", default="", help="further names, with commas between")
    parser.add_argument("--peers", action="store_true", help="time the other runtimes too")
    parser.add_argument("--skip", default="", help="peers to leave out, with commas between")
    parser.add_argument("--install", action="store_true", help="install peers that are missing")
    parser.add_argument("--compile", action="store_true", help="compile instead of the installed")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--starts", type=int, default=0, help="processes for the cold start")
    parser.add_argument(
        "--processor", choices=processor.PROCESSORS, help="hide newer instruction sets"
    )
    parser.add_argument("--work", type=Path, help="folder that keeps conversions")
    parser.add_argument("--envs", type=Path, default=ENVIRONMENTS, help="environments of peers")
    parser.add_argument("--out", type=Path, help="folder for bench.json and bench.png")
    parser.add_argument("--add", action="store_true", help="keep other networks of --out")
    options = parser.parse_args(arguments)
    left_out = [name for name in options.skip.split(",") if name]
    if unknown := set(left_out) - set(PEERS):
        parser.error(f"--skip: no peer {', '.join(unknown)}; there are {', '.join(PEERS)}")
    networks = options.files + [name for name in options.networks.split(",") if name]
    if options.processor:
        given = sys.argv[1:] if arguments is None else arguments
        try:
            processor.restrict(options.processor, "pocketvision.bench", given)
        except RunError as reason:
            parser.error(f"--processor {options.processor}: {reason}")
    if options.install:
        environment.install(options.envs, _to_stderr)
    try:
        rows = run(
            networks or None,
            [peer for peer in PEERS if options.peers and peer not in left_out],
            options.rounds,
            starts=options.starts,
            work=options.work,
            envs=options.envs,
            anew=options.compile,
        )
    except InputError as reason:
        parser.error(str(reason))
    if options.add and options.out:
        measured = {one["network"] for one in rows}
        kept = report.read_json(options.out / "bench.json")
        rows += [one for one in kept if one["network"] not in measured]
    for text in (report.table(rows), report.summary(rows), report.conditions(rows)):
        print(f"{text}\n")
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        print(f"wrote {report.write_json(rows, options.out / 'bench.json')}")
        print(f"wrote {plot.write_png(rows, options.out / 'bench.png')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
