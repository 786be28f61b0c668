"""The picture of a front: ratings, proxies and LFW against a cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pocketvision.files import write_whole


def front(path: Path, rows: Sequence[Mapping[str, Any]], cost: str) -> None:
    """Three panels over the logarithm of ``cost``: block rating, combined proxies, LFW.

    Args:
        rows: as ``pareto`` makes them; those without the cost are left out. A reference has
            neither rating nor proxies and stands in the last panel alone.
    """
    rows = [row for row in rows if cost in row["costs"]]
    found = [row for row in rows if row["rating"] is not None]
    beside = [row for row in rows if row["rating"] is None]
    figure = Figure(figsize=(13.5, 4.2), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    rating, proxy, real = figure.subplots(1, 3)
    at = [row["costs"][cost] for row in found]
    rating.plot(at, [row["rating"] for row in found], "o", color="#2a6f97")
    rating.set(title="block rating, less is better", ylabel="sum of mean |S - T| / std(T)")
    proxy.plot(at, [row["scores"]["combined"] for row in found], "s", color="#6a4c93")
    proxy.set(title="proxies by rank, more is better", ylabel="sum of log(rank / count)")
    for group, colour, label in ((found, "#2a6f97", "found"), (beside, "#c1440e", "reference")):
        real.errorbar(
            [row["costs"][cost] for row in group],
            [100 * row["lfw"] for row in group],
            yerr=[100 * (row["spread"] or 0.0) for row in group],
            fmt="o",
            color=colour,
            label=label,
            capsize=3,
        )
    for row in beside:
        place = (row["costs"][cost], 100 * row["lfw"])
        real.annotate(row["name"], place, (4, 4), textcoords="offset points", fontsize=8)
    best = sorted((row["costs"][cost], 100 * row["lfw"]) for row in rows if row["front"])
    real.plot(*zip(*best, strict=True), "-", color="#888888", zorder=0, label="front")
    real.set(title="LFW after a short training", ylabel="accuracy, %")
    real.legend(fontsize=8)
    for panel in (rating, proxy, real):
        panel.set(xlabel=cost, xscale="log")
        panel.grid(alpha=0.3)
    write_whole(path, canvas.print_png)
