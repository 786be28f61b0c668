"""Tables of costs, ``TARGET.json``: what each layer of a search space costs on a target.

``pocketvision cost`` writes them; a search reads them, and nothing but them, so this file needs
JSON alone. What a network costs is the sum of its layers' rows, but for the arena, which is that of
the layer that needs most, and for code, which equal kernels share.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..errors import CompileError
from ..files import write_text

FOLDER = Path(__file__).resolve().parent / "tables"
VERSION = 1
"""Of the file's form."""

COMPILER = 1
"""Of the code that the compiler makes of a layer. Goes up when figures change, which a test of the
tables that the package brings notices; these are then measured again."""

COLUMNS = ("instructions", "cycles", "nanoseconds")
"""What may be measured of a run; flash and arena are known without one."""

SHOWN = 5
"""Keys that an error lists."""


@dataclass(frozen=True)
class Row:
    """What one layer costs; None is not measured.

    ``instructions`` are executed ones, ``cycles`` modelled by llvm-mca, ``nanoseconds`` the median
    and ``quartiles`` its neighbours, ``flash`` bytes of weights, tables and code, of which ``code``
    is by kernel, ``arena`` bytes while the layer runs, with its input and result.
    """

    flash: int
    arena: int
    code: Mapping[str, int]
    instructions: int | None = None
    cycles: int | None = None
    nanoseconds: float | None = None
    quartiles: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Price:
    """What a network costs; None where a row has not measured it."""

    flash: int
    arena: int
    instructions: int | None
    cycles: int | None
    nanoseconds: float | None


@dataclass(frozen=True)
class Table:
    """The rows of one target by key; ``about`` says when, where and by which command."""

    path: Path
    target: str
    compiler: int = COMPILER
    about: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, Row] = field(default_factory=dict)

    def price(self, keys: Sequence[str]) -> Price:
        """The cost of the network whose layers are ``keys``, in order, each as often as it stands.

        Raises:
            CompileError: the table has no row of a key; names it and the command that adds it.
        """
        if not keys:
            raise CompileError(f"{self.path}: expected the keys of a network, got none")
        missing = [key for key in dict.fromkeys(keys) if key not in self.rows]
        if missing:
            raise CompileError(
                f"{self.path}: no row of {listed(missing)}; write such keys into a file, one a "
                f"line, and type: {self.command('--keys FILE')}"
            )
        rows = [self.rows[key] for key in keys]
        code: dict[str, int] = {}
        for row in rows:
            code.update(row.code)
        constants = sum(row.flash - sum(row.code.values()) for row in rows)
        return Price(
            flash=constants + sum(code.values()),
            arena=max(row.arena for row in rows),
            instructions=_sum(row.instructions for row in rows),
            cycles=_sum(row.cycles for row in rows),
            nanoseconds=_sum(row.nanoseconds for row in rows),
        )

    def has(self, column: str) -> bool:
        """Whether every row has measured one of ``COLUMNS``."""
        return all(getattr(row, column) is not None for row in self.rows.values())

    def require(self, column: str) -> None:
        """Raises CompileError where a search cannot go by ``column``; says how to measure it."""
        if column not in COLUMNS:
            raise CompileError(f"column {column!r}: expected one of {', '.join(COLUMNS)}")
        if not self.has(column):
            how = "--runner CMD" if column == "nanoseconds" else ""
            raise CompileError(
                f"{self.path}: {column} are not measured for every row; type: {self.command(how)}"
            )

    def command(self, options: str = "") -> str:
        """The command that measures more for this table."""
        words = ("pocketvision cost", str(self.path), "--target", self.target, options)
        return " ".join(filter(None, words))


def _sum(values: Iterable[Any]) -> Any:
    found = list(values)
    return None if None in found else sum(found)


def listed(keys: Sequence[str]) -> str:
    """The first keys, and how many more there are."""
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(keys[:SHOWN]) + more


def brought() -> list[str]:
    """The targets whose tables the package brings."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read(place: str | Path, target: str | None = None, *, any_compiler: bool = False) -> Table:
    """The table of a file, or that which the package brings for a target's name.

    Args:
        target: the one that it must be for.
        any_compiler: also take the rows of another version of the compiler.

    Raises:
        CompileError: no such table, a malformed one, one of another version of the compiler, or of
            another target; says what to type.
    """
    path = Path(place)
    if not path.exists() and str(place) in brought():
        path = FOLDER / f"{place}.json"
    if not path.is_file():
        raise CompileError(
            f"{place}: no such table of costs; the package brings {', '.join(brought())}; make one "
            f"with: pocketvision cost TABLE.json --target {target or 'TARGET'}"
        )
    table = _read(path)
    if target is not None and table.target != target:
        raise CompileError(
            f"{path}: holds costs on {table.target}, not on {target}; make another with: "
            f"pocketvision cost TABLE.json --target {target}"
        )
    if table.compiler != COMPILER and not any_compiler:
        raise CompileError(
            f"{path}: was measured with version {table.compiler} of the compiler's code, this is "
            f"version {COMPILER}; measure it again: {table.command('--again')}"
        )
    return table


def _read(path: Path) -> Table:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CompileError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise CompileError(f"{path}: expected a JSON table of costs: {error}") from None
    kinds = {"version": int, "target": str, "compiler": int, "about": dict, "rows": dict}
    if not isinstance(content, dict) or any(
        type(content.get(name)) is not kind for name, kind in kinds.items()
    ):
        raise CompileError(
            f"{path}: expected an object with {', '.join(kinds)}; pocketvision cost writes it"
        )
    if content["version"] != VERSION:
        raise CompileError(
            f"{path}: a table of form {content['version']}, where this version reads form "
            f"{VERSION}; delete it and type pocketvision cost {path} --target {content['target']}"
        )
    rows = {key: _row(path, key, row) for key, row in content["rows"].items()}
    return Table(path, content["target"], content["compiler"], content["about"], rows)


def _row(path: Path, key: str, content: Any) -> Row:
    def number(value: Any) -> bool:
        return type(value) in (int, float) and 0 <= value < 2**63

    names = {place.name for place in fields(Row)}
    good = isinstance(content, dict) and content.keys() == names
    good = good and isinstance(content["code"], dict)
    if good:
        counted = [content["flash"], content["arena"], *content["code"].values()]
        measured = [content[name] for name in COLUMNS] + list(content["quartiles"] or ())
        good = all(map(number, counted)) and all(v is None or number(v) for v in measured)
    if not good:
        raise CompileError(
            f"{path}: {key!r}: expected an object of {', '.join(sorted(names))}, got "
            f"{str(content)[:200]}; delete the row and type pocketvision cost again"
        )
    quartiles = content["quartiles"]
    return Row(**{**content, "quartiles": tuple(quartiles) if quartiles else None})


def record(table: Table, rows: Mapping[str, Row]) -> Table:
    """``table`` with more rows, after it was written: a line a row, in order of keys."""
    done = replace(table, rows=dict(sorted({**table.rows, **rows}.items())))
    head = {"version": VERSION, "target": done.target, "compiler": done.compiler}
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in head.items()]
    lines.append(f'  "about": {json.dumps(dict(done.about))},')
    body = [f"    {json.dumps(key)}: {json.dumps(asdict(row))}" for key, row in done.rows.items()]
    text = "\n".join(["{", *lines, '  "rows": {', ",\n".join(body), "  }", "}", ""])
    try:
        write_text(done.path, text)
    except OSError as error:
        raise CompileError(f"{done.path}: cannot be written: {error.strerror}") from None
    return done
