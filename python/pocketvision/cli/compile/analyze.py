"""``pocketvision analyze MODEL.onnx``: what a model needs, and whether a board has it."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..common import Verbs, new_verb, require_file
from ..text import show_json, show_page


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(
        verbs, "analyze", run, "Whether an int8 file fits a target's memory.", "compile"
    )
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--target", required=True, help="one target, such as cortex-m7")
    parser.add_argument(
        "--ram", metavar="SIZES", help="RAM banks in order of speed, such as 512K,288K"
    )
    parser.add_argument("--flash", metavar="SIZE", help="flash for the model, such as 1M")
    parser.add_argument("--stack", metavar="SIZE", default="8K", help="default %(default)s")
    parser.add_argument(
        "--clock", type=float, metavar="MHZ", help="also give modelled cycles as milliseconds"
    )
    parser.add_argument(
        "--no-run", action="store_true", help="count no instructions, which takes QEMU"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the verdict and the tables, or one JSON value; 1 where it does not fit."""
    from ...compile import CompileError
    from ...compile.inspect.analyze import analyze
    from ...compile.inspect.analyze_text import plain
    from ...compile.memory.banks import parse

    require_file(arguments.model, "ONNX file")
    if arguments.clock is not None and not 0 < arguments.clock < 1e5:
        raise CompileError(f"--clock: expected MHz, such as 480, got {arguments.clock:g}")
    ram = parse(arguments.ram) if arguments.ram is not None else None
    flash = parse(arguments.flash, "--flash") if arguments.flash is not None else None
    if flash is not None and len(flash) != 1:
        raise CompileError(f"--flash: expected one size, such as 1M, got {arguments.flash!r}")
    (stack, *more) = parse(arguments.stack, "--stack")
    if more:
        raise CompileError(f"--stack: expected one size, such as 8K, got {arguments.stack!r}")
    found = analyze(
        arguments.model,
        arguments.target,
        ram=ram,
        flash=flash[0] if flash is not None else None,
        clock_mhz=arguments.clock,
        stack=stack,
        run=not arguments.no_run,
    )
    if arguments.json:
        show_json(found.to_dict())
    else:
        show_page(plain(found))
    return 0 if found.fits else 1
