"""What a run leaves of its test clips: predictions a line a video, and the figures made of them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketvision.files import write_text, write_whole

from . import protocol
from .protocol import Array, Share, Videos

PREDICTIONS = "predictions.csv"


def write(path: Path, videos: Videos, classes: list[str]) -> None:
    """A CSV with path, label and the mean logit of each class."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["path", "label", *classes])
    for name, label, row in zip(videos.names, videos.labels, videos.logits, strict=True):
        writer.writerow([name, classes[label], *(f"{value:.6g}" for value in row)])
    write_text(path, text.getvalue())


def read(path: Path) -> tuple[Videos, list[str]]:
    """The inverse of :func:`write`: videos and the names of the classes.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is none of these; names the file.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file))
        if header[:2] != ["path", "label"] or not rows:
            raise ValueError("expected the columns path, label and a class each, and rows")
        classes = header[2:]
        labels = np.array([classes.index(row[1]) for row in rows], np.int64)
        logits = np.array([[float(value) for value in row[2:]] for row in rows])
        if logits.shape != (len(rows), len(classes)):
            raise ValueError(f"expected {len(classes)} numbers a row")
    except (ValueError, IndexError) as error:
        raise ValueError(f"{path}: not the predictions of a run ({error})") from None
    return Videos(logits, labels, [row[0] for row in rows], []), classes


@dataclass(frozen=True)
class Result:
    """Video@1 of all folds' videos together and of each, and the confusion of all.

    ``std``: deviation over the folds, 0 for one.
    """

    video_at_1: Share
    folds: list[Share]
    std: float
    classes: list[str]
    confusion: NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        return {
            "video_at_1": vars(self.video_at_1),
            "folds": [vars(fold) for fold in self.folds],
            "std": self.std,
            "classes": self.classes,
            "confusion": self.confusion.tolist(),
        }


def files(run: Path) -> list[Path]:
    """The predictions of a run's folds in order, or of its one test set.

    Raises:
        FileNotFoundError: the run has none, as it is not through.
    """
    found = sorted(run.glob(f"fold-*/{PREDICTIONS}"), key=lambda p: int(p.parent.name[5:]))
    found = found or [path for path in [run / PREDICTIONS] if path.is_file()]
    if not found:
        raise FileNotFoundError(
            f"{run}: no {PREDICTIONS} there or in its folds; the run is not through, or is none"
        )
    return found


def result(run: Path) -> Result:
    """The figures of a run's folder; errors as of :func:`files` and :func:`read`."""
    parts = [read(path) for path in files(run)]
    classes = parts[0][1]
    if any(other != classes for _, other in parts):
        raise ValueError(f"{run}: its folds have other classes each")
    logits, labels = together(run)
    shares = [protocol.video_at_1(videos.logits, videos.labels) for videos, _ in parts]
    spread = float(np.std([s.value for s in shares], ddof=1)) if len(shares) > 1 else 0.0
    whole = protocol.video_at_1(logits, labels)
    return Result(whole, shares, spread, classes, protocol.confusion(logits, labels))


def together(run: Path) -> tuple[Array, NDArray[np.int64]]:
    """Logits and labels of all folds' videos, in the order of their names."""
    parts = [read(path)[0] for path in files(run)]
    names = [name for part in parts for name in part.names]
    if len(set(names)) < len(names):
        raise ValueError(f"{run}: a video is in two folds")
    order = np.argsort(names)
    return (
        np.concatenate([part.logits for part in parts])[order],
        np.concatenate([part.labels for part in parts])[order],
    )


def names(run: Path) -> list[str]:
    """Of all folds' videos, sorted."""
    return sorted(name for path in files(run) for name in read(path)[0].names)


def picture(path: Path, found: Result, title: str) -> None:
    """A PNG of the confusion, a share of each true class and the count."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts = found.confusion
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = 2.5 + 0.45 * len(found.classes)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axis = figure.subplots()
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(found.classes))
    axis.set(xticks=ticks, yticks=ticks, xlabel="given", ylabel="true", title=title)
    axis.set_xticklabels(found.classes, rotation=45, ha="right")
    axis.set_yticklabels(found.classes)
    for true, row in enumerate(counts):
        for given, count in enumerate(row):
            dark = shares[true, given] > 0.5
            axis.text(given, true, str(count), ha="center", va="center",
                      color="white" if dark else "black")  # fmt: skip
    write_whole(path, canvas.print_png)
