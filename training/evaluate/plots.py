"""Pictures of a verification run: ROC, DET and the histograms of genuine and impostor scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import DetCurveDisplay, RocCurveDisplay, det_curve, roc_curve

from pocketvision.files import write_whole


def verification(path: Path, scores: ArrayLike, same: ArrayLike, title: str) -> Path:
    """Writes one PNG of three panels to ``path``.

    Args:
        scores: (P,) cosines.
        same: (P,) whether a pair is genuine.
        title: the model, the data set and the protocol.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    score, genuine = np.asarray(scores, np.float64), np.asarray(same, bool)
    impostors = int((~genuine).sum())
    figure = Figure(figsize=(13, 4), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    roc, det, histogram = figure.subplots(1, 3)
    false, true, _ = roc_curve(genuine, score)
    RocCurveDisplay(fpr=false, tpr=true).plot(ax=roc)
    # Left of three impostors the curve is luck (rule of three).
    lowest = min(3 / impostors, 0.5)
    roc.set(xscale="log", xlim=(lowest, 1), xlabel="FAR", ylabel="TAR", title="ROC")
    misses = det_curve(genuine, score)
    DetCurveDisplay(fpr=misses[0], fnr=misses[1]).plot(ax=det)
    det.set(xlabel="FAR", ylabel="FRR", title="DET")
    bins = np.linspace(score.min(), score.max(), 61)
    for label, part in (("impostor", score[~genuine]), ("genuine", score[genuine])):
        histogram.hist(part, bins=bins, alpha=0.6, density=True, label=f"{label} ({len(part)})")
    histogram.set(xlabel="cosine", ylabel="density", title="scores")
    histogram.legend()
    for panel in (roc, det):
        panel.grid(alpha=0.3)
        if panel.get_legend():
            panel.get_legend().remove()
    figure.suptitle(title)
    write_whole(path, canvas.print_png)
    return path
