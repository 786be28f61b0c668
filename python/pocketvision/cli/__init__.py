"""The command ``pocketvision``: one file a verb, and here the parser and the exit codes.

0: done. 1: it failed while it ran, or an extra is not installed. 2: wrong usage or bad input.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from .. import __version__
from .compile import analyze, compile, report, tune, validate
from .train import evaluate, quantize, train
from .use import bench, embed, gallery, info, verify

VERBS = (
    *(info, embed, verify, gallery, train, quantize, compile),
    *(tune, validate, analyze, report, bench, evaluate),
)

_WRONG_PATHS = (
    *(FileNotFoundError, NotADirectoryError, IsADirectoryError),
    *(FileExistsError, PermissionError),
)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line that starts with the program's name."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"pocketvision: error: {message} (try: {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    parser = _Parser(prog="pocketvision", description="Face embeddings as int8 machine code.")
    parser.add_argument("--version", action="version", version=f"pocketvision {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for module in VERBS:
        module.add(verbs)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    parsed = build_parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except ModuleNotFoundError as error:
        return _fail(1, _missing(error, parsed.extra))
    except (ValueError, *_WRONG_PATHS) as error:
        return _fail(2, _plain(error))
    except BrokenPipeError:
        # The reader of our output has left; Python's own flush at exit must not complain too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _fail(1, "interrupted")
    except Exception as error:
        return _fail(1, f"{type(error).__name__}: {_plain(error)}")


def _plain(error: Exception) -> str:
    """The system's errors as ``path: what is wrong``, others as they are."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename2 or error.filename}: {error.strerror}"
    return str(error)


def _missing(error: ModuleNotFoundError, extra: str) -> str:
    return f"{error.name} is not installed. Type: pip install 'pocketvision[{extra}]'"


def _fail(code: int, message: str) -> int:
    print("pocketvision: error:", " ".join(message.split()), file=sys.stderr)
    return code
