"""Views of pictures with faces: one picture or a mosaic of four, scaled, turned, mirrored, cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .faces import MIRRORED, Labels

LEAST_SHOWN = 0.4
"""Share of a face's box that must be inside a view for it to be a face there, else ignored."""


@dataclass(frozen=True)
class Views:
    """How views are drawn; shares of 1.

    ``mosaic``: views of four pictures. ``smallest``, ``largest``: pixels of the face that a
    picture is scaled by, geometric mean of its box's sides, drawn on a logarithmic scale. ``turn``:
    radians, of a normal distribution; ``upright``: share that is not turned. ``squeeze``: largest
    change of the aspect ratio. ``light``: largest change of brightness, contrast and colour.
    ``pasted``: tiles of pictures without faces that get an aligned crop of [crops].
    """

    mosaic: float = 0.5
    smallest: float = 9.0
    largest: float = 110.0
    turn: float = 0.25
    upright: float = 0.4
    squeeze: float = 0.1
    light: float = 0.3
    pasted: float = 0.5

    def __post_init__(self) -> None:
        for name in ("mosaic", "upright", "pasted", "squeeze", "light"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"views.{name}: expected a share from 0 to 1, got {value}")
        if not 0 < self.smallest < self.largest or self.turn < 0:
            raise ValueError(
                "views: expected 0 < smallest < largest and turn >= 0, got "
                f"{self.smallest}, {self.largest}, {self.turn}"
            )


class View(NamedTuple):
    """Uint8 RGB (H, W, 3); float32 boxes (N, 4) and points (N, 5, 2); bool (N)."""

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    ignored: NDArray[np.bool_]


Source = Callable[[float], tuple[NDArray[np.uint8], float, float]]
"""A picture for a scale, as :meth:`Store.at` gives it."""


class Item(NamedTuple):
    """What a tile shows: a picture by scale, its size (height, width), and its faces."""

    source: Source
    size: tuple[int, int]
    labels: Labels


def tiles(height: int, width: int, options: Views, random: np.random.Generator) -> list[Tile]:
    """Rectangles (top, left, bottom, right) that a view is made of: one, or four around a point."""
    if random.random() >= options.mosaic:
        return [(0, 0, height, width)]
    row = round(height * random.uniform(0.3, 0.7))
    column = round(width * random.uniform(0.3, 0.7))
    return [
        (0, 0, row, column), (0, column, row, width),
        (row, 0, height, column), (row, column, height, width),
    ]  # fmt: skip


Tile = tuple[int, int, int, int]


def drawn(
    items: list[tuple[Tile, Item]], height: int, width: int, options: Views,
    random: np.random.Generator,
) -> View:  # fmt: skip
    """The view of one item a tile."""
    canvas = np.empty((height, width, 3), np.uint8)
    parts = []
    for (top, left, bottom, right), item in items:
        pixels, boxes, points, ignored = _tile(item, bottom - top, right - left, options, random)
        canvas[top:bottom, left:right] = pixels
        offset = np.array([left, top], np.float32)
        parts.append((boxes + np.tile(offset, 2), points + offset, ignored))
    boxes, points, ignored = (np.concatenate(part) for part in zip(*parts, strict=True))
    return View(_lit(canvas, options.light, random), boxes, points, ignored)


