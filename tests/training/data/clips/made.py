"""Small made clips: a frame's number is its grey, or a class grows brighter and another darker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

STEP = 12
"""Grey between two frames, more than what a lossy file changes."""


def numbered(count: int, height: int = 24, width: int = 32) -> np.ndarray:
    """uint8 (count, height, width, 3): frame n is 12 n grey."""
    values = (np.arange(count, dtype=np.uint8) * STEP)[:, None, None, None]
    return np.broadcast_to(values, (count, height, width, 3)).copy()


def numbers(frames: np.ndarray) -> list[int]:
    """Which frames those are, by their grey in the middle."""
    middle = frames[:, frames.shape[1] // 2, frames.shape[2] // 2, 0]
    return [round(float(value) / STEP) for value in middle]


def changing(
    random: np.random.Generator, rises: bool, frames: int = 16, size: int = 32
) -> np.ndarray:
    """uint8 (frames, size, size, 3): noise that grows brighter over the clip, or darker."""
    noise = random.integers(0, 40, (frames, size, size, 3))
    light = np.arange(frames) * 120 // frames
    light = light if rises else light[::-1]
    return (noise + light[:, None, None, None]).astype(np.uint8)


def sheet(path: Path, frames: np.ndarray, quality: int = 95) -> None:
    """A contact sheet of a square number of frames."""
    side = int(len(frames) ** 0.5)
    rows = [np.concatenate(frames[row * side : (row + 1) * side], axis=1) for row in range(side)]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(path, quality=quality)


def sheets(root: Path, each: int, frames: int = 16, size: int = 32) -> Path:
    """``root/falls`` and ``root/rises`` with ``each`` sheets, PNG as that is exact."""
    random = np.random.default_rng(5)
    for name in ("falls", "rises"):
        for number in range(each):
            clip = changing(random, name == "rises", frames, size)
            sheet(root / name / f"{name}{number:02d}.png", clip)
    return root


def video(path: Path, frames: np.ndarray, codec: str = "mpeg4", every: int = 5) -> None:
    """A video of ``frames`` with a key frame every ``every`` ones; needs PyAV."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.gop_size, stream.bit_rate = "yuv420p", every, 2_000_000
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
