"""The header's words about detectors in Python's integers, slowly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

UNIT, STEP_BITS, ONE = 256, 12, 65535


def nearest(value: int, bits: int) -> int:
    """``value / 2^bits``, halves away from zero."""
    size = (abs(value) + (1 << (bits - 1))) >> bits
    return -size if value < 0 else size


def shared(value: int, by: int) -> int:
    """``value / by`` towards zero, as C divides."""
    return abs(value) // by * (1 if value >= 0 else -1)


def chances(scale: float, zero_point: int, logit: float, signed: bool) -> list[int]:
    """By a stored byte seen as uint8."""
    stored = [byte - 256 if signed and byte > 127 else byte for byte in range(256)]
    return [round(ONE / (1 + math.exp(-logit * scale * (value - zero_point)))) for value in stored]


def step(scale: float, stride: int) -> int:
    """A stored unit of distance."""
    return round(scale * stride * UNIT * 2**STEP_BITS)


def decode(
    outputs: list[np.ndarray[Any, Any]], levels: list[dict[str, Any]], score: int, overlap: int,
    capacity: int, most: int,
) -> list[tuple[list[int], list[int], int]]:  # fmt: skip
    """Boxes, landmarks and scores, best first.

    Args:
        levels: stride, zero_point, step and chance of each output.
        score, overlap: of 65535 and 65536.
    """
    found = []
    for level, (own, output) in enumerate(zip(levels, outputs, strict=True)):
        for row, column in np.ndindex(output.shape[:2]):
            cell = [int(value) for value in output[row, column]]
            product = own["chance"][cell[0] & 255] * own["chance"][cell[1] & 255]
            if product >= score * score:
                found.append((-product, level, row, column, cell))
    found.sort(key=lambda one: one[:4])
    kept: list[tuple[list[int], list[int], int]] = []
    for negative, level, row, column, cell in found[:capacity]:
        own = levels[level]
        centre = [
            place * own["stride"] * UNIT + own["stride"] * UNIT // 2 - UNIT // 2
            for place in (column, row)
        ]
        away = [nearest((value - own["zero_point"]) * own["step"], STEP_BITS) for value in cell]
        box = [centre[0] - away[2], centre[1] - away[3], centre[0] + away[4], centre[1] + away[5]]
        if box[2] <= box[0] or box[3] <= box[1] or len(kept) == most:
            continue
        if all(not overlaps(box, other, overlap) for other, _, _ in kept):
            points = [centre[i % 2] + away[6 + i] for i in range(10)]
            kept.append((box, points, math.isqrt(-negative)))
    return kept


def overlaps(a: list[int], b: list[int], share: int) -> bool:
    """Whether intersection over union is above ``share`` of 65536."""
    sides = [min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1)]
    common = sides[0] * sides[1] if min(sides) > 0 else 0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return common * 65536 > (sum(areas) - common) * share


def place(
    size: tuple[int, int], area: tuple[int, int, int, int], turn: int
) -> tuple[int, int, int, int]:
    """x, y, right_x, right_y of an input of ``size`` (height, width) that shows ``area`` (left,
    top, width, height), by what its four corners are."""
    left, top, width, height = area
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    origin, along = corners[turn], corners[(turn + 1) % 4]
    across, down = (width, height) if turn % 2 == 0 else (height, width)
    one = 1 << 32
    scale = max(-(-across * one // size[1]), -(-down * one // size[0]))
    right = [(along[axis] - origin[axis]) // across * scale for axis in (0, 1)]
    below = [-right[1], right[0]]
    x, y = (origin[axis] * one + shared(right[axis] + below[axis] - one, 2) for axis in (0, 1))
    return x, y, right[0], right[1]


def to_frame(placement: tuple[int, int, int, int], point: tuple[int, int]) -> list[int]:
    """A point of the input in the frame, both in 1/256 pixel."""
    x, y, right_x, right_y = placement
    # Steps of 1/256 pixel, towards zero.
    step_x, step_y = (shared(value, 256) for value in (right_x, right_y))
    return [
        nearest(x + point[0] * step_x - point[1] * step_y, 24),
        nearest(y + point[0] * step_y + point[1] * step_x, 24),
    ]