def _tile(item: Item, height: int, width: int, options: Views, random: np.random.Generator) -> View:
    labels = item.labels
    matrix, scale = _placed(item, height, width, options, random)
    mirrored = bool(random.random() < 0.5)
    if mirrored:  # about the tile's middle, after all else
        matrix = np.array([[-1.0, 0, width], [0, 1, 0], [0, 0, 1]]) @ matrix
    pixels, wide, high = item.source(scale)
    back = np.diag([wide, high, 1.0]) @ np.linalg.inv(matrix)
    level = int(random.integers(0, 256))
    image = Image.fromarray(pixels).transform(
        (width, height), Image.Transform.AFFINE, tuple(back[:2].ravel()),
        Image.Resampling.BILINEAR, fillcolor=(level, level, level),
    )  # fmt: skip
    points = labels.points @ matrix[:2, :2].T + matrix[:2, 2]
    if mirrored:
        points = points[:, MIRRORED]
    boxes = _turned(labels.boxes, matrix)
    shown, share = _cut(boxes, height, width)
    sides = np.sqrt(np.prod(np.maximum(shown[:, 2:] - shown[:, :2], 0), axis=1))
    ignored = labels.ignored | (share < LEAST_SHOWN) | (sides < 0.8 * options.smallest)
    kept = share > 0.05
    return View(
        np.asarray(image), shown[kept].astype(np.float32), points[kept].astype(np.float32),
        ignored[kept],
    )  # fmt: skip


def _placed(
    item: Item, height: int, width: int, options: Views, random: np.random.Generator
) -> tuple[NDArray[np.float64], float]:
    """Matrix (3, 3) from a picture's pixels to a tile's, and its scale."""
    faces = np.flatnonzero(~item.labels.ignored)
    angle = 0.0 if random.random() < options.upright else random.normal(0, options.turn)
    ratio = math.exp(random.uniform(-options.squeeze, options.squeeze) / 2)
    whole = min(height / item.size[0], width / item.size[1])
    if len(faces):
        box = item.labels.boxes[random.choice(faces)].astype(float)
        side = math.sqrt(max(1.0, np.prod(box[2:] - box[:2])))
        largest = min(options.largest, 0.9 * min(height, width), 1.6 * side)
        low, high = math.log(options.smallest), math.log(max(largest, options.smallest * 1.01))
        scale = math.exp(random.uniform(low, high)) / side
        if random.random() < 0.25:  # as whole pictures are seen
            scale = whole * random.uniform(0.8, 1.2)
        elif random.random() < 0.6:  # not much around it that is no picture
            scale = max(scale, 0.7 * whole)
        centre = (box[:2] + box[2:]) / 2
        margin = min(0.5, scale * side / 2 / min(height, width))
        place = random.uniform(0.6 * margin, 1 - 0.6 * margin, 2) * (width, height)
    else:
        scale = whole * math.exp(random.uniform(-0.2, 1.2))
        centre = random.uniform(0, 1, 2) * (item.size[1], item.size[0])
        place = random.uniform(0.3, 0.7, 2) * (width, height)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    linear = np.array([[cos * ratio, -sin / ratio], [sin * ratio, cos / ratio]])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, place - linear @ centre
    return matrix, scale


def _turned(boxes: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upright boxes of turned ones: the ellipses in them bound a turned face, not their corners."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:2, :2].T + matrix[:2, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = np.sqrt(half**2 @ (matrix[:2, :2] ** 2).T)
    return np.concatenate([centres - reach, centres + reach], axis=1)


def _cut(
    boxes: NDArray[np.float64], height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes within a tile, and the shares of their areas that are."""
    shown = boxes.copy()
    shown[:, 0::2] = shown[:, 0::2].clip(0, width)
    shown[:, 1::2] = shown[:, 1::2].clip(0, height)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return shown, np.prod(shown[:, 2:] - shown[:, :2], axis=1) / np.maximum(area, 1e-6)


def _lit(pixels: NDArray[np.uint8], most: float, random: np.random.Generator) -> NDArray[np.uint8]:
    """Brightness, contrast and colours changed, by a table of 256 values a channel."""
    values = np.arange(256, dtype=np.float64)
    gains = math.exp(random.uniform(-most, most)) * np.exp(random.uniform(-most, most, 3) / 3)
    shift = random.uniform(-most, most) * 100
    tables = np.clip((values[:, None] - 127.5) * gains + 127.5 + shift, 0, 255).astype(np.uint8)
    if random.random() < 0.1:  # a picture without colours
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    return np.stack([tables[:, channel][pixels[..., channel]] for channel in range(3)], axis=2)
