"""A report as tables of text: the same cells for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .report_data import INSTRUCTIONS, MICROSECONDS, Cost, Report

NAME = 44
"""Longest name of an operator in the terminal."""

BAR = 16
"""Longest bar in the terminal."""


@dataclass(frozen=True)
class Table:
    """``numbers`` are the columns that hold numbers; ``shares`` are per cent, one per row."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int]
    shares: tuple[float, ...]


def title(report: Report) -> str:
    """The report's subject."""
    return f"{report.model} for {report.target}"


def summary(report: Report) -> list[str]:
    """Totals, and what the numbers are."""
    total = report.total
    cost = f"{total.cost / 1e3:.3f} ms" if report.unit == MICROSECONDS else (
        f"{total.cost:,.0f} {INSTRUCTIONS}"
    )  # fmt: skip
    if total.lower is not None and total.upper is not None:
        cost += f" ({total.lower / 1e3:.3f} to {total.upper / 1e3:.3f})"
    if total.cycles is not None:
        cost += f", {total.cycles:,.0f} modelled cycles"
    return [
        f"{cost}; {total.macs:,} MACs, {total.peak:.1f} % of the peak ({report.peak})",
        f"arena {report.arena_bytes:,} bytes, constants {report.constants_bytes:,} bytes, "
        f"{report.kernels} kernels, {report.calls} calls",
        *report.remarks,
    ]


def tables(report: Report, longest: int = NAME) -> list[Table]:
    """Operators, kinds of operators, and what is not accelerated.

    Args:
        longest: characters of an operator's name; its end says more than its start.
    """
    head, numbers = _costs_head(report)
    operators = Table(
        "Operators in order",
        ("operator", "kind", "output", *head),
        tuple(
            (short(row.name, longest),
             " + ".join(filter(None, (row.kind, row.fused))),
             shape_text(row.shape), *_costs(report, row))
            for row in report.operators
        ),
        frozenset(column + 3 for column in numbers),
        tuple(row.share for row in report.operators),
    )  # fmt: skip
    kinds = Table(
        "Kinds of operators",
        ("kind", "operators", *head),
        tuple((k.kind, str(k.operators), *_costs(report, k)) for k in report.kinds),
        frozenset({1, *(column + 2 for column in numbers)}),
        tuple(kind.share for kind in report.kinds),
    )
    slow = Table(
        "Not accelerated",
        ("what", "why", "operators", "share %"),
        tuple(
            (s.what, s.why, str(len(s.operators)), f"{s.share:.1f}") for s in report.unaccelerated
        ),
        frozenset({2, 3}),
        tuple(item.share for item in report.unaccelerated),
    )
    return [operators, kinds, slow]


def short(name: str, longest: int = NAME) -> str:
    """A name's end where it is too long."""
    return name if len(name) <= longest else "…" + name[1 - longest :]


def plain(report: Report) -> str:
    """Everything in aligned columns."""
    lines = [title(report), *(f"  {line}" for line in summary(report))]
    for table in tables(report):
        lines += ["", table.title, *aligned(table)]
    return "\n".join(lines)


def aligned(table: Table) -> Iterator[str]:
    """Lines of columns, with bars where the table has shares."""
    widest = max(table.shares, default=0.0) or 1.0
    shares = table.shares or (0.0,) * len(table.rows)
    bars = ["", *("█" * round(BAR * share / widest) for share in shares)]
    lines = [table.head, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line, bar in zip(lines, bars, strict=True):
        cells = (
            cell.rjust(width) if column in table.numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join(("", *cells, bar)).rstrip()


def _costs_head(report: Report) -> tuple[tuple[str, ...], range]:
    if report.unit == MICROSECONDS:
        head = ("MACs", "µs", "quartiles", "share %", "peak %")
    else:
        head = ("MACs", "instructions", "modelled cycles", "share %", "peak %")
    return head, range(len(head))


def _costs(report: Report, cost: Cost) -> tuple[str, ...]:
    reached = f"{cost.peak:.1f}" if cost.macs else "-"
    share = f"{cost.share:.1f}"
    if report.unit == MICROSECONDS:
        spread = f"{cost.lower:.2f}-{cost.upper:.2f}"
        return f"{cost.macs:,}", f"{cost.cost:.2f}", spread, share, reached
    modelled = "-" if cost.cycles is None else f"{cost.cycles:,.0f}"
    return f"{cost.macs:,}", f"{cost.cost:,.0f}", modelled, share, reached


def shape_text(shape: tuple[int, int, int] | None) -> str:
    """``56x56x16``, or a dash."""
    return "x".join(map(str, shape)) if shape else "-"
