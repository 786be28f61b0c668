"""ClipClassifier: frames in, scores of actions out, each frame encoded once."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _runtime
from ..errors import InputError, ModelFileError
from ..runtime.model import Model
from ..runtime.tensors import dequantised
from .frames import central, values
from .video import Video

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ..record.clips import Clips

FORMAT = "pocketvision stream 1"


class ClipClassifier:
    """Classifies what happens in the last frames of a stream.

    >>> classifier = pocketvision.ClipClassifier("build/fight")
    >>> for frame in camera:                      # uint8 RGB (H, W, 3)
    ...     scores = classifier.push(frame)       # None until the window is full
    ...     if scores is not None:
    ...         print(classifier.classes[scores.argmax()], scores.max())

    ``model``: the folder with the compiled ``encoder.TARGET.so`` and ``decoder.TARGET.so`` of a
    network of clips (of two streams, ``encoder-1`` to ``decoder-2``), as
    ``training.train.clips.export``, ``pocketvision quantize`` and ``pocketvision compile`` leave
    them. ``target``: forces a compiled variant.

    The object holds the state of one stream: the vectors of the last frames. :meth:`another` gives
    one more stream on the same models. One thread at a time may use a stream.
    Raises FileNotFoundError, ModelFileError for models of another kind or that are no pair.
    """

    def __init__(self, model: str | os.PathLike[str], *, target: str | None = None) -> None:
        self.folder = os.fspath(model)
        self._parts = [_Part(*pair) for pair in _pairs(self.folder, target)]
        self.part = _part_of(self._parts)
        self._begin()

    def _begin(self) -> None:
        modalities = self.part.modality.split("+")
        self._streams = [
            _Stream(part, modality) for part, modality in zip(self._parts, modalities, strict=True)
        ]
        self._skip = 0
        self._scores: NDArray[np.float32] | None = None

    def __repr__(self) -> str:
        return f"ClipClassifier({self.folder!r}, target={self._parts[0].encoder.target!r})"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the scores."""
        return tuple(self.part.classes)

    @property
    def state_bytes(self) -> int:
        """Memory that the runtime holds for this stream, in bytes."""
        return sum(stream.window.state_bytes for stream in self._streams)

    def another(self) -> ClipClassifier:
        """A further stream on the same models, which starts empty."""
        made = object.__new__(type(self))
        made.folder, made._parts, made.part = self.folder, self._parts, self.part
        made._begin()
        return made

    def push(self, frame: Any) -> NDArray[np.float32] | None:
        """Take the next frame, uint8 RGB (H, W, 3) of any size.

        Returns the probabilities float32 (classes,) of the window that ends with it, None until
        the window is full. A model with a stride looks at every such frame; the others give the
        scores of before. Raises InputError for another type or shape, RunError.
        """
        if self._skip:
            self._skip -= 1
            return self._scores
        small = central(frame, self._parts[0].size)
        found = [stream.push(small) for stream in self._streams]
        self._skip = self.part.stride - 1
        full = [logits for logits in found if logits is not None]
        if len(full) == len(found):
            self._scores = _softmax(np.mean(full, axis=0))
        return self._scores

    def classify(self, video: Any, *, windows: int = 10) -> NDArray[np.float32]:
        """Probabilities float32 (classes,) of a whole video: mean of the logits of its windows.

        ``video``: what :class:`Video` opens, or an iterable of frames. Its windows end ``windows``
        times at even distances; a video that is shorter than one is repeated. The state of the
        stream is left alone.
        Raises InputError for a video without frames or too large to keep at the model's size.
        """
        if windows < 1:
            raise InputError(f"windows: expected at least 1, got {windows}")
        if isinstance(video, np.ndarray | str | os.PathLike):
            with Video(video) as opened:
                return self._classify(opened, windows)
        return self._classify(video, windows)

    def _classify(self, frames: Iterable[Any], windows: int) -> NDArray[np.float32]:
        small = [central(frame, self._parts[0].size) for frame in frames]
        if not small:
            raise InputError("video: expected at least one frame, got none")
        count, stride = self.part.frames, self.part.stride
        span = min(len(small), count * stride)
        starts = np.unique(np.rint(np.linspace(0, len(small) - span, windows)).astype(int))
        if windows == 1:
            starts = np.asarray([(len(small) - span) // 2])
        spread = np.arange(count) * span // count
        logits = []
        for start in starts:
            streams = [_Stream(stream.part, stream.modality) for stream in self._streams]
            for index in start + spread:
                last = [stream.push(small[index]) for stream in streams]
            logits.append(np.mean([row for row in last if row is not None], axis=0))
        return _softmax(np.mean(logits, axis=0))

    def reset(self) -> None:
        """Forget all frames."""
        self._begin()

    def save(self) -> bytes:
        """The state of the stream, for :meth:`load` of the same models anywhere."""
        parts = [part for stream in self._streams for part in stream.save()]
        head = {
            "format": FORMAT,
            "models": [part.identity for part in self._parts],
            "skip": self._skip,
            "lengths": [len(part) for part in parts],
            "scores": None if self._scores is None else [float(value) for value in self._scores],
        }
        return b"\n".join([json.dumps(head).encode(), b"".join(parts)])

    def load(self, state: bytes) -> None:
        """Go on where :meth:`save` was called; InputError for anything else, or other models."""
        wrong = InputError("state: expected what ClipClassifier.save gave, unchanged")
        if not isinstance(state, bytes):
            raise wrong
        text, _, rest = state.partition(b"\n")
        try:
            head = json.loads(text)
            models, skip, lengths = head["models"], int(head["skip"]), list(head["lengths"])
            scores = head["scores"]
            known = head["format"] == FORMAT
        except (ValueError, KeyError, TypeError, RecursionError):
            raise wrong from None
        if (
            not known
            or any(type(n) is not int or n < 0 for n in lengths)
            or sum(lengths) != len(rest)
        ):
            raise wrong
        if models != [part.identity for part in self._parts]:
            raise InputError("state: of other models than these; their vectors do not compare")
        if not 0 <= skip < self.part.stride or len(lengths) != 2 * len(self._streams):
            raise wrong
        ends = np.cumsum([0, *lengths])
        parts = [rest[a:b] for a, b in zip(ends, ends[1:], strict=False)]
        fresh = self.another()
        for number, stream in enumerate(fresh._streams):
            stream.load(*parts[2 * number : 2 * number + 2])
        self._streams, self._skip = fresh._streams, skip
        self._scores = None if scores is None else np.asarray(scores, np.float32)


class _Part:
    """An encoder with its decoder."""

    def __init__(self, encoder: Model, decoder: Model) -> None:
        self.encoder, self.decoder = encoder, decoder
        self.identity = [encoder.source_sha256, decoder.source_sha256]
        shape = encoder.inputs[0].shape
        if len(shape) < 3 or shape[-1] != 3 or shape[-2] != shape[-3]:
            raise ModelFileError(
                f"{encoder.path}: expected an encoder of square frames in three colours, got an "
                f"input of shape {shape}"
            )
        self.size = shape[-2]
        try:
            self.models = _runtime.ClipModels(encoder._library, decoder._library)
        except ValueError as error:
            raise ModelFileError(f"{decoder.path}: {error}") from None


class _Stream:
    """The window of one modality; of differences also the frame before."""

    def __init__(self, part: _Part, modality: str) -> None:
        self.part, self.modality = part, modality
        record = part.encoder.record
        assert record is not None  # _part_of has looked
        self._values = values(part.encoder.inputs[0], record.preprocess, modality)
        self.window = _runtime.ClipStream(part.models)
        self._before: NDArray[np.uint8] | None = None

    def push(self, frame: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """Logits float32 (classes,), None where the window is not full."""
        pixels = frame.astype(np.int16)
        if self.modality == "difference":
            before, self._before = self._before, frame
            if before is None:
                return None
            pixels -= before
        found = self.window.push(self._values(pixels))
        if found is None:
            return None
        return dequantised(self.part.decoder.outputs[0], found).reshape(-1)

    def save(self) -> tuple[bytes, bytes]:
        return self.window.save(), b"" if self._before is None else self._before.tobytes()

    def load(self, window: bytes, before: bytes) -> None:
        size = self.part.size
        if before and (self.modality != "difference" or len(before) != size * size * 3):
            raise InputError(f"state: expected a frame of {size * size * 3} bytes or none")
        self.window.load(window)
        pixels = np.frombuffer(before, np.uint8)
        self._before = pixels.reshape(size, size, 3) if before else None


def _pairs(folder: str, target: str | None) -> list[tuple[Model, Model]]:
    """Encoder and decoder of each stream, by the names that the export gives them."""
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"{folder}: no such folder; expected one with encoder.TARGET.so and decoder.TARGET.so"
        )
    names = os.listdir(folder)
    numbered = [f"-{n}" for n in (1, 2) if any(x.startswith(f"encoder-{n}.") for x in names)]

    def model(name: str) -> Model:
        return Model(os.path.join(folder, name), target=target)

    return [(model(f"encoder{mark}"), model(f"decoder{mark}")) for mark in numbered or [""]]


def _part_of(parts: list[_Part]) -> Clips:
    """What the records say of the clips; ModelFileError where it does not fit the models."""
    from ..record.clips import Clips

    encoder = parts[0].encoder
    found = None if encoder.record is None else encoder.record.part
    if not isinstance(found, Clips):
        raise ModelFileError(
            f"{encoder.path}: has no record of a network of clips; export it by "
            "pocketvision.training.train.clips.export, and quantise and compile that"
        )
    modalities = found.modality.split("+")
    if len(modalities) != len(parts):
        raise ModelFileError(
            f"{encoder.path}: the record says {found.modality}, {len(modalities)} streams, and "
            f"{len(parts)} pairs of models are there"
        )
    for part, modality in zip(parts, modalities, strict=True):
        steps = found.frames - (modality == "difference")
        shape, classes = part.decoder.inputs[0].shape, part.decoder.outputs[0].shape
        vector = part.encoder.outputs[0].shape
        wide = int(np.prod(shape)) // int(np.prod(vector))
        if wide != steps or int(np.prod(classes)) != len(found.classes):
            raise ModelFileError(
                f"{part.decoder.path}: expected {steps} vectors of {vector} and "
                f"{len(found.classes)} classes, as the record says, got shapes {shape} and "
                f"{classes}"
            )
    return found


def _softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(powers / powers.sum(), np.float32)
