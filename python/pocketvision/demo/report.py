"""What the demonstration prints and draws: a table of scores, and the faces with their scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..faces.alignment import align
from ..faces.embedder import Embedder
from ..faces.find.photo import Faces
from ..files import write_whole
from .compare import Scores
from .damage import COPIES
from .faces import Face
from .latency import Latency
from .photos import Photo

PORTRAITS = 2
"""The first faces; the others are LFW patches."""


def table(scores: Scores, shown: int, threshold: float) -> str:
    """Cosines to the copies of the first ``shown`` faces, then of all LFW patches together.

    A ``*`` marks a score below ``threshold``: the copy is taken for another person.
    """
    width = max(len(name) for name in [*scores.names, "all patches, share same"]) + 1
    lines = ["".ljust(width) + "".join(name.rjust(11) for name in COPIES)]
    for name, row in list(zip(scores.names, scores.copies, strict=True))[:shown]:
        cells = "".join(_cell(value, threshold).rjust(11) for value in row)
        lines.append(name.ljust(width) + cells)
    patches = scores.copies[PORTRAITS:]
    medians = "".join(f"{value:.3f} ".rjust(11) for value in np.nanmedian(patches, axis=0))
    shares = "".join(f"{share:.0%} ".rjust(11) for share in (patches >= threshold).mean(axis=0))
    lines.append("all patches, median".ljust(width) + medians)
    lines.append("all patches, share same".ljust(width) + shares)
    return "\n".join(lines)


def _cell(value: float, threshold: float) -> str:
    if np.isnan(value):
        return "- "
    return f"{value:.3f}{' ' if value >= threshold else '*'}"


def strangers(scores: Scores, threshold: float) -> str:
    """One line for the astronaut against all patches, one for all pairs of patches."""
    lines = []
    for text, values in (
        ("astronaut and each LFW patch", scores.others[0, PORTRAITS:]),
        ("pairs of different LFW patches", scores.strangers(slice(PORTRAITS, None))),
    ):
        lines.append(
            f"{text}: {len(values)} pairs, median {np.median(values):.3f}, "
            f"highest {values.max():.3f}, {(values >= threshold).mean():.1%} above the threshold"
        )
    return "\n".join(lines)


def latency(found: Latency) -> str:
    """Two lines: ours and onnxruntime's, median and quartiles."""
    where = "one thread" if found.core is None else f"one thread, pinned to core {found.core}"
    own = found.own
    lines = [
        f"latency per face, {where}:",
        f"  pocketvision       {own.median:7.2f} ms  (quartiles {own.lower:.2f} to "
        f"{own.upper:.2f})",
    ]
    if found.peer is None:
        lines.append(f"  onnxruntime int8   skipped: {found.reason}")
    else:
        peer = found.peer
        lines.append(
            f"  onnxruntime int8   {peer.median:7.2f} ms  (quartiles {peer.lower:.2f} to "
            f"{peer.upper:.2f}), {peer.median / own.median:.1f} times ours"
        )
    return "\n".join(lines)


def write_photos(finder: Faces, photos: list[Photo], out: Path) -> Path:
    """Draws each photo with the boxes and landmarks that are found in it, and their quality."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(photos), 5.5), layout="constrained")
    for panel, photo in zip(figure.subplots(1, len(photos), squeeze=False)[0], photos, strict=True):
        panel.imshow(photo.picture)
        for face in finder.find(photo.picture):
            left, top, right, bottom = face.box
            colour = "#15803d" if face.quality is not None and face.quality.reliable else "#d97706"
            panel.plot([left, right, right, left, left], [top, top, bottom, bottom, top], colour)
            panel.plot(*face.landmarks.T, ".", color=colour, markersize=4)
            score = "-" if face.quality is None else face.quality.score
            panel.text(
                left, top - 4, f"{face.score:.2f}, quality {score}", color=colour, fontsize=8
            )
        panel.set_title(photo.name, fontsize=9)
        panel.axis("off")
    write_whole(out, lambda file: figure.savefig(file, dpi=100, format="png"))
    return out


def write_png(
    embedder: Embedder, faces: list[Face], scores: Scores, threshold: float, out: Path
) -> Path:
    """Draws each face and its copies as the network sees them, with cosine to the original."""
    from matplotlib.figure import Figure

    columns = 1 + len(COPIES)
    figure = Figure(figsize=(1.5 * columns, 1.8 * len(faces) + 0.5), layout="constrained")
    panels = figure.subplots(len(faces), columns, squeeze=False)
    for row, face in enumerate(faces):
        _panel(panels[row, 0], embedder, face, face.name, "black")
        for column, (name, make) in enumerate(COPIES.items(), start=1):
            value = float(scores.copies[row, column - 1])
            colour = "#15803d" if value >= threshold else "#b91c1c"
            said = "no face found" if np.isnan(value) else f"{value:.3f}"
            _panel(panels[row, column], embedder, make(face), f"{name}\n{said}", colour)
    figure.suptitle(
        f"{embedder.name}: cosine to the original; green: same person at {threshold:.3f}",
        fontsize=9,
    )
    write_whole(out, lambda file: figure.savefig(file, dpi=120, format="png"))
    return out


def _panel(panel: Any, embedder: Embedder, face: Face, title: str, colour: str) -> None:
    recipe = embedder.record.preprocess
    size = (recipe["size"][0], recipe["size"][1])
    panel.imshow(align(face.picture, face.landmarks, size=size)[0])
    panel.set_title(title, fontsize=8, color=colour)
    panel.axis("off")
