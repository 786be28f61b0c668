"""Who is in a stream: faces are found in each frame, tracked, and named by a gallery."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...clips.video import Video
from ...faces.find.photo import Faces
from ...faces.find.track import Tracker
from ...runtime.shipped import DEFAULT_DETECTOR
from ..draw import marked, noted
from ..galleries import open_with_embedder
from ..text import show, show_json
from .sink import Sink

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...faces.find.face import Face
    from ...faces.gallery.answer import Identification
    from ...faces.gallery.gallery import Gallery

FPIR = 0.01


@dataclass
class Track:
    """One face as long as it is followed; ``answer`` is of its best view so far."""

    number: int
    first: int
    last: int = 0
    frames: int = 0
    answer: Identification | None = None
    quality: int = -1

    @property
    def sure(self) -> bool:
        """Whether the name may be relied on."""
        return (
            self.answer is not None
            and self.answer.name is not None
            and self.answer.reliable is not False
        )

    @property
    def label(self) -> str:
        """Name and score, or a question mark, with the track's number."""
        if self.answer is None or self.answer.name is None or self.answer.score is None:
            return f"? #{self.number}"
        return f"{self.answer.name} {self.answer.score:.2f} #{self.number}"

    def told(self) -> dict[str, Any]:
        """JSON data."""
        named = {} if self.answer is None else self.answer.to_dict()
        keys = ("name", "nearest", "score", "threshold", "fpir", "quality", "reliable", "reasons")
        return {"track": self.number, **{key: named.get(key) for key in keys}}


@dataclass
class Watcher:
    """Follows and names the faces of one stream.

    A track is named by its view of the best quality, not by its highest score: the largest of many
    scores of a stranger would reach a threshold that is set for one more often than it says.
    """

    faces: Faces
    gallery: Gallery
    min_face: int | None
    fpir: float
    threshold: float | None
    tracker: Tracker = field(default_factory=Tracker)
    tracks: dict[int, Track] = field(default_factory=dict)
    frames: int = 0
    busy: float = 0.0

    def look(self, frame: NDArray[np.uint8]) -> list[tuple[Face, Track]]:
        """The faces of the next frame, largest first, each with its track."""
        began = time.perf_counter()
        found = self.faces.find(frame, min_face=self.min_face)
        numbers = self.tracker.update([face.box for face in found])
        pairs = []
        for face, number in zip(found, numbers, strict=True):
            track = self.tracks.setdefault(number, Track(number, self.frames))
            track.last, track.frames = self.frames, track.frames + 1
            quality = 0 if face.quality is None else int(face.quality.score)
            if quality > track.quality:
                track.answer = self.gallery.identify(
                    face.embedding, self.fpir, threshold=self.threshold
                )
                track.quality = quality
            pairs.append((face, track))
        self.frames += 1
        self.busy += time.perf_counter() - began
        return pairs


def watch_faces(arguments: argparse.Namespace) -> int:
    """A line a frame that shows somebody: who, where, and frames a second without decoding."""
    gallery, embedder = open_with_embedder(arguments.gallery, arguments)
    faces = Faces(embedder, detector=arguments.detector or DEFAULT_DETECTOR)
    fpir = FPIR if arguments.fpir is None else arguments.fpir
    watcher = Watcher(faces, gallery, arguments.min_face, fpir, arguments.threshold)
    told: list[dict[str, Any]] = []
    with ExitStack() as opened:
        opened.enter_context(gallery)
        video = opened.enter_context(Video(arguments.video))
        sink = opened.enter_context(Sink(arguments.save, video.rate)) if arguments.save else None
        try:
            for frame in video:
                pairs = watcher.look(frame)
                fps = watcher.frames / watcher.busy
                if pairs and (watcher.frames - 1) % arguments.every == 0:
                    answer = {"frame": watcher.frames - 1, "faces": list(_rows(pairs)), "fps": fps}
                    told.append(answer)
                    if not arguments.json:
                        show(_line(answer))
                if sink is not None:
                    sink.write(_drawn(frame, pairs, fps))
        except KeyboardInterrupt:  # the way to end a camera: what was seen is told and saved
            show("interrupted", file=sys.stderr)
    if video.damaged:
        show(f"{video.damaged} damaged parts were skipped", file=sys.stderr)
    _end(arguments, watcher, video, told)
    return 0


def _end(
    arguments: argparse.Namespace, watcher: Watcher, video: Video, told: list[dict[str, Any]]
) -> None:
    if not watcher.tracks:
        show(
            f"no face in {watcher.frames} frames. For smaller ones give --min-face N",
            file=sys.stderr,
        )
    if arguments.json:
        spans = [
            {**track.told(), "first": track.first, "last": track.last, "frames": track.frames}
            for track in watcher.tracks.values()
        ]
        show_json(
            {
                "frames": watcher.frames,
                "damaged": video.damaged,
                "fps": watcher.frames / watcher.busy if watcher.busy else None,
                "tracks": spans,
                "answers": told,
            }
        )


def _rows(pairs: list[tuple[Face, Track]]) -> Iterator[dict[str, Any]]:
    for face, track in pairs:
        yield {**track.told(), "box": [round(edge, 2) for edge in face.box]}


def _line(answer: dict[str, Any]) -> str:
    people = [
        f"#{row['track']} {row['name'] or '?'}"
        + ("" if row["score"] is None else f" {row['score']:.3f}")
        for row in answer["faces"]
    ]
    return f"frame {answer['frame']}: {', '.join(people)}; {answer['fps']:.0f} frames/s"


def _drawn(frame: NDArray[np.uint8], pairs: list[tuple[Face, Track]], fps: float) -> Any:
    boxes = [face.box for face, _ in pairs]
    labels = [track.label for _, track in pairs]
    picture = marked(frame, boxes, labels, sure=[track.sure for _, track in pairs])
    return noted(picture, f"{fps:.0f} frames/s")
