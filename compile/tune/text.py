"""The result of a search for tiles as a table of text."""

from __future__ import annotations

from ..inspect.report_text import Table, aligned
from .tune import NEAR, Tuned


def plain(done: Tuned) -> str:
    """A row per shape, the most expensive first; then the totals, and how far the defaults are."""
    rows = sorted(done.rows, key=lambda row: -row.calls * row.tuned)
    table = Table(
        "",
        ("kernel", "calls", "tile", "default", "tuned", "less %"),
        tuple(
            (row.words, str(row.calls), row.tile, f"{row.default:,.10g}", f"{row.tuned:,.10g}",
             _less(row.default, row.tuned))
            for row in rows
        ),
        frozenset({1, 3, 4, 5}),
        tuple(row.calls * row.tuned for row in rows),
    )  # fmt: skip
    changed = sum(row.tile != "default" for row in rows)
    return "\n".join(
        [
            f"{done.model} for {done.target}: {done.unit} per call",
            *aligned(table),
            f"  all calls: {done.default:,.10g} {done.unit} with default tiles, {done.tuned:,.10g} "
            f"tuned, {_less(done.default, done.tuned)} % less",
            f"  {changed} of {len(rows)} shapes took another tile; the default costs at most "
            f"{100 * (NEAR - 1):.0f} % more than the tuned one in {done.near} of {len(rows)}",
            f"  {done.table}",
        ]
    )


def _less(default: float, tuned: float) -> str:
    return f"{100 * (1 - tuned / default) if default else 0:.1f}"
