"""Tables of tuned tiles, ``TARGET.json``: which kernel shape takes which tile, at what cost.

``pocketvision tune`` writes them, every build reads them. A shape without an entry takes its
template's own choice, so a table is never needed for a correct model, only for a faster one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from ..errors import CompileError
from ..files import write_text
from ..kernels.frame import View
from ..kernels.isa.base import Isa
from ..kernels.tile import OWN, Tile
from .candidates import misfit

FOLDER = Path(__file__).resolve().parent
TIME, INSTRUCTIONS, CYCLES = "microseconds", "instructions", "modelled cycles"
UNITS = (TIME, INSTRUCTIONS, CYCLES)
FORMAT = 1
"""What ``record`` writes; goes up when a key or a tile comes to mean something else."""

CHOICES = tuple(choice.name for choice in fields(Tile))
LARGEST = 2**63
"""More than any cost."""

AGAIN = "correct the entry, or delete it and run pocketvision tune"


@dataclass(frozen=True)
class Entry:
    """What the search found for one shape: ``tile`` is ``OWN`` where nothing was better.

    ``default`` and ``tuned`` are costs of one call in ``unit`` (one of ``UNITS``).
    """

    tile: Tile
    default: float
    tuned: float
    unit: str


@dataclass(frozen=True)
class Table:
    """The entries of one target by ``key`` of the shape."""

    path: Path
    target: str
    entries: dict[str, Entry] = field(default_factory=dict)

    def tile(self, isa: Isa, shape: Any) -> Tile:
        """The tile of a kernel's shape.

        Raises:
            CompileError: the entry's tile is none that the template could build.
        """
        name = key(shape)
        entry = self.entries.get(name)
        if entry is None:
            return OWN
        wrong = misfit(isa, shape, entry.tile)
        if wrong:
            raise CompileError(f"{self.path}: {name!r}: {wrong}; {AGAIN}")
        return entry.tile


def key(shape: Any) -> str:
    """A kernel's shape in words: all that shapes its code, except the tile."""
    return f"{shape.label} {_words(shape)}"


def _words(value: Any) -> str:
    found = []
    for place in fields(value):
        content = getattr(value, place.name)
        if place.name == "tile" or content is None or content is False:
            continue
        if content is True:
            found.append(place.name)
        elif isinstance(content, View):
            size = f"{content.height}x{content.width}x{content.channels}"
            found.append(f"{place.name} {size} by {content.row},{content.pixel}")
        elif is_dataclass(content):
            inner = _words(content)
            found += [f"{place.name} ({inner})"] if inner else []
        elif isinstance(content, tuple):
            found.append(f"{place.name} {'x'.join(map(str, content))}")
        else:
            found.append(f"{place.name} {content}")
    return ", ".join(found)


def default_path(target: str) -> Path:
    """The table that the package brings for a target, whether it is there or not."""
    return FOLDER / f"{target}.json"


def load(target: str, path: Path | None = None) -> Table:
    """The table of ``target``: the file ``path``, or the package's own, empty where it has none.

    Raises:
        CompileError: the file is absent or malformed, or is another target's; names the entry.
    """
    if path is None:
        path = default_path(target)
        if not path.exists():
            return Table(path, target)
    table = _read(path)
    if table.target != target:
        raise CompileError(
            f"{path}: holds tiles for {table.target}, not for {target}; "
            f"compile for that one target, or tune for {target}"
        )
    return table


def _read(path: Path) -> Table:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CompileError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise CompileError(f"{path}: expected a JSON table of tiles: {error}") from None
    kernels, target, version = (
        content.get(part) if isinstance(content, dict) else None
        for part in ("kernels", "target", "format")
    )
    if not isinstance(kernels, dict) or not isinstance(target, str) or type(version) is not int:
        raise CompileError(
            f'{path}: expected {{"format": {FORMAT}, "target": NAME, "kernels": {{SHAPE: ENTRY}}}}'
            "; pocketvision tune writes it"
        )
    if version != FORMAT:
        raise CompileError(
            f"{path}: a table of format {version}, where this version reads format {FORMAT}; "
            "delete it and run pocketvision tune"
        )
    return Table(path, target, {name: _entry(path, name, e) for name, e in kernels.items()})


def _entry(path: Path, name: str, content: Any) -> Entry:
    def wrong(expected: str, got: Any) -> CompileError:
        return CompileError(f"{path}: {name!r}: expected {expected}, got {got!r}; {AGAIN}")

    names = {place.name for place in fields(Entry)}
    if not isinstance(content, dict) or content.keys() != names:
        raise wrong(f"an object of {', '.join(sorted(names))}", content)
    tile, unit = content["tile"], content["unit"]
    if not isinstance(tile, dict) or not tile.keys() <= set(CHOICES):
        raise wrong(f"as tile an object of {', '.join(CHOICES)}", tile)
    for choice, value in tile.items():
        if type(value) is not int or value < 1:
            raise wrong(f"as {choice} an integer of at least 1", value)
    for cost in ("default", "tuned"):
        value = content[cost]
        if type(value) not in (int, float) or not 0 <= value < LARGEST:
            raise wrong(f"as {cost} a cost", value)
    if unit not in UNITS:
        raise wrong(f"as unit one of {', '.join(UNITS)}", unit)
    return Entry(Tile(**tile), content["default"], content["tuned"], unit)


def record(table: Table, name: str, entry: Entry) -> Table:
    """``table`` with one more entry, after it was written: a line per shape, in order of names."""
    done = Table(table.path, table.target, {**table.entries, name: entry})
    lines = []
    for shape, found in sorted(done.entries.items()):
        content = asdict(found)
        content["tile"] = {k: v for k, v in content["tile"].items() if v is not None}
        lines.append(f"    {json.dumps(shape)}: {json.dumps(content)}")
    head = f'{{\n  "format": {FORMAT},\n  "target": {json.dumps(done.target)},\n  "kernels": {{\n'
    try:
        write_text(done.path, head + ",\n".join(lines) + "\n  }\n}\n")
    except OSError as error:
        raise CompileError(
            f"{done.path}: cannot be written: {error.strerror}; name another file with --table"
        ) from None
    return done
