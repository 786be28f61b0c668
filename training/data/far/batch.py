"""A batch of views from far away, on the device that they are on; ``picture.py`` step by step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from . import jpeg, resample
from .shots import FIELDS, LARGEST, Shot


def seen(x: Tensor, wanted: Sequence[Shot | None]) -> Tensor:
    """Float32 (B, 3, H, H) in [-1, 1]: each row of ``x`` as its shot leaves it; None leaves it.

    Small faces of all sizes stand in the corner of maps of ``LARGEST`` pixels, their last row and
    column repeated beyond them, which is what a blur or a file finds at an edge.
    """
    rows = [index for index, shot in enumerate(wanted) if shot is not None]
    if not rows:
        return x
    shots = [shot for shot in wanted if shot is not None]
    where = torch.tensor(rows, device=x.device)
    side = x.shape[-1]
    pixels = x[where].float() * 127.5 + 127.5
    down = [resample.down(side, shot) for shot in shots]
    along_y, along_x = (
        _stacked([_repeated(pair[axis]) for pair in down], x.device) for axis in (0, 1)
    )
    small = along_y @ pixels @ along_x.transpose(2, 3)
    small = _moved(small, shots)
    noise = torch.tensor([shot.noise for shot in shots], device=x.device).view(-1, 1, 1, 1)
    if any(shot.noise for shot in shots):
        small = small + noise * _fields(x.device)[[shot.field for shot in shots]]
        small = _edges(small, shots)
    small = small.round().clamp(0, 255)
    small = _coded(small, shots)
    up = _stacked([_widened(resample.matrix(s.size, side, s.up)) for s in shots], x.device)
    found = (up @ small @ up.transpose(2, 3)).clamp(0, 255)
    return x.index_copy(0, where, ((found - 127.5) / 127.5).to(x.dtype))


def _stacked(matrices: list[np.ndarray], device: torch.device) -> Tensor:
    """(B, 1, ...), so that all three colours are multiplied."""
    return torch.from_numpy(np.stack(matrices)).to(device, non_blocking=True)[:, None]


def _repeated(rows: np.ndarray) -> np.ndarray:
    """(LARGEST, source): the last of fewer rows again and again."""
    return np.pad(rows, ((0, LARGEST - len(rows)), (0, 0)), "edge")


def _widened(columns: np.ndarray) -> np.ndarray:
    """(target, LARGEST): what lies beyond a smaller face is not looked at."""
    return np.pad(columns, ((0, 0), (0, LARGEST - columns.shape[1])))


def _edges(small: Tensor, shots: list[Shot]) -> Tensor:
    """The last row and column of each face repeated beyond it anew."""
    sizes = torch.tensor([shot.size for shot in shots], device=small.device)
    places = torch.arange(LARGEST, device=small.device)[None].minimum(sizes[:, None] - 1)
    rows = places[:, None, :, None].expand_as(small)
    columns = places[:, None, None, :].expand_as(small)
    return small.gather(2, rows).gather(3, columns)


def _moved(small: Tensor, shots: list[Shot]) -> Tensor:
    rows = [index for index, shot in enumerate(shots) if shot.motion[1]]
    if not rows:
        return small
    kernels = np.stack([resample.line(*shots[row].motion) for row in rows])
    weight = torch.from_numpy(kernels).to(small.device)[:, None].repeat_interleave(3, 0)
    reach = resample.LINE // 2
    where = torch.tensor(rows, device=small.device)
    chosen = F.pad(small[where], (reach,) * 4, mode="replicate")
    channels = chosen.reshape(1, -1, *chosen.shape[2:])
    found = F.conv2d(channels, weight, groups=len(weight)).view(len(rows), 3, LARGEST, LARGEST)
    moved = _edges(found, [shots[row] for row in rows])
    return small.index_copy(0, where, moved)


def _coded(small: Tensor, shots: list[Shot]) -> Tensor:
    rows = [index for index, shot in enumerate(shots) if shot.quality is not None]
    if not rows:
        return small
    where = torch.tensor(rows, device=small.device)
    qualities = [shots[row].quality or 0 for row in rows]
    return small.index_copy(0, where, jpeg.coded(small[where], qualities))


@cache
def _fields(device: torch.device) -> Tensor:
    whole = np.stack([resample.field(index) for index in range(FIELDS)]).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(whole)).to(device)
