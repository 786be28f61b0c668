"""Slow, plain numpy of csrc/runtime/face/quality: what every byte of it should be."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
WINDOW = 80 * 80


def log2(value: int, bits: int) -> int:
    if value == 0:
        return 0
    power = int(value).bit_length() - 1
    share = value >> (power - bits) if power >= bits else value << (bits - power)
    return (power << bits) + (share & ((1 << bits) - 1))


def log16(value: int) -> int:
    return log2(value, 4)


def log256(value: int) -> int:
    return log2(value, 8)


def narrowed(value: int) -> int:
    return max(-128, min(127, value))


def divided(value: int, by: int) -> int:
    return -((-value + by // 2) // by) if value < 0 else (value + by // 2) // by


def truncated(value: int, by: int) -> int:
    return -(-value // by) if value < 0 else value // by


def resampled(crop: np.ndarray) -> np.ndarray:
    """uint8 (S, S, 3) to (112, 112, 3), bilinear in 1/256."""
    side = len(crop)
    if side == 112:
        return crop
    at = np.clip((2 * np.arange(112) + 1) * side * 128 // 112 - 128, 0, (side - 1) * 256)
    whole, part = at >> 8, at & 255
    after = np.minimum(whole + 1, side - 1)
    wide = crop.astype(np.int64)
    across = wide[:, whole] * (256 - part)[:, None] + wide[:, after] * part[:, None]
    down = across[whole] * (256 - part)[:, None, None] + across[after] * part[:, None, None]
    return ((down + (1 << 15)) >> 16).astype(np.uint8)


def levels(crop: np.ndarray) -> list[np.ndarray]:
    """Light in quarters of a grey level, int64, 112, 56, 28 and 14 pixels a side."""
    pixels = resampled(crop).astype(np.int64)
    found = [pixels[..., 0] + 2 * pixels[..., 1] + pixels[..., 2]]
    for _ in range(3):
        last = found[-1]
        found.append(
            (last[::2, ::2] + last[::2, 1::2] + last[1::2, ::2] + last[1::2, 1::2] + 2) >> 2
        )
    return found


def bands(light: np.ndarray, level: int) -> tuple[list[int], list[int]]:
    """Sums of |difference| in four directions and of squares in two, over the window."""
    top, bottom, left, right = (n >> level for n in (24, 104, 16, 96))
    here, above = light[top:bottom, left:right], light[top - 1 : bottom - 1, left:right]
    beside = light[top:bottom, left + 1 : right + 1]
    beyond = light[top - 1 : bottom - 1, left + 1 : right + 1]
    across, down = beside - here, here - above
    four = [across, down, beside - above, here - beyond]
    return [int(np.abs(d).sum()) for d in four], [int((d**2).sum()) for d in (across, down)]


def features(crop: np.ndarray) -> np.ndarray:
    """int8 (357,)"""
    light = levels(crop)
    thumb = light[3]
    total = int(thumb.sum())
    spread = int(np.abs(thumb * 196 - total).sum())
    by = divided(max(spread, 2 * 196 * 196), 196)
    out = [narrowed(divided(int(t * 196 - total) * 40, by)) for t in thumb.ravel()]

    half = light[1]
    across, down = np.zeros((56, 56), np.int64), np.zeros((56, 56), np.int64)
    across[1:, :-1] = np.abs(np.diff(half, axis=1))[1:]
    down[1:, :-1] = np.abs(np.diff(half, axis=0))[:, :-1]
    tiles = [d.reshape(7, 8, 7, 8).sum(axis=(1, 3)).ravel() for d in (across, down)]
    mean = log16(1 + int(tiles[0].sum() + tiles[1].sum()) // 98)
    out += [narrowed(log16(1 + int(value)) - mean) for tile in tiles for value in tile]

    for level in range(4):
        absolute, squares = bands(light[level], level)
        middle, middle_square = (log16((WINDOW >> 2 * level) * n) for n in (8, 64))
        out += [narrowed(log16(1 + value) - middle) for value in absolute]
        out += [narrowed(truncated(log16(1 + value) - middle_square, 2)) for value in squares]

    for level in range(4):
        absolute, squares = bands(light[level], level)
        logs = [log256(1 + value) for value in absolute]
        if level < 3:
            coarse = [log256(1 + value) for value in bands(light[level + 1], level + 1)[0]]
            out += [narrowed(truncated(a - b - 320, 2)) for a, b in zip(logs, coarse, strict=True)]
        count = log256(WINDOW >> 2 * level)
        roots = [(log256(1 + value) + count) // 2 for value in squares]
        out += [narrowed(truncated(a - b - 160, 2)) for a, b in zip(roots, logs, strict=False)]
        out += [narrowed(truncated(logs[i] - logs[i + 1], 2)) for i in (0, 2)]

    seen = light[0][24:104, 16:96]
    out.append(narrowed(log16(1 + spread // 196) - 16 * 14))
    out.append(narrowed(log16(1 + total) - 16 * 16))
    out.append(int((seen <= 20).sum()) * 127 // WINDOW)
    out.append(int((seen >= 1000).sum()) * 127 // WINDOW)

    colour = resampled(crop)[24:104:2, 16:96:2].astype(np.int64)
    red, green, blue = (int(colour[..., channel].sum()) for channel in range(3))
    gaps = [int(np.abs(colour[..., a] - colour[..., b]).sum()) for a, b in ((0, 1), (1, 2))]
    out += [narrowed(log16(1 + value) - 16 * 17) for value in (red, green, blue)]
    out += [narrowed(log16(1 + value) - 16 * 15) for value in gaps]
    whole = 1 + red + green + blue
    out += [narrowed(divided((value - green) * 256, whole)) for value in (red, blue)]
    return np.array(out, np.int8)


def weights(file: str = "weights.c") -> dict[str, np.ndarray]:
    """The numbers of weights.c or margin.c, read from its text."""
    text = (ROOT / "csrc" / "runtime" / "face" / "quality" / file).read_text()
    found = {}
    for name, body in re.findall(r"\.(\w+) = \{(.*?)\},\n(?=    \.|\};)", text, re.DOTALL):
        rows = re.findall(r"\{([^{}]*)\}", body) or [body]
        values = [[int(n) for n in row.split(",") if n.strip()] for row in rows]
        found[name] = np.array(values if "{" in body else values[0], np.int64)
    return found


def layers(own: dict[str, np.ndarray], values: np.ndarray, low: int) -> list[np.ndarray]:
    """The values of each layer, int64; those of the last from ``low``, of the others from 0."""
    found = [values.astype(np.int64)]
    for name, least in (("first", 0), ("second", 0), ("last", low)):
        sums = own[name] @ found[-1] + own[f"{name}_bias"]
        found.append(np.clip((sums * own[f"{name}_factor"] + (1 << 23)) >> 24, least, 127))
    return found[1:]


def head(values: np.ndarray) -> np.ndarray:
    """int64 (10,): the last layer's values, of which two go through the curve."""
    return layers(weights(), values, -128)[2]


def margin(values: np.ndarray) -> int:
    """In 1/128 of a cosine: what the margin's network says of the last two layers."""
    _, second, last = layers(weights(), values, -128)
    return int(layers(weights("margin.c"), np.concatenate([second, last]), 0)[2][0])


def answers(values: np.ndarray) -> tuple[int, int, int]:
    """Score, face, and the index of the likeliest reason."""
    last, curve = head(values), weights()["logistic"]
    return int(curve[last[0] + 128]), int(curve[last[1] + 128]), int(np.argmax(last[2:]))
