"""Pairs of unlike quality, in the spirit of XQLFW (Knoche et al., arXiv 2108.10290).

    python -m pocketvision.training.evaluate.faces.far.mixed --lfw lfw_112 --pairs lfw_pairs.txt \\
        --out mixed.csv

XQLFW chooses, among LFW's pictures and spoilt forms of them, pairs whose two qualities differ most,
by learnt figures of quality. Ours is written down: the pixels that a picture holds, the smallest
side of ``LADDER`` to which it can be shrunk by area and enlarged again (bicubic) at ``PSNR`` dB or
more over red, green and blue. Noise counts as detail there, so the forms below add it before the
enlargement, where it cannot count for more than the face's own pixels.

A third of the pictures stays as it is; the others take the camera's form (``forms.py``) at 10 to 56
pixels, as many in each octave; which and at what size follows from the name alone. Of each fold the
genuine pairs are those with the largest ratio of the two figures, among all pairs of pictures of
one person; impostors are drawn to have the same ratios, so that quality does not give the answer.
The list's bytes follow from the pictures and LFW's list; the command prints its SHA-256.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import itertools
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pocketvision.files import write_text

from ....data.far import picture
from ....data.pictures import decode
from .. import pairs
from . import forms

LADDER = (8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96)
PSNR = 36.0
SHARE_SHARP = 1 / 3
SMALLEST, LARGEST = 10, 56
MOST_USES = 4
"""Pairs that one picture may stand in, for each kind."""

TRIES = 40
"""Impostor pairs that are drawn for each one that is wanted."""

COLUMNS = ("fold", "same", "first", "second", "first_pixels", "second_pixels")


def held(pixels: NDArray[np.uint8]) -> int:
    """The pixels that a picture holds: a side of ``LADDER``, or its own."""
    real = pixels.astype(np.float64)
    for side in LADDER:
        if side >= pixels.shape[0]:
            break
        small = picture.small(pixels, forms.shot("", side))
        error = np.square(picture.enlarged(small, pixels.shape[0]) - real).mean()
        if error == 0 or 10 * np.log10(255**2 / error) >= PSNR:
            return side
    return pixels.shape[0]


def size_of(name: str) -> int | None:
    """The size at which a picture is shown; None: as it is."""
    sharp, size = np.random.default_rng([forms.SEED, 1, zlib.crc32(name.encode())]).random(2)
    if sharp < SHARE_SHARP:
        return None
    return min(LARGEST, int(SMALLEST * ((LARGEST + 1) / SMALLEST) ** size))


def shown(crop: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """The picture called ``name`` as the list means it."""
    size = size_of(name)
    return crop if size is None else picture.seen(crop, forms.shot(name, size, "camera"))


def made(crops: NDArray[np.uint8], names: list[str]) -> NDArray[np.uint8]:
    """:func:`shown` of several."""
    return np.stack([shown(crop, name) for crop, name in zip(crops, names, strict=True)])


Row = tuple[str, str, float]
"""Both pictures and the logarithm of the ratio of their figures."""


def chosen(
    names: list[str], figure: Mapping[str, int], count: int, seed: int
) -> tuple[list[Row], list[Row]]:
    """Of one fold's pictures up to ``count`` genuine pairs, as many impostors of like ratios."""

    def row(one: str, two: str) -> Row:
        return one, two, abs(float(np.log(figure[one] / figure[two])))

    people: dict[str, list[str]] = {}
    for name in sorted(names):
        people.setdefault(name.split("/")[0], []).append(name)
    every = [row(*two) for own in people.values() for two in itertools.combinations(own, 2)]
    genuine = _within(sorted(every, key=lambda pair: (-pair[2], pair[:2])), count)
    random = np.random.default_rng([forms.SEED, 2, seed])
    flat = sorted(names)
    drawn = random.integers(0, len(flat), (TRIES * len(genuine), 2))
    others = [
        row(flat[a], flat[b]) for a, b in drawn if flat[a].split("/")[0] != flat[b].split("/")[0]
    ]
    uses: dict[str, int] = {}
    impostors = []
    for _, _, ratio in genuine:
        fits = [pair for pair in others if max(uses.get(name, 0) for name in pair[:2]) < MOST_USES]
        if not fits:
            break
        best = min(fits, key=lambda pair: abs(pair[2] - ratio))
        others.remove(best)
        impostors.append(best)
        for name in best[:2]:
            uses[name] = uses.get(name, 0) + 1
    return genuine[: len(impostors)], impostors


def _within(ranked: list[Row], count: int) -> list[Row]:
    uses: dict[str, int] = {}
    kept: list[Row] = []
    for pair in ranked:
        if len(kept) == count:
            break
        if max(uses.get(name, 0) for name in pair[:2]) < MOST_USES:
            kept.append(pair)
            for name in pair[:2]:
                uses[name] = uses.get(name, 0) + 1
    return kept


def generate(images: Path, listed: pairs.Pairs, *, progress: bool = False) -> str:
    """The list as CSV text: folds of equal length, genuine pairs before impostors in each.

    Raises:
        FileNotFoundError: a picture is missing.
        ValueError: a fold has no pair of one person.
    """
    figure = {
        name: held(shown(decode(images / name, name), name))
        for name in tqdm(listed.images, desc="figures", disable=not progress)
    }
    count = len(listed.same) // listed.folds
    folds = []
    for fold in range(listed.folds):
        span = slice(fold * count, (fold + 1) * count)
        names = sorted({*listed.first[span], *listed.second[span]})
        folds.append(chosen(names, figure, count // 2, fold))
    each = min(len(genuine) for genuine, _ in folds)
    if not each:
        raise ValueError("a fold has no pair of one person, or nobody else; is this LFW's list?")
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    for fold, kinds in enumerate(folds):
        for same, rows in zip((1, 0), kinds, strict=True):
            for one, two, _ in rows[:each]:
                lines.writerow([fold, same, one, two, figure[one], figure[two]])
    return text.getvalue()


def read(path: Path) -> pairs.Pairs:
    """The pairs of a list that :func:`generate` gave.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no such list.
    """
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    if not rows or tuple(rows[0]) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise ValueError(
            f"{path}: expected the columns {', '.join(COLUMNS)}, got {rows[:1]}; "
            "make it with python -m pocketvision.training.evaluate.faces.far.mixed"
        )
    folds = len({row[0] for row in rows[1:]})
    return pairs.Pairs(
        [row[2] for row in rows[1:]], [row[3] for row in rows[1:]],
        [row[1] == "1" for row in rows[1:]], folds,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lfw", type=Path, required=True, help="aligned crops of LFW")
    parser.add_argument("--pairs", type=Path, required=True, help="LFW's pairs.txt")
    parser.add_argument("--out", type=Path, required=True, help="the list, a CSV file")
    given = parser.parse_args()
    try:
        text = generate(given.lfw, pairs.read(given.pairs), progress=sys.stderr.isatty())
        write_text(given.out, text)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    count = len(text.splitlines()) - 1
    print(f"{given.out}: {count:,} pairs, SHA-256 {hashlib.sha256(text.encode()).hexdigest()}")


if __name__ == "__main__":
    main()
