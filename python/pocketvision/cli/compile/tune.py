"""``pocketvision tune MODEL.onnx...``: searches the tile of every kernel shape of int8 files."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..common import Verbs, new_verb, progress_wanted, require_file
from ..text import show_json, show_page


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "tune", run, "Search the tiles of an int8 file's kernels.", "compile")
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL.onnx")
    parser.add_argument(
        "--target",
        default="host",
        help="target, or family or host for its best; default %(default)s",
    )
    parser.add_argument(
        "--cost",
        choices=("time", "instructions", "cycles"),
        help="what shall be little; default: time where the target runs here, else instructions "
        "executed in QEMU; cycles are modelled from those by llvm-mca",
    )
    parser.add_argument(
        "--table", type=Path, metavar="FILE.json", help="where; default: the compiler's own table"
    )
    parser.add_argument("--again", action="store_true", help="search also what the table has")
    parser.add_argument(
        "--candidates", type=int, default=32, metavar="N", help="tiles a shape; default %(default)d"
    )
    parser.add_argument(
        "--rounds", type=int, default=200, metavar="N", help="timed runs; default %(default)d"
    )


def run(arguments: argparse.Namespace) -> int:
    """Search what is missing, then print every shape's default and tuned cost."""
    from ...compile.tune.text import plain
    from ...compile.tune.tune import tune

    for model in arguments.models:
        require_file(model, "ONNX file")
    done = tune(
        arguments.models,
        arguments.target,
        cost=arguments.cost,
        table=arguments.table,
        again=arguments.again,
        most=arguments.candidates,
        rounds=arguments.rounds,
        progress=progress_wanted(),
    )
    if arguments.json:
        show_json([result.to_dict() for result in done])
    else:
        show_page("\n\n".join(plain(result) for result in done))
    return 0
