"""``pocketvision cost TABLE.json --target T``: measures what the layers of a search space cost."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from ..common import Verbs, new_file, new_verb, progress_wanted, require_file
from ..text import show, show_json, show_table


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(
        verbs, "cost", run, "Measure the layers of a search space into a table.", "compile"
    )
    parser.add_argument(
        "table", type=new_file, metavar="TABLE.json", help="made if absent; its rows stay"
    )
    parser.add_argument("--target", required=True, help="one target, such as cortex-m7")
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="FILE",
        help="layers, one a line, such as ir/16-24/k3e3s2/56/relu/0; default: those of chains for "
        "faces at 112 pixels",
    )
    parser.add_argument(
        "--activation",
        choices=("relu", "prelu", "swish"),
        default="relu",
        help="of the default layers; default %(default)s",
    )
    parser.add_argument(
        "--runner",
        metavar="CMD",
        help="a command for your own board: it is given the path of each layer's compiled library "
        "and prints nanoseconds",
    )
    parser.add_argument(
        "--again", action="store_true", help="measure anew what the table has, after all is done"
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure what is missing; print how many rows there are, or each of them as JSON."""
    from ...compile.cost import keys, space
    from ...compile.cost.price import price

    if arguments.keys is None:
        wanted = space.faces(arguments.activation)
    else:
        require_file(arguments.keys, "file of keys")
        try:
            wanted = keys.read(arguments.keys.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{arguments.keys}: {error}") from None
    table = price(
        arguments.table,
        arguments.target,
        wanted,
        runner=arguments.runner,
        again=arguments.again,
        about=_about(arguments),
        progress=progress_wanted(),
    )
    if arguments.json:
        show_json(
            {
                "table": str(arguments.table),
                "target": table.target,
                "compiler": table.compiler,
                "about": dict(table.about),
                "rows": {key: table.rows[key].to_dict() for key in wanted},
            }
        )
        return 0
    names = ("instructions", "cycles", "nanoseconds", "flash", "arena")
    rows = [(key, *(_cell(getattr(table.rows[key], name)) for name in names)) for key in wanted]
    show_table([("layer", *names), *rows])
    show(f"{arguments.table}: {len(table.rows)} layers on {table.target}", file=sys.stderr)
    return 0


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _about(arguments: argparse.Namespace) -> dict[str, str]:
    """When, by which command, and on which processor; QEMU counts alike on all of them."""
    from ...bench.machine import facts

    found = facts()
    words = ["pocketvision", "cost", arguments.table.name, "--target", arguments.target]
    for option in ("keys", "runner"):
        if getattr(arguments, option) is not None:
            words += [f"--{option}", str(getattr(arguments, option))]
    if arguments.activation != "relu":
        words += ["--activation", arguments.activation]
    return {
        "command": shlex.join(words),
        "date": found["date"],
        "processor": found["processor"],
    }
