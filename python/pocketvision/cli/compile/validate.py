"""``pocketvision validate MODEL.onnx``: whether the compiled model gives the reference's bytes."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..common import Verbs, new_verb, require_file
from ..text import show, show_json


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(
        verbs, "validate", run, "Compare a compiled int8 file with the reference.", "compile"
    )
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument(
        "--target",
        default="host",
        help="target, family or host; what does not run here runs in QEMU; default %(default)s",
    )
    parser.add_argument(
        "--inputs", type=Path, metavar="FILE.npy", help="int8 (N, H, W, C); noise without it"
    )
    parser.add_argument("--count", type=int, default=8, help="vectors; default %(default)d")
    parser.add_argument(
        "--ram", metavar="SIZES", help="RAM banks that firmware was compiled for, as 512K,288K"
    )
    parser.add_argument(
        "--layers", action="store_true", help="compare every operator and name the first that fails"
    )
    parser.add_argument(
        "--against",
        choices=("reference", "onnxruntime"),
        default="reference",
        help="compare the machine code with the reference, or what was imported with what the file "
        "means to onnxruntime; default %(default)s",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print one line, or one JSON value, per target; 1 where a byte differs."""
    from ...compile.inspect.validate import validate
    from ...compile.memory.banks import parse

    require_file(arguments.model, "ONNX file")
    if arguments.against == "onnxruntime":
        return _against(arguments)
    if arguments.inputs is not None:
        require_file(arguments.inputs, "file of inputs")
    done = validate(
        arguments.model,
        arguments.target,
        arguments.inputs,
        arguments.count,
        arguments.layers,
        parse(arguments.ram) if arguments.ram else (),
    )
    if arguments.json:
        show_json([one.to_dict() for one in done])
    else:
        show(*done)
    return 1 if any(one.difference is not None for one in done) else 0


def _against(arguments: argparse.Namespace) -> int:
    """Print a line, with ``--layers`` one for each operator; 1 where one is off."""
    from ...compile.inspect.against import against

    found = against(arguments.model, arguments.count)
    if arguments.json:
        show_json(found.to_dict())
        return 0 if found.agrees else 1
    if arguments.layers:
        for row in found.rows:
            show(f"{row.steps:4} steps, {row.wrong:,} of {row.values:,}: {row.node} ({row.kind})")
    show(found)
    return 0 if found.agrees else 1
