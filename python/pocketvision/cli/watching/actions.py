"""What happens in a stream: actions, told by a compiled encoder and decoder of clips."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from ...clips.classifier import ClipClassifier
from ...clips.video import Video
from ..draw import noted
from ..text import show, show_json
from .sink import Sink

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass
class _Seen:
    """What was seen so far; ``busy``: seconds in the model, decoding and drawing excepted."""

    frames: int = 0
    answers: int = 0
    busy: float = 0.0
    shape: tuple[int, ...] = ()


def watch_actions(arguments: argparse.Namespace) -> int:
    """A line an answer: frame, label, score, frames a second of the model alone."""
    classifier = ClipClassifier(arguments.actions, target=arguments.target)
    seen, told = _Seen(), []
    with ExitStack() as opened:
        video = opened.enter_context(Video(arguments.video))
        sink = opened.enter_context(Sink(arguments.save, video.rate)) if arguments.save else None
        for frame, line in _answers(classifier, video, seen):
            if line is not None and (seen.answers - 1) % arguments.every == 0:
                told.append(line)
                if not arguments.json:
                    show(
                        f"frame {line['frame']}: {line['label']} {line['score']:.3f}, "
                        f"{line['fps']:.0f} frames/s"
                    )
            if sink is not None:
                picture = Image.fromarray(frame)
                if line is not None:
                    said = f"{line['label']} {line['score']:.2f}  {line['fps']:.0f} frames/s"
                    picture = noted(picture, said)
                sink.write(picture)
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
