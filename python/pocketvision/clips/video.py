"""Videos as frames: a file or camera through PyAV, a folder of pictures, an array."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")


class Video(AbstractContextManager["Video"]):
    """An open video: ``for frame in video`` gives uint8 RGB (H, W, 3), once.

    ``source``: a file, the path of a camera such as ``/dev/video0``, a folder of pictures in the
    order of their names, or an array (T, H, W, 3). ``rate``: frames a second, None where the source
    has none. ``damaged``: packets so far that could not be decoded; they are skipped.
    Raises FileNotFoundError; InputError for what is no video. PyAV comes with
    ``pip install 'pocketvision[video]'``.
    """

    def __init__(self, source: Any) -> None:
        self.damaged = 0
        self.rate: float | None = None
        self._container: Any = None
        self._source = source
        if isinstance(source, np.ndarray):
            if source.dtype != np.uint8 or source.ndim != 4 or source.shape[3] != 3:
                raise InputError(
                    f"video: expected uint8 (T, H, W, 3), got {source.dtype} {source.shape}"
                )
            return
        if not isinstance(source, str | os.PathLike):
            raise InputError(f"video: expected a path or an array, got {shown(source)}")
        path = self._source = os.fspath(source)
        if not os.path.exists(path):
            raise FileNotFoundError(f"{path}: no such video")
        if not os.path.isdir(path):
            self._open(path)

    def _open(self, path: str) -> None:
        import av

        camera = path.startswith("/dev/video")
        try:
            self._container = av.open(path, format="v4l2" if camera else None)
        except av.FFmpegError as error:
            raise InputError(f"{path}: not a video ({error})") from None
        if not self._container.streams.video:
            self._container.close()
            raise InputError(f"{path}: holds no video stream")
        rate = self._container.streams.video[0].average_rate
        self.rate = float(rate) if rate else None

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        if isinstance(self._source, np.ndarray):
            yield from self._source
        elif self._container is None:
            yield from self._pictures()
        else:
            yield from self._decoded()

    def _pictures(self) -> Iterator[NDArray[np.uint8]]:
        from ..pictures import read_picture

        names = sorted(os.listdir(self._source))
        names = [name for name in names if name.lower().endswith(PICTURES) and name[0] != "."]
        if not names:
            raise InputError(f"{self._source}: no pictures ({' '.join(PICTURES)}) in this folder")
        for name in names:
            yield read_picture(os.path.join(self._source, name))

    def _decoded(self) -> Iterator[NDArray[np.uint8]]:
        import av

        seen = False
        for packet in self._container.demux(video=0):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.damaged += 1
                continue
            for frame in frames:
                seen = True
                yield frame.to_ndarray(format="rgb24")
        if not seen:
            raise InputError(f"{self._source}: no frame of it can be decoded; the file is damaged")

    def __exit__(self, *_: object) -> None:
        if self._container is not None:
            self._container.close()
