"""The command ``pocketvision``: one file a verb, and here the parser and the exit codes.

0: done. 1: it failed while it ran, or an extra is not installed. 2: wrong usage or bad input.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from .. import __version__
from .text import show

VERBS = {
    "use models": (
        *("use.detect", "use.embed", "use.verify", "use.enrol", "use.identify", "use.gallery"),
        *("use.cluster", "use.calibrate", "use.watch", "use.pictures.restore"),
    ),
    "look at what is installed": ("check.info", "check.bench", "check.doctor"),
    "compile your own": (
        *("compile.compile", "compile.analyze", "compile.validate", "compile.report"),
        *("compile.tune", "compile.cost"),
    ),
    "train": ("train.search", "train.train", "train.quantize", "train.evaluate"),
}
"""The modules of the verbs, each of its verb's name, by their title in the help. A verb's start
imports its own alone: all of them take longer than finding a face does."""

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


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of all verbs; its help lists them in the groups of ``VERBS``.

    ``only``: the module of the one verb that is asked for, and no other is imported then.
    """
    parser = _Parser(
        prog="pocketvision",
        usage="%(prog)s [-h] [--version] VERB ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="pocketvision VERB --help says what a verb takes.",
    )
    parser.add_argument("--version", action="version", version=f"pocketvision {__version__}")
    verbs = parser.add_subparsers(prog="pocketvision", dest="verb", help=argparse.SUPPRESS)
    if only is not None:
        import_module(f".{only}", __name__).add(verbs)
        return parser
    text = ["Face embeddings as int8 machine code."]
    for title, modules in VERBS.items():
        text += ["", f"{title}:"]
        for module in modules:
            import_module(f".{module}", __name__).add(verbs)
            name = module.rpartition(".")[2]
            text.append(f"  {name:10}{verbs.choices[name].description}")
    parser.description = "\n".join(text)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    asked = {module.rpartition(".")[2]: module for group in VERBS.values() for module in group}
    parser = build_parser(asked.get(given[0]) if given else None)
    parsed = parser.parse_args(given)
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
