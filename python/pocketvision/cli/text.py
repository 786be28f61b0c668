"""What reaches the terminal: lines, rows and JSON in which no file's text can act as a command."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: colours, titles, the cursor, the clipboard
    "\u2028\u2029\u202a-\u202e\u2066-\u2069"  # other ends of lines; turns of the reading direction
    "\ud800-\udfff]"  # bytes of file names that are no UTF-8, which no stream takes
)


def printable(text: str) -> str:
    r"""``text`` with what a terminal would obey written as it is in Python: ``\x1b``."""
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)


def show(*lines: object, file: TextIO | None = None) -> None:
    """Prints each line; an end of line inside one is written as ``\\n``."""
    for line in lines:
        print(printable(str(line)), file=file)


def show_page(text: str) -> None:
    """Prints text of several lines."""
    show(*text.split("\n"))


def show_json(value: Any) -> None:
    """Exactly one JSON value on stdout."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    print(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def show_csv(rows: Iterable[Sequence[str]]) -> None:
    """Prints a line of CSV for each row."""
    sys.stdout.write(csv_text([printable(value) for value in row] for row in rows))


def show_table(rows: Sequence[Sequence[str]], indent: str = "") -> None:
    """Prints rows of equal length as columns; the first row is the heading."""
    safe = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)]
    for row in safe:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        show(indent + "  ".join(cells).rstrip())


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV, quoted where a value holds a comma, a quote or an end of line."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
