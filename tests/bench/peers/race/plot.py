"""The benchmark's results as a PNG bar chart, one panel a network."""

from __future__ import annotations

from pathlib import Path

from pocketvision.files import write_whole

from .report import Row


def write_png(rows: list[Row], about: str, out: Path) -> Path:
    """Draws median times, whiskers at the quartiles, a panel a network; ``about``: the title."""
    from matplotlib.figure import Figure

    networks = sorted({row["network"] for row in rows})
    lengths = [sum(row["network"] == network for row in rows) for network in networks]
    figure = Figure(figsize=(8, 1.2 + 0.27 * len(rows) + 0.9 * len(networks)), layout="constrained")
    heights = [length + 0.5 for length in lengths]
    panels = figure.subplots(len(networks), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, network in zip(panels, networks, strict=True):
        shown = sorted(
            (row for row in rows if row["network"] == network), key=lambda row: -row["median_ms"]
        )
        medians = [row["median_ms"] for row in shown]
        whiskers = [
            [row["median_ms"] - row["q1_ms"] for row in shown],
            [row["q3_ms"] - row["median_ms"] for row in shown],
        ]
        own = [row["runtime"] == "pocketvision" for row in shown]
        colours = ["#c2410c" if one else "#94a3b8" for one in own]
        labels = [f"{row['runtime']} {row['precision']}" for row in shown]
        bars = panel.barh(labels, medians, xerr=whiskers, color=colours, capsize=2)
        panel.bar_label(bars, [f"{value:.2f}" for value in medians], padding=6)
        panel.set_title(network + (", weights of noise" if shown[0]["noise"] else ""))
        panel.set_xlabel("ms per face, one thread, lower is better")
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(x=0.12)
    figure.suptitle(about, fontsize=9)
    write_whole(out, lambda file: figure.savefig(file, format="png", dpi=120))
    return out
