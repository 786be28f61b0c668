"""1:N identification: closed-set ranks, open-set FNIR at FPIR, and MegaFace's rank 1.

Terms of ISO/IEC 19795-1 and NIST's FRTE 1:N: a mated probe has its person in the gallery, a
non-mated one has not; FPIR is the share of non-mated probes with any candidate at or above the
threshold, FNIR the share of mated probes whose person is not the first candidate or is below it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .protocol import unit

BLOCK = 1024
"""Probes whose scores are held at a time."""


def ranks(
    probes: NDArray[np.floating],
    probe_people: ArrayLike,
    gallery: NDArray[np.floating],
    gallery_people: ArrayLike,
) -> NDArray[np.integer]:
    """(N,) rank, from 1, of each probe's person: one more than the people who score above.

    Args:
        probes, gallery: embeddings (N, D) and (G, D), of any length.
        probe_people, gallery_people: their people; a person with several gallery entries counts
            with the best of them. Ties count against the probe.

    Raises:
        ValueError: a probe's person is not in the gallery.
    """
    people = np.asarray(gallery_people)
    wanted = np.asarray(probe_people)
    absent = np.setdiff1d(wanted, people)
    if len(absent):
        raise ValueError(
            f"{len(absent)} people of the probes are not in the gallery, the first: "
            f"{absent[:5].tolist()}; closed-set ranks need them all, see fnir_at_fpir for others"
        )
    names, groups = np.unique(people, return_inverse=True)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(len(names)))
    known = unit(np.asarray(gallery, np.float64))[order]
    own = np.searchsorted(names, wanted)
    found = np.empty(len(wanted), np.int64)
    for begin in range(0, len(wanted), BLOCK):
        part = slice(begin, begin + BLOCK)
        scores = unit(np.asarray(probes[part], np.float64)) @ known.T
        best = np.maximum.reduceat(scores, starts, axis=1)
        mine = best[np.arange(len(best)), own[part]]
        found[part] = (best >= mine[:, None]).sum(1)
    return found


def rank_accuracy(found: NDArray[np.integer], k: int = 1) -> float:
    """Share of probes whose person is among the first ``k`` (one point of the CMC)."""
    return float((np.asarray(found) <= k).mean())


def fnir_at_fpir(
    mated: NDArray[np.floating],
    mated_people: ArrayLike,
    non_mated: NDArray[np.floating],
    gallery: NDArray[np.floating],
    gallery_people: ArrayLike,
    fpir: float,
) -> tuple[float, float]:
    """FNIR, and the cosine threshold it holds at: the lowest that keeps FPIR at most ``fpir``.

    Raises:
        ValueError: fewer than ``3 / fpir`` non-mated probes (rule of three).
    """
    if not 0 < fpir < 1:
        raise ValueError(f"fpir: expected a rate between 0 and 1, got {fpir}")
    if len(non_mated) * fpir < 3 - 1e-9:
        raise ValueError(
            f"fpir: {fpir:g} needs at least {int(np.ceil(3 / fpir))} non-mated probes (rule of "
            f"three), got {len(non_mated)}; ask for {3 / max(len(non_mated), 1):.2g} or above"
        )
    known, people = unit(np.asarray(gallery, np.float64)), np.asarray(gallery_people)
    strangers = np.sort(_top(non_mated, known)[1])[::-1]
    allowed = int(np.floor(len(strangers) * fpir + 1e-9))
    threshold = float(np.nextafter(strangers[allowed], np.inf))
    first, score = _top(mated, known)
    hit = (people[first] == np.asarray(mated_people)) & (score >= threshold)
    return float(1 - hit.mean()), threshold


def megaface_rank1(
    faces: NDArray[np.floating], people: ArrayLike, distractors: NDArray[np.floating]
) -> float:
    """MegaFace challenge 1: rank-1 rate with each picture of a person enrolled alone.

    Every ordered pair (enrolled, probe) of two pictures of one person is one trial: the probe is
    right where the enrolled picture scores above all distractors (Kemelmacher-Shlizerman et al.,
    CVPR 2016, section 4).

    Args:
        faces: (N, D) embeddings of the probe set (FaceScrub).
        people: (N,) their people.
        distractors: (M, D) embeddings that belong to none of them.
    """
    known, other = unit(np.asarray(faces, np.float64)), unit(np.asarray(distractors, np.float64))
    best = np.concatenate(
        [(known[i : i + BLOCK] @ other.T).max(1) for i in range(0, len(known), BLOCK)]
    )
    names: Any = np.asarray(people)
    right = trials = 0
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        scores = known[rows] @ known[rows].T
        above = scores > best[rows][:, None]
        np.fill_diagonal(above, False)
        right += int(above.sum())
        trials += len(rows) * (len(rows) - 1)
    if not trials:
        raise ValueError("no person has two pictures: there is nothing to identify")
    return right / trials


def refined(
    faces: NDArray[np.floating],
    people: ArrayLike,
    noisy_faces: ArrayLike,
    distractors: NDArray[np.floating],
    noisy_distractors: ArrayLike,
    seed: int = 0,
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """MegaFace (R): both sets (N, D + 1) and (M, D + 1) with the noise lists applied, as published.

    A noisy probe becomes the centre of its person's other pictures plus U(-0.001, 0.001); a noisy
    distractor gets a feature of 100 where all others have 0, so that it never matches.
    """
    clean = unit(np.asarray(faces, np.float64)).copy()
    names: Any = np.asarray(people)
    bad = np.zeros(len(clean), bool)
    bad[np.asarray(noisy_faces, int)] = True
    random = np.random.default_rng(seed)
    for row in np.flatnonzero(bad):
        others = clean[(names == names[row]) & ~bad]
        if not len(others):
            raise ValueError(
                f"every picture of {str(names[row])!r} is on the noise list; leave the person out"
            )
        centre = unit(others.mean(0, keepdims=True))[0]
        clean[row] = centre + random.uniform(-1e-3, 1e-3, clean.shape[1])
    never = np.zeros((len(distractors), 1))
    never[np.asarray(noisy_distractors, int)] = 100
    other = np.hstack([unit(np.asarray(distractors, np.float64)), never])
    return np.hstack([unit(clean), np.zeros((len(clean), 1))]), other


def _top(
    probes: NDArray[np.floating], known: NDArray[np.floating]
) -> tuple[NDArray[np.integer], NDArray[np.floating]]:
    first, score = [], []
    for begin in range(0, len(probes), BLOCK):
        scores = unit(np.asarray(probes[begin : begin + BLOCK], np.float64)) @ known.T
        first.append(scores.argmax(1))
        score.append(scores.max(1))
    return np.concatenate(first), np.concatenate(score)
