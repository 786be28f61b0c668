"""``pocketvision compile MODEL.onnx``: an int8 ONNX file becomes machine code for a target."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..common import Verbs, new_folder, new_verb, require_file
from ..text import show, show_json


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "compile", run, "Compile an int8 ONNX file.", "compile", ("generate",))
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument(
        "--target", default="host", help="target, family or host; default %(default)s"
    )
    parser.add_argument(
        "--ram", metavar="SIZES", help="RAM banks for the arena of firmware, such as 512K,288K"
    )
    parser.add_argument("--out", type=new_folder, required=True, metavar="DIR")
    parser.add_argument(
        "--table",
        type=Path,
        metavar="FILE.json",
        help="tiles of pocketvision tune for this target, in place of the compiler's own",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compile and print the files that were written."""
    from ...compile import compile_file

    require_file(arguments.model, "ONNX file")
    given = arguments.model, arguments.target, arguments.out
    done = compile_file(*given, ram=arguments.ram, table=arguments.table)
    files = [str(file) for file in done]
    if arguments.json:
        show_json({"model": str(arguments.model), "target": arguments.target, "files": files})
    else:
        show(*files)
    return 0
