"""Compiles from a source tree: ``python -m compile MODEL.onnx --target T --out DIR``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import CompileError, compile_file
from .targets import choices


def main() -> int:
    parser = argparse.ArgumentParser(prog="compile", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--target", default="host", help=f"one of {choices()}")
    parser.add_argument("--out", type=Path, default=Path("."))
    parser.add_argument("--dump", type=Path, help="folder for the graph after each pass")
    arguments = parser.parse_args()
    try:
        for path in compile_file(arguments.model, arguments.target, arguments.out, arguments.dump):
            print(path)
    except (CompileError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
