"""Pairs of pictures of different people, the most alike first: what all thresholds rest on."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK = 1024
"""Rows whose scores are held at a time."""

SAMPLE = 1_000_000
"""Pairs by which the score is judged above which a share of all pairs lies."""

DIGITS = 4
"""Decimals of a threshold in a record."""

Rows = NDArray[np.float32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Pairs of pictures by falling score: rows ``first`` < ``second`` (P,), ``score`` (P,).

    ``whole``: no pair is left out.
    """

    first: Numbers
    second: Numbers
    score: NDArray[np.float64]
    whole: bool


def unit_rows(embeddings: ArrayLike) -> Rows:
    """Rows (N, D) of length 1, float32; ValueError for a row that has no direction."""
    rows = np.asarray(embeddings, np.float64)
    if rows.ndim != 2:
        raise ValueError(f"embeddings: expected (N, D), got shape {rows.shape}")
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
    if bad.size:
        raise ValueError(f"embeddings: row {bad[0]} is zero or not finite")
    return np.asarray(rows / norms, np.float32)


def strangers(rows: Rows, people: NDArray[np.integer], share: float, seed: int = 0) -> Pairs:
    """About the ``share`` most alike of all pairs of different people, and never fewer.

    Args:
        rows: (N, D) of length 1.
        people: (N,) the person of each row.
        share: of 0 to 1; small sets come whole.
    """
    count = len(rows)
    floor = -2.0
    if share < 1 and count * (count - 1) // 2 > SAMPLE:
        random = np.random.default_rng(seed)
        left, right = random.integers(0, count, (2, SAMPLE))
        other = people[left] != people[right]
        sample = np.einsum("nd,nd->n", rows[left[other]], rows[right[other]])
        floor = float(np.quantile(sample, max(1 - 1.1 * share - 1e-4, 0.0)))
    parts = []
    for start in range(0, count, BLOCK):
        block = rows[start : start + BLOCK] @ rows[start:].T
        other = people[start : start + BLOCK, None] != people[None, start:]
        at = np.arange(len(block))[:, None] < np.arange(block.shape[1])[None, :]
        i, j = np.nonzero((block >= floor) & other & at)
        parts.append((i + start, j + start, block[i, j].astype(np.float64)))
    first, second, score = (np.concatenate(of) for of in zip(*parts, strict=True))
    order = np.argsort(-score, kind="stable")
    return Pairs(first[order], second[order], score[order], whole=floor == -2)


def directed(rows: Rows, probes: Numbers, templates: Numbers, share: float, seed: int = 0) -> Pairs:
    """About the ``share`` most alike of all probes and other people, and never fewer.

    Args:
        rows: (N, D) of length 1.
        probes: (P,) the row of each person's probe.
        templates: (P, k) the rows of what is enrolled of each; a row may be there twice.
        share: of 0 to 1; small sets come whole.

    Returns:
        Pairs of the probe of person ``first`` and the best template of person ``second``.
    """
    count = len(probes)
    floor = -2.0
    if share < 1 and count * (count - 1) > SAMPLE:
        left, right = np.random.default_rng(seed).integers(0, count, (2, SAMPLE))
        left, right = left[left != right], right[left != right]
        probe = rows[probes[left]]
        best = np.full(len(left), -2, np.float32)
        for template in templates.T:
            score = np.einsum("nd,nd->n", probe, rows[template[right]])
            np.maximum(best, score, out=best)
        floor = float(np.quantile(best, max(1 - 1.1 * share - 1e-4, 0.0)))
    parts = []
    for start in range(0, count, BLOCK):
        probe = rows[probes[start : start + BLOCK]]
        block = np.full((len(probe), count), -2, np.float32)
        for template in templates.T:
            np.maximum(block, probe @ rows[template].T, out=block)
        own = np.arange(len(block))
        block[own, own + start] = -np.inf
        i, j = np.nonzero(block >= floor)
        parts.append((i + start, j, block[i, j].astype(np.float64)))
    first, second, score = (np.concatenate(of) for of in zip(*parts, strict=True))
    order = np.argsort(-score, kind="stable")
    return Pairs(first[order], second[order], score[order], whole=floor == -2)


def above(score: float) -> float:
    """The threshold that ``score`` itself just fails."""
    return float(np.nextafter(score, np.inf))


def rounded(value: float, *, up: bool) -> float:
    """``value`` with the ``DIGITS`` decimals that records print, never on its other side.

    A threshold rounded down accepts impostors that it was set to refuse.
    """
    direction = ROUND_CEILING if up else ROUND_FLOOR
    return float(Decimal(value).quantize(Decimal(1).scaleb(-DIGITS), direction))
