"""A report as one page without outside resources: sortable tables, a bar per row."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html import escape

from .report_data import Report
from .report_text import Table, summary, tables, title

STYLE = """
:root { color-scheme: light dark; --text: #1c1c1c; --soft: #666; --back: #fff; --line: #ddd;
  --bar: #3b78c4; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e4e4; --soft: #9a9a9a; --back: #161616; --line: #333; --bar: #5b9bea; } }
body { color: var(--text); background: var(--back); font: 15px/1.45 system-ui, sans-serif;
  margin: 2em auto; max-width: 78em; padding: 0 1em; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin-top: 2em; }
table { border-collapse: collapse; width: 100%; font-size: 0.9em; }
th, td { text-align: left; padding: 0.15em 0.7em 0.15em 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; cursor: pointer; white-space: nowrap; }
td:first-child { overflow-wrap: anywhere; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.b { width: 16%; } .b div { background: var(--bar); height: 0.8em; border-radius: 2px; }
details { color: var(--soft); font-size: 0.9em; }
"""

# Free of "<" and "&", so that the page is well-formed XML too.
SCRIPT = """
document.querySelectorAll("th").forEach(function (head) {
  head.addEventListener("click", function () {
    var body = head.closest("table").tBodies[0], at = head.cellIndex;
    var sign = head.dataset.sign = head.dataset.sign === "-1" ? 1 : -1;
    function key(row) {
      var text = row.cells[at].dataset.v || row.cells[at].textContent;
      var number = parseFloat(text.replace(/,/g, ""));
      return head.className.includes("n") ? (isNaN(number) ? -1 : number) : text;
    }
    Array.from(body.rows).sort(function (a, b) {
      var x = key(a), y = key(b);
      return sign * (typeof x === "number" ? x - y : x.localeCompare(y));
    }).forEach(function (row) { body.appendChild(row); });
  });
});
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page(report: Report, facts: dict[str, str] | None = None) -> str:
    """The page; ``facts`` are further lines: processor, date, versions."""
    facts = {"int8 file": f"SHA-256 {report.source_sha256}", **(facts or {})}
    about = [*summary(report), *(f"{key}: {value}" for key, value in facts.items())]
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8" />',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />',
        '<meta name="viewport" content="width=device-width, initial-scale=1" />',
        f"<title>{escape(title(report))}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        f"<h1>{escape(title(report))}</h1>",
        *(f"<p>{escape(line)}</p>" for line in about),
    ]
    operators, kinds, slow = tables(report, longest=sys.maxsize)
    for table in (kinds, slow, operators):
        lines += [f"<h2>{escape(table.title)}</h2>", *_table(table)]
        if table is slow:
            lines += [
                f"<details><summary>{escape(f'{item.what}: {item.why}')}</summary>"
                f"<p>{escape(', '.join(item.operators))}</p></details>"
                for item in report.unaccelerated
            ]
    return "\n".join([*lines, f"<script>{SCRIPT}</script>", "</body>", "</html>", ""])


def _table(table: Table) -> Iterator[str]:
    mark = ['class="n"' if column in table.numbers else "" for column in range(len(table.head))]
    cells = (f"<th {tag}>{escape(cell)}</th>" for cell, tag in zip(table.head, mark, strict=True))
    yield f'<table><thead><tr>{"".join(cells)}<th class="b n"></th></tr></thead><tbody>'
    widest = max(table.shares, default=0.0) or 1.0
    for row, share in zip(table.rows, table.shares, strict=True):
        cells = (f"<td {tag}>{escape(cell)}</td>" for cell, tag in zip(row, mark, strict=True))
        bar = f'<div style="width: {100 * share / widest:.1f}%"></div>'
        yield f'<tr>{"".join(cells)}<td class="b" data-v="{share:.4f}">{bar}</td></tr>'
    yield "</tbody></table>"
