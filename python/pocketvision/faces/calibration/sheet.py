"""What a calibration found, to look at: the DET picture, and one HTML page with everything."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...files import PRIVATE, write_whole
from .calibrate import Findings, Pair
from .sidecar import Calibration

STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 } th, td { padding: .2em .8em; text-align: right }
th { border-bottom: 1px solid #888 } td:first-child, th:first-child { text-align: left }
.warn { background: #fff3cd; padding: .5em 1em } img { max-width: 100% }
"""


def plot(path: Path, found: Findings, title: str) -> None:
    """Writes the DET picture as PNG. Needs matplotlib."""
    data = _picture(found, title)
    write_whole(path, lambda file: file.write(data))


def page(
    path: Path,
    found: Findings,
    calibration: Calibration,
    pictures: Sequence[str],
    warnings: Sequence[str],
) -> None:
    """Writes the page, which needs no other file; only its owner may read it, since it names
    people. Needs matplotlib.

    ``pictures``: how each row of the calibrated embeddings is called.
    """
    text = _page(found, calibration, pictures, warnings)
    write_whole(path, lambda file: file.write(text.encode(errors="backslashreplace")), PRIVATE)


def _page(
    found: Findings, calibration: Calibration, pictures: Sequence[str], warnings: Sequence[str]
) -> str:
    title = f"{calibration.model} on {calibration.folder}"
    image = base64.b64encode(_picture(found, title)).decode("ascii")
    parts = [
        f"<h1>{_safe(title)}</h1>",
        _table(
            ("", ""),
            [
                ("date", calibration.date),
                ("people", f"{found.people:,}"),
                ("pictures", f"{found.pictures:,}"),
                ("pairs of one person's pictures", f"{found.genuine_pairs:,}"),
                ("pairs of different people", f"{found.impostor_pairs:,}"),
                ("model's source", calibration.source_sha256),
            ],
        ),
        *(f'<p class="warn">{_safe(text)}</p>' for text in warnings),
        "<h2>Verification</h2>",
        "<p>A pair of different people reaches the threshold at the false accept rate; the bounds "
        "hold 95 % by bootstrap over people. Refused are pairs of one person below it.</p>",
        _table(("false accept rate", "threshold", "95 %", "refused", "95 %"), verification(found)),
        _refusals(found.refused),
        "<h2>Identification</h2>",
        "<p>A stranger raises an alarm among so many enrolled people, of so many templates each, "
        "at the false positive identification rate; new people show a rate within the bounds, "
        "95 %.</p>",
        _table(
            ("rate", "people", "templates each", "threshold", "95 % of the rate"),
            identification(found),
        ),
        _refusals(found.refused_fpirs),
        f'<h2>Errors at every threshold</h2><img alt="DET" src="data:image/png;base64,{image}">',
        "<h2>The most alike pictures of different people</h2>",
        _pairs(found.alike, pictures),
        "<h2>The least alike pictures of one person</h2>",
        _pairs(found.unlike, pictures),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8">'
        f"<title>{_safe(title)}</title><style>{STYLE}</style>\n" + "\n".join(parts) + "\n</html>\n"
    )


def verification(found: Findings) -> list[tuple[str, ...]]:
    """Rows of text: rate, threshold, its bounds, share of refused owners, its bounds."""
    rows: list[tuple[str, ...]] = []
    for entry, misses in zip(found.thresholds, found.misses, strict=True):
        low, high = entry["interval"]
        spread = "-" if misses is None else f"{misses.low:.2%} to {misses.high:.2%}"
        share = "-" if misses is None else f"{misses.share:.2%}"
        ends = f"{low:.4f} to {high:.4f}"
        rows.append((f"{entry['far']:g}", f"{entry['threshold']:.4f}", ends, share, spread))
    return rows


def identification(found: Findings) -> list[tuple[str, ...]]:
    """Rows of text: rate, people, templates of each, threshold, bounds of the rate."""
    return [
        (
            f"{entry['fpir']:g}",
            f"{entry['size']}",
            f"{entry.get('templates', 1)}",
            f"{entry['threshold']:.4f}",
            "{:g} to {:g}".format(*entry["interval"]),
        )
        for entry in found.identification
    ]


def _picture(found: Findings, title: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    axes: Any = figure.subplots()
    det = found.det
    # Left of three pairs the curve is luck (rule of three).
    least = min(3 / found.impostor_pairs, 0.5)
    if det.fnmr is None:
        axes.plot(det.thresholds, np.maximum(det.fmr, least / 10), label="false accepts")
        axes.set(xlabel="threshold (cosine)", ylabel="FAR", yscale="log", ylim=(least, 1))
    else:
        inside = (det.fmr >= least) & (det.fmr < 1)
        axes.plot(det.fmr[inside], det.fnmr[inside])
        for entry, misses in zip(found.thresholds, found.misses, strict=True):
            if misses is not None:
                axes.plot(entry["far"], misses.share, "o", color="C1")
                label = f"{entry['threshold']:.3f}"
                axes.annotate(
                    label, (entry["far"], misses.share), (4, 4), textcoords="offset points"
                )
        axes.set(xlabel="FAR", ylabel="FRR", xscale="log", xlim=(least, 1), ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.set_title("".join(c if c.isprintable() else "?" for c in title), parse_math=False)
    file = io.BytesIO()
    canvas.print_png(file)
    return file.getvalue()


def _refusals(refused: Sequence[Any]) -> str:
    return "".join(f"<p>Not carried: {_safe(item.why)}.</p>" for item in refused)


def _pairs(pairs: Sequence[Pair], pictures: Sequence[str]) -> str:
    rows = [(pictures[p.first], pictures[p.second], f"{p.score:.3f}") for p in pairs]
    return _table(("picture", "picture", "cosine"), rows) if rows else "<p>There are none.</p>"


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{_safe(cell)}</{tag}>" for cell in cells) + "</tr>"

    head = line(heading, "th") if any(heading) else ""
    return "<table>" + head + "".join(line(row, "td") for row in rows) + "</table>"


def _safe(text: str) -> str:
    return html.escape(text.encode(errors="backslashreplace").decode())
