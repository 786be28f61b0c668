"""``pocketvision report MODEL.onnx``: what each operator of an int8 file costs on a target."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...files import write_text
from ..common import Verbs, new_file, new_verb, require_file
from ..text import show_json, show_page


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "report", run, "Measure each operator of an int8 file.", "compile")
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument(
        "--target",
        default="host",
        help="target, or family or host for its best; aarch64 is counted in QEMU; "
        "default %(default)s",
    )
    parser.add_argument("--out", type=new_file, metavar="FILE.html", help="also write a page")
    parser.add_argument("--rounds", type=int, default=100, help="timed runs; default %(default)d")
    parser.add_argument(
        "--emulate", action="store_true", help="count in QEMU what this machine could run"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the tables, or one JSON value; write the page."""
    from ...compile.inspect.report import report
    from ...compile.inspect.report_html import page
    from ...compile.inspect.report_text import plain

    require_file(arguments.model, "ONNX file")
    done = report(arguments.model, arguments.target, arguments.rounds, arguments.emulate)
    if arguments.out is not None:
        write_text(arguments.out, page(done, _facts(done.unit)))
    if arguments.json:
        show_json(done.to_dict())
    else:
        show_page(plain(done))
    return 0


def _facts(unit: str) -> dict[str, str]:
    """Where and when; counted instructions do not depend on the machine."""
    from ...bench.machine import facts

    names = ("processor", "features", "system", "date") if unit == "microseconds" else ("date",)
    return {name: value for name, value in facts().items() if name in names}
