"""The page of operators says what the code takes."""

from __future__ import annotations

from pathlib import Path

from pocketvision.compile.frontend.operators import SUPPORTED
from pocketvision.compile.inspect.operators import page


def test_the_page_is_that_of_the_code() -> None:
    written = Path(__file__).resolve().parents[3] / "compile" / "OPERATORS.md"
    assert written.read_text() == page(), (
        "write it anew: python -m pocketvision.compile.inspect.operators > compile/OPERATORS.md"
    )


def test_every_operator_has_a_row() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| ") and "yes" in line]
    assert [row.split(" | ")[0][2:] for row in rows] == list(SUPPORTED)
