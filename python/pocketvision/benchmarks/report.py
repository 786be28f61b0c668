"""The benchmark's results as a text table, a JSON file and a PNG bar chart."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .machine import facts

Row = dict[str, Any]


def table(rows: list[Row]) -> str:
    """Aligned text, one line a row, fastest first within each network."""
    head = ("network", "runtime", "precision", "ms", "iqr", "ratio", "cosine", "best variant")
    body = [
        (
            row["network"],
            row["runtime"],
            row["precision"],
            f"{row['median_ms']:.2f}",
            f"{row['iqr_ms']:.2f}",
            f"{row['ratio_to_ours']:.2f}",
            "-" if row["cosine_to_float"] is None else f"{row['cosine_to_float']:.4f}",
            row["variant"],
        )
        for row in sorted(rows, key=lambda row: (row["network"], row["median_ms"]))
    ]
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
    numeric = range(3, 7)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in numeric else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [head, *body]
    )


def conditions(rows: list[Row]) -> str:
    """One line a fact: machine, date, versions, threads and rounds."""
    lines = [f"{name}: {text}" for name, text in facts().items()]
    rounds = rows[0]["rounds"] if rows else 0
    return "\n".join(
        [
            *lines,
            f"method: 1 thread on 1 pinned core, {rounds} interleaved rounds, median and iqr in ms",
            "ours: from uint8 pixels to the unit-norm embedding; peers: from the normalised tensor",
        ]
    )


def write_json(rows: list[Row], out: Path) -> Path:
    """Writes facts and rows to ``out``."""
    partial = out.with_suffix(".partial")
    partial.write_text(json.dumps({"machine": facts(), "rows": rows}, indent=1) + "\n", "utf-8")
    os.replace(partial, out)
    return out


def write_png(rows: list[Row], out: Path) -> Path:
    """Draws median times as bars with quartile whiskers, one panel a network."""
    from matplotlib.figure import Figure

    networks = sorted({row["network"] for row in rows})
    figure = Figure(figsize=(8, 1.2 + 0.32 * len(rows)), layout="constrained")
    panels = figure.subplots(len(networks), 1, squeeze=False)[:, 0]
    for panel, network in zip(panels, networks, strict=True):
        shown = sorted(
            (row for row in rows if row["network"] == network), key=lambda row: -row["median_ms"]
        )
        medians = [row["median_ms"] for row in shown]
        whiskers = [
            [row["median_ms"] - row["q1_ms"] for row in shown],
            [row["q3_ms"] - row["median_ms"] for row in shown],
        ]
        colours = ["#c2410c" if row["ratio_to_ours"] == 1 else "#94a3b8" for row in shown]
        labels = [f"{row['runtime']} {row['precision']}" for row in shown]
        bars = panel.barh(labels, medians, xerr=whiskers, color=colours, capsize=2)
        panel.bar_label(bars, [f"{value:.2f}" for value in medians], padding=6)
        panel.set_title(network)
        panel.set_xlabel("ms per face, one thread, lower is better")
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(x=0.12)
    machine = facts()
    figure.suptitle(f"{machine['processor']}, {machine['date']}", fontsize=9)
    partial = out.with_suffix(".partial.png")
    figure.savefig(partial, dpi=120)
    os.replace(partial, out)
    return out
