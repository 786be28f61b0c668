"""One HTML page of faces by group: crops, files, scores; it needs no other file."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from ..files import PRIVATE, write_whole

STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em; color: #222 }
section { border-top: 1px solid #ccc; padding: .5em 0 } h2 { font-size: 1.1em; margin: .3em 0 }
figure { display: inline-block; width: 128px; margin: 4px; vertical-align: top }
figure img { width: 112px; height: 112px; display: block; border-radius: 4px }
figcaption { font-size: 11px; line-height: 1.3; overflow-wrap: anywhere }
.doubt { color: #a34700 }
"""


def write(out: Path, rows: Sequence[dict[str, Any]], crops: Sequence[Any], how: str) -> None:
    """Writes the page; only its owner may read it, since it shows people.

    ``rows``: picture, face, score, group and perhaps reasons of each face, in order of groups.
    ``crops``: uint8 RGB (H, W, 3) of each. ``how``: what the groups rest on. Needs Pillow.
    """
    text = page(rows, crops, how)
    write_whole(out, lambda file: file.write(text.encode(errors="backslashreplace")), PRIVATE)


def page(rows: Sequence[dict[str, Any]], crops: Sequence[Any], how: str) -> str:
    """The page's text."""
    pairs = zip(rows, crops, strict=True)
    parts = []
    for number, inside in groupby(pairs, key=lambda pair: pair[0]["group"]):
        faces = list(inside)
        title = f"Group {number + 1}: {len(faces)} face{'s' * (len(faces) != 1)}"
        figures = "".join(_figure(row, crop) for row, crop in faces)
        parts.append(f'<section id="group-{number}"><h2>{title}</h2>{figures}</section>')
    title = f"{len(rows)} faces in {len(parts)} groups"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n"
        f"<p>{_safe(how)}. A score is the mean cosine to the others of the group.</p>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _figure(row: dict[str, Any], crop: Any) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(crop).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode("ascii")
    name = _safe(row["picture"])
    doubts = "; ".join(row.get("reasons", ()))
    doubt = f'<br><span class="doubt">{_safe(doubts)}</span>' if doubts else ""
    return (
        f'<figure><img alt="{name}, face {row["face"]}" src="data:image/png;base64,{data}">'
        f"<figcaption>{name}<br>score {row['score']:.3f}{doubt}</figcaption></figure>"
    )


def _safe(text: str) -> str:
    return html.escape(text.encode(errors="backslashreplace").decode())
