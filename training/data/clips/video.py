"""Video files through PyAV (the extra ``video``): any frames by their number, exactly.

A file's packets are listed once, without decoding, so that a frame's number is its place among the
presentation times; reading seeks to the last key frame that is shown before the first wanted one.
Containers seek by the order of decoding, in which a key frame may stand before frames that are
shown earlier: so the place of the key frame itself is what is sought.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .base import CorruptClipError, Frames

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
KEPT = 4096
"""Files whose times are remembered."""


class Videos:
    """The first video stream of each file."""

    def length(self, path: Path) -> int:
        return len(_index(path).times)

    def read(self, path: Path, indices: Sequence[int]) -> Frames:
        index = _index(path)
        times = index.times
        if max(indices) >= len(times):
            raise CorruptClipError(
                f"{path}: has {len(times)} frames, frame {max(indices)} is asked"
            )
        wanted = {times[number] for number in indices}
        last = max(wanted)
        found: dict[int, Frames] = {}
        try:
            for time, frame in _decoded(path, index, min(wanted)):
                if time in wanted and time not in found:
                    found[time] = frame.to_ndarray(format="rgb24")
                if time >= last:
                    break
        except _av().FFmpegError as error:
            raise CorruptClipError(f"{path}: cannot be decoded ({error})") from error
        if lost := sorted(times.index(time) for time in wanted - set(found)):
            raise CorruptClipError(
                f"{path}: frame {lost[0]} of {len(times)} cannot be decoded; the file is damaged, "
                "get it again"
            )
        shapes = {frame.shape for frame in found.values()}
        if len(shapes) > 1:
            raise CorruptClipError(f"{path}: frames change their size: {sorted(shapes)}")
        return np.stack([found[times[number]] for number in indices])


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise ModuleNotFoundError(
            "video files need PyAV, which is not installed: pip install 'pocketvision[video]'",
            name="av",
        ) from error
    return av


@dataclass(frozen=True)
class _Index:
    """``times``: when each frame is shown, rising; ``keys``: those of key frames, and where to seek
    for each. A file without times has its frames' numbers, and no keys."""

    times: tuple[int, ...]
    keys: tuple[tuple[int, int], ...]


@functools.lru_cache(maxsize=KEPT)
def _index(path: Path) -> _Index:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such video")
    av = _av()
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise CorruptClipError(f"{path}: holds no video stream")
            packets = [p for p in container.demux(video=0) if p.size]
            times = [p.pts for p in packets]
            keys = [(p.pts, p.pts if p.dts is None else p.dts) for p in packets if p.is_keyframe]
    except av.FFmpegError as error:
        raise CorruptClipError(f"{path}: not a video ({error})") from error
    if not times:
        raise CorruptClipError(f"{path}: its video stream holds no frame")
    if None in times or len(set(times)) < len(times):
        return _Index(tuple(range(len(times))), ())
    return _Index(tuple(sorted(times)), tuple(sorted(keys)))


def _decoded(path: Path, index: _Index, first: int) -> Iterator[tuple[int, Any]]:
    """Times and frames from at the latest ``first`` on."""
    with _av().open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        before = [place for shown, place in index.keys if shown <= first]
        if len(before) > 1:
            container.seek(before[-1], stream=stream)
        for number, frame in enumerate(container.decode(stream)):
            yield (frame.pts if index.keys else number), frame
