"""Folders of pictures and of people: what is in them, what is skipped, and what could not be read.

Hidden files and what operating systems leave behind are ignored. Every other file that is not taken
is named with its reason, so that nobody is missing unnoticed.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ..errors import InputError, PocketvisionError
from ..files import LITTER, PICTURES
from .text import printable, show

SUFFIXES = (*PICTURES, ".npy")
MOST = 20
"""Lines of what a folder holds besides pictures; a project's folder would fill the terminal."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Skipped:
    """A file or folder that is not taken, and why."""

    path: Path
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(frozen=True)
class Found:
    """Name and picture of each face's owner, in order of names; and what was skipped."""

    people: list[tuple[str, Path]]
    skipped: list[Skipped]


def people(folder: Path) -> Found:
    """Everyone in ``folder``: ``NAME.jpg``, and all pictures in folders ``NAME``.

    Raises NotADirectoryError for no folder, InputError for one without pictures (it names what was
    skipped).
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: expected a folder of people")
    found: list[tuple[str, Path]] = []
    skipped: list[Skipped] = []
    for path in _seen(folder):
        if not path.is_dir():
            _take(path, path.stem, found, skipped)
            continue
        before = len(found)
        for inside in _seen(path):
            if inside.is_dir():
                skipped.append(Skipped(inside, "a folder within a person's; move its pictures up"))
            else:
                _take(inside, path.name, found, skipped)
        if len(found) == before:
            skipped.append(Skipped(path, "a folder without pictures"))
    if not found:
        raise InputError(
            f"{folder}: holds no picture, such as NAME.jpg or NAME/1.jpg" + _first(skipped)
        )
    return Found(found, skipped)


def pictures(paths: Sequence[Path]) -> tuple[list[Path], list[Skipped]]:
    """Files as they are given, and of folders all pictures at any depth, in order of names.

    Raises FileNotFoundError for a path that is not there, InputError where nothing is left.
    """
    found: list[tuple[str, Path]] = []
    skipped: list[Skipped] = []
    for path in paths:
        if path.is_dir():
            _walk(path, found, skipped)
        elif path.exists():
            found.append(("", path))
        else:
            raise FileNotFoundError(f"{path}: no such picture or folder")
    if not found:
        raise InputError(f"{paths[0] if paths else 'no path'}: holds no picture" + _first(skipped))
    return [path for _, path in found], skipped


@dataclass
class Bad:
    """Collects pictures that cannot be used, where ``skip``; the first is an error otherwise.

    ``code``: the exit code of a verb that did the rest: 0, or 1 where a picture is missing.
    """

    skip: bool
    found: list[Skipped] = field(default_factory=list)

    def attempt(self, path: Path, work: Callable[[], R]) -> R | None:
        """What ``work`` returns; None where it failed on what a user gave."""
        try:
            return work()
        except (PocketvisionError, OSError, ValueError) as error:
            if not self.skip:
                raise
            text = " ".join(str(error).split())
            self.found.append(Skipped(path, text.removeprefix(f"{path}: ")))
            return None

    @property
    def code(self) -> int:
        return 1 if self.found else 0

    def report(self) -> None:
        """Lists on stderr what is missing."""
        if self.found:
            show(f"skipped {len(self.found)} that cannot be used:", file=sys.stderr)
            show(*(f"  {item}" for item in self.found), file=sys.stderr)

    def data(self) -> list[dict[str, str]]:
        """For --json."""
        return data(self.found)


def data(skipped: Sequence[Skipped]) -> list[dict[str, str]]:
    """What was skipped, for --json."""
    return [{"path": str(item.path), "why": item.why} for item in skipped]


def tell(skipped: Sequence[Skipped]) -> None:
    """Names on stderr what a folder holds and nobody reads."""
    if skipped:
        show(f"not read: {len(skipped)}", file=sys.stderr)
        show(*(f"  {item}" for item in skipped[:MOST]), file=sys.stderr)
        if len(skipped) > MOST:
            kinds = Counter(item.path.suffix or "no suffix" for item in skipped[MOST:])
            more = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(10))
            show(f"  and {len(skipped) - MOST} more: {more}", file=sys.stderr)


def counted(items: Sequence[T], what: str) -> Iterator[T]:
    """Each of ``items``; where stderr is a terminal, with ``done/total what`` beside it."""
    wanted = sys.stderr.isatty()
    for done, item in enumerate(items, start=1):
        yield item
        if wanted:
            end = "\n" * (done == len(items))
            print(f"\r{done}/{len(items)} {printable(what)}", end=end, file=sys.stderr, flush=True)


def add_skip_bad(parser: Any) -> None:
    """--skip-bad of the verbs that read many pictures."""
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="go on behind pictures that cannot be used; they are listed, and the exit code is 1",
    )


def _seen(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and path.name.lower() not in LITTER
    )


def _take(path: Path, name: str, found: list[tuple[str, Path]], skipped: list[Skipped]) -> None:
    if path.suffix.lower() in SUFFIXES:
        found.append((name, path))
    else:
        kind = f"files {path.suffix}" if path.suffix else "files without a suffix"
        skipped.append(Skipped(path, f"{kind} are not read; those that are: {' '.join(SUFFIXES)}"))


def _walk(folder: Path, found: list[tuple[str, Path]], skipped: list[Skipped]) -> None:
    for path in _seen(folder):
        if not path.is_dir():
            _take(path, folder.name, found, skipped)
        elif path.is_symlink():
            skipped.append(Skipped(path, "a link to a folder, which is not followed"))
        else:
            _walk(path, found, skipped)


def _first(skipped: Sequence[Skipped]) -> str:
    if not skipped:
        return ""
    more = f" and {len(skipped) - 1} more" if len(skipped) > 1 else ""
    return f"; skipped {skipped[0]}{more}"
