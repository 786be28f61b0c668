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
from .check import bench, doctor, info
from .compile import analyze, compile, cost, report, tune, validate
from .text import show
from .train import evaluate, quantize, search, train
from .use import calibrate, cluster, detect, embed, enrol, gallery, identify, verify, watch
from .use.pictures import restore

VERBS = {
    "use models": (
        *(detect, embed, verify, enrol, identify, gallery),
        *(cluster, calibrate, watch, restore),
    ),
    "look at what is installed": (info, bench, doctor),
    "compile your own": (compile, analyze, validate, report, tune, cost),
    "train": (search, train, quantize, evaluate),
}
"""The modules of the verbs, each of its verb's name, by their title in the help."""

_EXTRAS = {"cryptography": "gallery", "keyring": "gallery", "av": "video", "scipy": "groups"}
"""Extras that bring a module which a verb needs for some of its options alone."""

_WRONG_PATHS = (
    *(FileNotFoundError, NotADirectoryError, IsADirectoryError),
    *(FileExistsError, PermissionError),
)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line that starts with the program's name."""

    def error(self, message: str) -> NoReturn:
        self.exit(_fail(2, f"{message} (try: {self.prog} --help)"))


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs; its help lists them in the groups of ``VERBS``."""
    parser = _Parser(
        prog="pocketvision",
        usage="%(prog)s [-h] [--version] VERB ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="pocketvision VERB --help says what a verb takes.",
    )
    parser.add_argument("--version", action="version", version=f"pocketvision {__version__}")
    verbs = parser.add_subparsers(prog="pocketvision", dest="verb", help=argparse.SUPPRESS)
    text = ["Face embeddings as int8 machine code."]
    for title, modules in VERBS.items():
        text += ["", f"{title}:"]
        for module in modules:
            module.add(verbs)
            name = module.__name__.rpartition(".")[2]
            text.append(f"  {name:10}{verbs.choices[name].description}")
    parser.description = "\n".join(text)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    parser = build_parser()
    parsed = parser.parse_args(arguments)
    if parsed.verb is None:
        parser.print_help(sys.stderr)
        return 2
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
    extra = _EXTRAS.get(error.name or "", extra)
    return f"{error.name} is not installed. Type: pip install 'pocketvision[{extra}]'"


def _fail(code: int, message: str) -> int:
    show(f"pocketvision: error: {' '.join(message.split())}", file=sys.stderr)
    return code
