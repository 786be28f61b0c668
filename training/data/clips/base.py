"""What a set of labelled clips is: rows of files and classes, and frames by their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..base import stamp

Frames = NDArray[np.uint8]
"""RGB (T, H, W, 3), or (T, H, W, 5) with the optical flow x and y of each frame after it."""


class CorruptClipError(ValueError):
    """A clip that cannot be decoded; names its file."""


class Reader(Protocol):
    """One kind of files."""

    def length(self, path: Path) -> int:
        """Frames of a clip.

        Raises:
            FileNotFoundError: there is none.
            CorruptClipError: it cannot be read.
        """

    def read(self, path: Path, indices: Sequence[int]) -> Frames:
        """The frames of those numbers, which do not fall; errors as of :meth:`length`."""


@dataclass(frozen=True)
class Row:
    """One clip of a list: its path below the root, and its class."""

    path: str
    label: str


class Clips:
    """The clips of ``rows`` below ``root``.

    ``labels``: int64 (N), each an index into ``names``. ``skipped``: what lists name and disks
    lack, each with the reason.

    Args:
        names: of the classes, in the order of the network's outputs.
        flow: reader of optical flow and the root of its files, which have the clips' paths without
            their suffix.

    Raises:
        ValueError: no clip, or one of a class that is not among ``names``.
    """

    def __init__(
        self,
        root: Path,
        rows: Sequence[Row],
        names: Sequence[str],
        reader: Reader,
        flow: tuple[Reader, Path] | None = None,
        skipped: Sequence[str] = (),
    ):
        if not rows:
            raise ValueError(f"{root}: the set holds no clip; is this the right folder or list?")
        place = {name: number for number, name in enumerate(names)}
        if unknown := sorted({row.label for row in rows} - set(place)):
            raise ValueError(f"{root}: {unknown[0]!r} is no class of {', '.join(names)}")
        self.root, self.rows, self.names = root, list(rows), list(names)
        self.labels = np.array([place[row.label] for row in rows], np.int64)
        self.reader, self.flow, self.skipped = reader, flow, list(skipped)

    def __len__(self) -> int:
        return len(self.rows)

    def file(self, index: int) -> Path:
        """The clip's file or folder."""
        return self.root / self.rows[index].path

    def length(self, index: int) -> int:
        """Frames of a clip; errors as of a :class:`Reader`."""
        return self.reader.length(self.file(index))

    def frames(self, index: int, numbers: Sequence[int]) -> Frames:
        """Frames of a clip by their numbers; errors as of a :class:`Reader`."""
        rgb = self.reader.read(self.file(index), numbers)
        if self.flow is None:
            return rgb
        reader, root = self.flow
        clip = self.file(index)
        path = root / Path(self.rows[index].path).with_name(
            clip.name if clip.is_dir() else clip.stem
        )
        # Between n frames lie n - 1 flows: the last frame has that of the one before.
        last = reader.length(path) - 1
        motion = reader.read(path, [min(number, last) for number in numbers])
        if motion.shape[:3] != rgb.shape[:3]:
            sizes = (f"{x.shape[2]}x{x.shape[1]}" for x in (motion, rgb))
            raise CorruptClipError(f"{path}: flow of {' pixels for frames of '.join(sizes)}")
        return np.concatenate([rgb, motion], axis=-1)

    def chosen(self, indices: Sequence[int] | NDArray[np.int64]) -> Clips:
        """The set of some of its clips, with all classes."""
        rows = [self.rows[index] for index in indices]
        return Clips(self.root, rows, self.names, self.reader, self.flow, self.skipped)

    def stamp(self) -> str:
        """Text that is another one where files have come, gone or changed their size."""
        return stamp(
            (self.file(i) for i in range(len(self))), *(r.label.encode() for r in self.rows)
        )
