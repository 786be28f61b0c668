"""The figures as tables, and a picture: false matches before and behind the gate, and ROC."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from pocketvision.files import write_whole

from .run import Found

WIDTH = 132
"""Characters of a line of the tables, also where nobody sees them at once."""


def show(found: Found) -> None:
    console = Console(width=WIDTH)
    table = Table("faces that should pass", "faces", "refused", "not enrolled", "score 1, 5, 50 %")
    for clean in found.clean:
        scores = ", ".join(f"{value:.0f}" for value in clean.percentiles)
        shares = f"{clean.refused:.2%}", f"{clean.not_enrolled:.2%}"
        table.add_row(clean.name, f"{clean.faces:,}", *shares, scores)
    console.print(table)
    models = list(found.gates)
    table = Table(
        "class",
        "shown",
        "passed",
        title="false matches at the threshold, before > behind the gate > beyond the margin",
    )
    for model in models:
        table.add_column(f"{model} ({found.thresholds[model]:.3f})", justify="right")
    for rows in zip(*found.gates.values(), strict=True):
        rates = (
            " > ".join(_rate(rate) for rate in (gate.fmr_before, gate.fmr, gate.fmr_relied))
            for gate in rows
        )
        first = rows[0]
        table.add_row(first.name, "yes" if first.shown else "no", f"{first.passed:.0%}", *rates)
    console.print(table)
    for model in models:
        known = [gate for gate in found.gates[model] if not math.isnan(gate.fmr)]
        worst = max(known, key=lambda gate: gate.fmr_relied)
        console.print(
            f"{model}: most false matches behind the gate: {worst.fmr_relied:.2%} ({worst.name}, "
            f"{worst.pairs:,} pairs); of {len(found.gates[model])} classes above 5 %: "
            f"{sum(gate.fmr_before > 0.05 for gate in found.gates[model])} before it, "
            f"{sum(gate.fmr > 0.05 for gate in known)} behind it, "
            f"{sum(gate.fmr_relied > 0.05 for gate in known)} beyond the margin"
        )
    table = Table("LFW pairs", "model", "pairs", "both pass", "FNMR", "FMR", "in doubt", "AUC")
    for model, kinds in found.wrong.items():
        for what, wrong in kinds.items():
            table.add_row(
                what, model, f"{wrong.pairs:,}", f"{wrong.passed:,}",
                f"{wrong.false_non_match:.2%} > {wrong.false_non_match_passed:.2%}",
                f"{wrong.false_match:.2%} > {wrong.false_match_passed:.2%}",
                f"{wrong.doubted:.2%}", f"{wrong.auc:.3f}",
            )  # fmt: skip
    console.print(table)
    if found.landmarks:
        table = Table("landmarks", "faces", "an error", "by the residual", "refused in all")
        for row in found.landmarks:
            rates = (f"{share:.2%}" for share in (row.error, row.by_residual, row.refused))
            table.add_row(row.name, f"{row.faces:,}", *rates)
        console.print(table)


def _rate(value: float) -> str:
    return "few" if math.isnan(value) else f"{value:.1%}"


def plot(path: Path, found: Found) -> Path:
    """Writes one PNG: a bar a class for the first model, and a ROC of wrong answers for each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    model, gates = next(iter(found.gates.items()))
    figure = Figure(figsize=(13, 0.16 * len(gates) + 3), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    bars, roc = figure.subplots(1, 2, width_ratios=[3, 2])
    at = np.arange(len(gates))
    bars.barh(at, [gate.fmr_before for gate in gates], color="lightgrey", label="before the gate")
    behind = [0 if math.isnan(gate.fmr_relied) else gate.fmr_relied for gate in gates]
    bars.barh(at, behind, color="tab:red", label="behind it")
    bars.plot([gate.passed for gate in gates], at, ".", color="tab:blue", label="share that passes")
    bars.axvline(0.05, color="black", linewidth=0.7)
    bars.set(yticks=at, xlim=(0, 1), title=f"false matches among strangers, {model}")
    bars.set_yticklabels([gate.name for gate in gates], fontsize=6)
    bars.invert_yaxis()
    bars.legend()
    for name, kinds in found.wrong.items():
        for what, wrong in kinds.items():
            roc.plot(wrong.lost, wrong.told, label=f"{name}, {what}: AUC {wrong.auc:.3f}")
    roc.plot([0, 1], [0, 1], color="grey", linewidth=0.7)
    roc.set(xlabel="right answers below a level", ylabel="wrong answers below it",
            title="does the lower quality of a pair predict a wrong answer?")  # fmt: skip
    roc.legend(fontsize=7)
    write_whole(path, canvas.print_png)
    return path
