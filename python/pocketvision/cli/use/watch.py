"""``pocketvision watch VIDEO --actions MODELS``: what happens in a video or before a camera."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ...files import rename
from ..common import Verbs, new_file, new_verb
from ..text import show, show_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...clips.classifier import ClipClassifier
    from ...clips.video import Video

RATE = 25
"""Frames a second of what is saved, where the source has no rate."""


def add(verbs: Verbs) -> None:
    """Register the verb."""
    summary = "Tell what happens in a video or before a camera."
    parser = new_verb(verbs, "watch", run, summary, extra="video,image")
    parser.add_argument(
        "video", metavar="VIDEO", help="a file, a camera such as /dev/video0, a folder of frames"
    )
    parser.add_argument(
        "--actions", required=True, type=Path, metavar="MODELS",
        help="folder of a compiled encoder and decoder of clips",
    )  # fmt: skip
    parser.add_argument("--target", help="a compiled variant; default: the best for this processor")
    parser.add_argument("--save", type=new_file, metavar="MP4", help="the video with what was told")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="tell every N-th answer; default 1"
    )


@dataclass
class _Seen:
    """What was seen so far; ``busy``: seconds in the model, decoding and drawing excepted."""

    frames: int = 0
    answers: int = 0
    busy: float = 0.0
    shape: tuple[int, ...] = ()


def run(arguments: argparse.Namespace) -> int:
    """A line an answer: frame, label, score, frames a second of the model alone."""
    if arguments.every < 1:
        raise InputError(f"--every: expected at least 1, got {arguments.every}")
    # No other verb's start pays for clips.
    from ...clips.classifier import ClipClassifier
    from ...clips.video import Video

    classifier = ClipClassifier(arguments.actions, target=arguments.target)
    seen, told = _Seen(), []
    with ExitStack() as opened:
        video = opened.enter_context(Video(arguments.video))
        sink = opened.enter_context(_Sink(arguments.save, video.rate)) if arguments.save else None
        for frame, line in _answers(classifier, video, seen):
            if line is not None and (seen.answers - 1) % arguments.every == 0:
                told.append(line)
                if not arguments.json:
                    show(
                        f"frame {line['frame']}: {line['label']} {line['score']:.3f}, "
                        f"{line['fps']:.0f} frames/s"
                    )
            if sink is not None:
                sink.write(frame, line)
    if video.damaged:
        show(f"{video.damaged} damaged parts were skipped", file=sys.stderr)
    if not seen.answers:
        show(
            f"{seen.frames} frames are fewer than a window; {classifier.part.frames} of every "
            f"{classifier.part.stride} are needed for an answer",
            file=sys.stderr,
        )
    if arguments.json:
        show_json({"frames": seen.frames, "damaged": video.damaged, "answers": told})
    return 0


def _answers(
    classifier: ClipClassifier, video: Video, seen: _Seen
) -> Iterator[tuple[NDArray[np.uint8], dict[str, Any] | None]]:
    for frame in video:
        if seen.shape and frame.shape != seen.shape:
            show(
                f"frame {seen.frames}: the picture is {frame.shape[1]}x{frame.shape[0]} from here "
                f"on, it was {seen.shape[1]}x{seen.shape[0]}; the window begins anew",
                file=sys.stderr,
            )
            classifier.reset()
        seen.shape = frame.shape
        began = time.perf_counter()
        scores = classifier.push(frame)
        seen.busy += time.perf_counter() - began
        seen.frames += 1
        if scores is None:
            yield frame, None
            continue
        seen.answers += 1
        best = int(scores.argmax())
        yield (
            frame,
            {
                "frame": seen.frames - 1,
                "label": classifier.classes[best],
                "score": float(scores[best]),
                "scores": [float(value) for value in scores],
                "fps": seen.frames / seen.busy,
            },
        )


class _Sink:
    """An H.264 file of the frames, each with its line drawn on it; of the first frame's size. It
    takes its name when it is whole."""

    def __init__(self, path: Path, rate: float | None) -> None:
        import av

        self.path, self.partial = path, path.with_name(f".{path.name}.partial")
        self.container: Any = av.open(str(self.partial), "w", format="mp4")
        self.stream: Any = self.container.add_stream(
            "libx264", rate=Fraction(rate or RATE).limit_denominator(1001)
        )
        self.stream.pix_fmt = "yuv420p"
        self.begun = False

    def __enter__(self) -> _Sink:
        return self

    def write(self, frame: NDArray[np.uint8], line: dict[str, Any] | None) -> None:
        import av
        import numpy as np
        from PIL import Image, ImageDraw

        picture = Image.fromarray(frame)
        if not self.begun:  # the codec wants even sides
            self.stream.width = max(2, picture.width // 2 * 2)
            self.stream.height = max(2, picture.height // 2 * 2)
            self.begun = True
        picture = picture.resize((self.stream.width, self.stream.height))
        if line is not None:
            text = f"{line['label']} {line['score']:.2f}  {line['fps']:.0f} frames/s"
            drawing = ImageDraw.Draw(picture)
            drawing.rectangle(drawing.textbbox((4, 4), text), fill=(0, 0, 0))
            drawing.text((4, 4), text, fill=(255, 255, 255))
        drawn = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
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
