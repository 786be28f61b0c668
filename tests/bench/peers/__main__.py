"""Our compiled models beside other runtimes on the same weights, one thread each.

    python -m tests.bench.peers --install --work build/bench/work --out build/bench/here

``--install`` fetches the peers that are missing, each into an environment of its own where its
requirements disagree with ours; whatever is absent is skipped with its reason. Each peer converts
the same float weights with its own tools and quantiser and is tried in every configuration that may
help it (PReLU as it is or as relus, exported or folded graph, storage types, Winograd); the fastest
that computes the right embedding enters the main run, in which all runtimes take turns on one
pinned core. Each starts from a face that lies in its input memory already and leaves its output
where it is. Conversions stay in the folder of ``--work``, so that a second run measures only, and
``--resume`` takes up an interrupted run behind the last network that is done.
``--processor avx2`` (or ``avxvnni``) hides from all of them what the processor has beyond that.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pocketvision.cli.common import new_file, new_folder
from pocketvision.errors import InputError, RunError

from .race import plot, processor, report
from .race.run import ENVIRONMENTS, PEERS, Settings, run, to_stderr
from .runtimes import environment

MODULE = "tests.bench.peers"


def main(arguments: list[str] | None = None) -> int:
    """Prints table and conditions, writes NETWORK.json and a picture; 0 done, 1 failed, 2 usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    left_out = [name for name in options.skip.split(",") if name]
    if unknown := set(left_out) - set(PEERS):
        parser.error(f"--skip: no peer {', '.join(unknown)}; there are {', '.join(PEERS)}")
    if options.resume and not options.out:
        parser.error("--resume: expected --out with it, the folder that has what is done")
    if options.processor:
        given = sys.argv[1:] if arguments is None else arguments
        try:
            processor.restrict(options.processor, MODULE, given)
        except RunError as reason:
            parser.error(f"--processor {options.processor}: {reason}")
    if options.install:
        environment.install(options.envs, to_stderr)
    settings = Settings(
        [peer for peer in PEERS if peer not in left_out],
        options.rounds,
        options.starts,
        options.work,
        options.envs,
        options.compile,
        options.out,
        options.resume,
    )
    try:
        found = run(options.networks or None, settings)
    except InputError as reason:
        parser.error(str(reason))
    except RunError as reason:
        print(f"{MODULE}: error: {reason}", file=sys.stderr)
        return 1
    machine, rows = found[-1][0], [row for _, rows in found for row in rows]
    for text in (report.table(rows), report.summary(rows), report.conditions(machine, rows)):
        print(f"{text}\n")
    if options.out:
        picture = options.picture or options.out / "bench.png"
        about = f"{machine['processor']}, {machine['date']}"
        print(f"wrote {plot.write_png(rows, about, picture)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=MODULE, description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "networks",
        nargs="*",
        metavar="NETWORK",
        help="shipped or registered names, or compiled files; default: all shipped",
    )
    parser.add_argument("--skip", default="", help="peers to leave out, with commas between")
    parser.add_argument("--install", action="store_true", help="install peers that are missing")
    parser.add_argument("--compile", action="store_true", help="compile instead of the installed")
    parser.add_argument("--rounds", type=int, default=50, help="default %(default)d")
    parser.add_argument(
        "--starts", type=int, default=0, help="processes for the cold start; default %(default)d"
    )
    parser.add_argument(
        "--processor", choices=processor.PROCESSORS, help="hide newer instruction sets"
    )
    parser.add_argument("--work", type=new_folder, help="folder that keeps conversions")
    parser.add_argument("--envs", type=Path, default=ENVIRONMENTS, help="environments of peers")
    parser.add_argument("--out", type=new_folder, help="folder for NETWORK.json and bench.png")
    parser.add_argument("--resume", action="store_true", help="keep networks that --out has")
    parser.add_argument("--picture", type=new_file, help="the picture; default: bench.png in --out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
