"""Sink: an H.264 file of the frames that watch has drawn on."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...files import rename

if TYPE_CHECKING:
    from PIL import Image

RATE = 25
"""Frames a second of what is saved, where the source has no rate."""


class Sink:
    """An H.264 file, of the first picture's size. It takes its name when it is whole."""

    def __init__(self, path: Path, rate: float | None) -> None:
        import av

        self.path, self.partial = path, path.with_name(f".{path.name}.partial")
        self.container: Any = av.open(str(self.partial), "w", format="mp4")
        self.stream: Any = self.container.add_stream(
            "libx264", rate=Fraction(rate or RATE).limit_denominator(1001)
        )
        self.stream.pix_fmt = "yuv420p"
        self.begun = False

    def __enter__(self) -> Sink:
        return self

    def write(self, picture: Image.Image) -> None:
        """The next frame; one of another size is scaled."""
        import av
        import numpy as np

        if not self.begun:  # the codec wants even sides
            self.stream.width = max(2, picture.width // 2 * 2)
            self.stream.height = max(2, picture.height // 2 * 2)
            self.begun = True
        fitted = picture.resize((self.stream.width, self.stream.height))
        drawn = av.VideoFrame.from_ndarray(np.asarray(fitted), format="rgb24")
        for packet in self.stream.encode(drawn):
            self.container.mux(packet)

    def __exit__(self, kind: Any, *_: object) -> None:
        whole = kind is None and self.begun
        try:
            if whole:
                for packet in self.stream.encode():
                    self.container.mux(packet)
            self.container.close()
            if whole:
                rename(self.partial, self.path)
        finally:
            self.partial.unlink(missing_ok=True)
