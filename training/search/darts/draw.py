"""Pictures of a search: edges' weights over time, and the cells as graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pocketvision.files import write_whole

from ...models.cells import NODES, Genotype
from .supernet import CHOICES

STATES = ("k-2", "k-1", *(str(node) for node in range(NODES)))


def weights(path: Path, raw: np.ndarray) -> None:
    """A panel an edge: softmax weights of its operators over epochs.

    Args:
        raw: float (epochs, 2, EDGES, CHOICES), raw weights of normal and reduction cells.
    """
    mixed = np.exp(raw - raw.max(axis=-1, keepdims=True))
    mixed /= mixed.sum(axis=-1, keepdims=True)
    names = [f"{STATES[source]} to {node}" for node in range(NODES) for source in range(node + 2)]
    figure = Figure(figsize=(2.1 * len(names), 5.2), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(2, len(names), sharex=True, sharey=True)
    epochs = np.arange(1, len(raw) + 1)
    for kind, row in enumerate(panels):
        for edge, panel in enumerate(row):
            lines = panel.plot(epochs, mixed[:, kind, edge], linewidth=1.2)
            panel.set_title(f"{('normal', 'reduce')[kind]} {names[edge]}", fontsize=8)
            panel.grid(alpha=0.3)
    figure.legend(lines, CHOICES, loc="outside lower center", ncols=len(CHOICES))
    write_whole(path, canvas.print_png)


def cells(path: Path, genotype: Genotype, title: str) -> None:
    """Both cells: states as boxes from left to right, each edge with its operator."""
    figure = Figure(figsize=(11, 7), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    for kind, panel in zip(("normal", "reduce"), figure.subplots(2, 1), strict=True):
        _cell(panel, getattr(genotype, kind), f"{kind}, {title}")
    write_whole(path, canvas.print_png)


def _cell(panel: Any, nodes: tuple, title: str) -> None:
    places = {0: (0.0, 1.0), 1: (0.0, -1.0)}
    places |= {node + 2: (2.0 * (node + 1), 0.9 * (-1) ** node) for node in range(len(nodes))}
    end = (2.0 * (len(nodes) + 1), 0.0)
    box = {"boxstyle": "round", "facecolor": "#dce8f5", "edgecolor": "#4a6d8c"}
    for state, (x, y) in places.items():
        label = STATES[state] if state < len(STATES) else str(state - 2)
        panel.text(x, y, label, ha="center", va="center", bbox=box, zorder=3)
    panel.text(*end, "concat", ha="center", va="center", bbox=box, zorder=3)
    for node, edges in enumerate(nodes):
        for place, (operation, source) in enumerate(edges):
            bend = 0.12 + 0.16 * place
            _arrow(panel, places[source], places[node + 2], operation, bend)
        _arrow(panel, places[node + 2], end, "", 0.0)
    panel.set(xlim=(-0.7, end[0] + 0.9), ylim=(-2.1, 2.1), title=title)
    panel.axis("off")


def _arrow(panel: Any, start: tuple, end: tuple, label: str, bend: float) -> None:
    style: dict[str, Any] = {
        "arrowstyle": "->",
        "color": "#555555",
        "connectionstyle": f"arc3,rad={bend}",
    }
    style |= {"shrinkA": 14, "shrinkB": 14}
    panel.annotate("", end, start, arrowprops=style)
    if label:
        across = (end[0] - start[0], end[1] - start[1])
        x = (start[0] + end[0]) / 2 + 0.5 * bend * across[1]
        y = (start[1] + end[1]) / 2 - 0.5 * bend * across[0]
        back: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8}
        panel.text(x, y, label, ha="center", va="center", fontsize=9, color="#a03020", bbox=back)
