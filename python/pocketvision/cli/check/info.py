"""``pocketvision info [MODEL]``: what is installed, or one model's record and compiled form."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from textwrap import wrap
from typing import Any

from ... import __version__
from ...errors import ModelFileError
from ...record import FaceEmbedding, Record
from ...record.clips import Clips
from ...record.detection import FaceDetection
from ...record.record import PRECISIONS
from ...record.restoration import Restoration
from ...runtime.model import Model
from ...runtime.shipped import DEFAULT_DETECTOR, DEFAULT_MODEL, host_targets, shipped
from ...runtime.tensors import Tensor
from ..common import Verbs, new_verb
from ..text import show, show_json, show_table

WIDTH = 100
"""Characters of a line, but where one word, such as a path, is longer."""


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "info", run, "Show the installed models, or all about one.")
    parser.add_argument("model", nargs="?", help="shipped model or compiled file")
    parser.add_argument("--target", default=None, help="force a compiled variant")


def run(arguments: argparse.Namespace) -> int:
    """Print the overview, or the model's description."""
    if arguments.model is None:
        _overview(arguments.json)
    else:
        _describe(Model(arguments.model, target=arguments.target), arguments.json)
    return 0


@dataclass(frozen=True)
class _Shipped:
    """What a user chooses a model by; "-" or empty where the file that runs here does not say."""

    name: str
    task: str = "-"
    values: str = "-"
    size: str = "-"
    floating: str = "-"
    int8: str = "-"
    licence: str = ""
    targets: str = ""


def _overview(as_json: bool) -> None:
    models = shipped()
    rows = [_row(name, files) for name, files in models.items()]
    if as_json:
        targets = {name: sorted(files) for name, files in models.items()}
        show_json(
            {
                "version": __version__,
                "targets": host_targets(),
                "models": targets,
                "default": DEFAULT_MODEL,
                "shown": [asdict(row) for row in rows],
            }
        )
        return
    show(f"pocketvision {__version__}; this processor runs: {', '.join(host_targets())}")
    if not models:
        show("no models are installed")
        return
    show("")
    heading = ("model", "task", "values", "size", "LFW, float", "LFW, int8", "")
    table = [
        (row.name, row.task, row.values, row.size, row.floating, row.int8,
         "the default" if row.name in (DEFAULT_MODEL, DEFAULT_DETECTOR) else "")
        for row in rows
    ]  # fmt: skip
    show_table([heading, *table])
    show("", *_shared("licence", {row.name: row.licence for row in rows}))
    show(*_shared("compiled for", {row.name: row.targets for row in rows}))
    show(f"pocketvision info {rows[0].name} says more: thresholds, data, preprocessing.")


def _shared(label: str, texts: dict[str, str]) -> Iterator[str]:
    """Each text once, wrapped, with the models that it is of, unless it is of all."""
    for text in dict.fromkeys(filter(None, texts.values())):
        names = [name for name in texts if texts[name] == text]
        of = "" if len(names) == len(texts) else f", {', '.join(names)}"
        yield from wrap(f"{label}{of}: {text}", WIDTH, subsequent_indent="  ")


def _row(name: str, files: dict[str, str]) -> _Shipped:
    """From the variant that runs here; of others names and targets alone."""
    targets = ", ".join(sorted(files))
    file = next((files[target] for target in host_targets() if target in files), None)
    if file is None:
        return _Shipped(name, targets=f"{targets} (not for this processor)")
    try:
        record = Model(file).record
    except ModelFileError:
        return _Shipped(name, targets=f"{targets} (damaged: pocketvision info {name})")
    size = _size(os.path.getsize(file))
    if record is None:
        return _Shipped(name, size=size, targets=targets)
    accuracy = {precision: "-" for precision in PRECISIONS}
    # The first of each is that of the protocol that papers quote.
    for score in reversed(record.scores):
        if score["dataset"].startswith("LFW"):
            accuracy[score["precision"]] = f"{100 * score['accuracy']:.2f} %"
    return _Shipped(name, record.task, _values(record), size, accuracy["float32"], accuracy["int8"],
                    record.licence, targets)  # fmt: skip


def _values(record: Record) -> str:
    """Of an embedding, or the classes of a classifier."""
    part = record.part
    if isinstance(part, FaceDetection):
        return "boxes, landmarks"
    if isinstance(part, Restoration):
        return "a face"
    return f"{len(part.classes)} classes" if isinstance(part, Clips) else str(part.embedding)


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
    }


def _describe(model: Model, as_json: bool) -> None:
    record = model.record
    compiled = {
        "file": model.path,
        "target": model.target,
        "arena_bytes": model.arena_bytes,
        "source_sha256": model.source_sha256,
        "inputs": [_tensor(tensor) for tensor in model.inputs],
        "outputs": [_tensor(tensor) for tensor in model.outputs],
    }
    if as_json:
        show_json({**compiled, "record": record.to_dict() if record else None})
        return
    if record is None:
        show("no record: a network that pocketvision.Model runs")
        show(*_page([*_compiled(model)]))
        return
    show(f"{record.full_name}: {record.task}, {_kind(record)}")
    parts = (_compiled(model), _prepared(record), _measured(record), _origin(record))
    show(*_page([row for part in parts for row in part]))


def _kind(record: Record) -> str:
    part = record.part
    if isinstance(part, FaceDetection):
        strides = ", ".join(map(str, part.strides))
        return f"boxes and five landmarks from cells of {strides} pixels"
    if isinstance(part, Restoration):
        return f"faces of {part.smallest} to {part.largest} pixels made sharp"
    if isinstance(part, Clips):
        return f"{len(part.classes)} classes, {part.frames} frames, {part.modality}"
    return f"{part.embedding} values, {part.metric}"


def _page(rows: list[tuple[str, str]]) -> Iterator[str]:
    """``label  text``, wrapped; a label stands once above its further rows."""
    wide = max(len(label) for label, _ in rows)
    before = ""
    for label, text in rows:
        head = f"  {'' if label == before else label:{wide}}  "
        yield from wrap(
            text,
            WIDTH,
            initial_indent=head,
            subsequent_indent=" " * (len(head) + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
        before = label


def _compiled(model: Model) -> Iterator[tuple[str, str]]:
    yield "file", f"{model.path} ({_size(os.path.getsize(model.path))})"
    yield "target", model.target
    yield "memory", f"{_size(model.arena_bytes)} for each thread"
    ends = [("input", tensor) for tensor in model.inputs]
    for label, tensor in (*ends, *(("output", tensor) for tensor in model.outputs)):
        shape = "x".join(map(str, tensor.shape))
        scale = f", scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
        real = tensor.dtype == "float32"
        yield label, f"{tensor.name}: {tensor.dtype} {shape}{'' if real else scale}"


def _prepared(record: Record) -> Iterator[tuple[str, str]]:
    """How a picture becomes the input."""
    recipe = record.preprocess
    height, width = recipe["size"]
    mean, std = (_once(recipe[key]) for key in ("mean", "std"))
    yield "picture", f"{width}x{height} {recipe['colour']}, (pixel - {mean}) / {std}"
    if isinstance(record.part, Clips):
        yield "window", f"{record.part.frames} frames, one of every {record.part.stride}"
        yield "classes", ", ".join(record.part.classes)
        return
    if isinstance(record.part, FaceDetection):
        apart = f"once where boxes overlap by more than {record.part.overlap:g}"
        yield "a face", f"from a score of {record.part.score:g}; {apart}"
        return
    points = recipe["template"]
    where = ", ".join(f"({x:g}, {y:g})" for x, y in points) if points else "no template"
    yield "aligned to", where
    if isinstance(record.part, FaceEmbedding) and record.part.smallest is not None:
        yield "faces", f"of {record.part.smallest} pixels and more, as they lie in the picture"


def _measured(record: Record) -> Iterator[tuple[str, str]]:
    for score in record.scores:
        where = f"{score['dataset']}, {score['protocol']}, {score['precision']}"
        accuracy, spread = 100 * score["accuracy"], 100 * score["std"]
        yield "accuracy", f"{accuracy:.2f} % +- {spread:.2f} % on {where}"
    if not isinstance(record.part, FaceEmbedding):
        return
    for entry in record.thresholds:
        bounds = entry.get("interval")
        between = f" ({bounds[0]:g} to {bounds[1]:g})" if bounds else ""
        where = f"{entry['dataset']}, {entry['protocol']}"
        rate = f"{100 * entry['far']:g} %"
        yield "threshold", f"{entry['threshold']:g}{between} at FAR {rate} on {where}"
    rows = record.identification
    cases = {(entry.get("templates", 1), -entry["fpir"]) for entry in rows}
    for each, negative in sorted(cases):
        fpir = -negative
        own = [e for e in rows if (e.get("templates", 1), e["fpir"]) == (each, fpir)]
        among = ", ".join(
            f"{entry['threshold']:g} among {entry['size']}"
            for entry in sorted(own, key=lambda entry: entry["size"])
        )
        of = "" if each == 1 else f" people of {each} templates each"
        yield "open set", f"at FPIR {100 * fpir:g} % on {own[0]['dataset']}: {among}{of}"


def _origin(record: Record) -> Iterator[tuple[str, str]]:
    for key in ("paper", "teacher", "data", "licence", "quantiser", "arithmetic"):
        value = getattr(record, key)
        if value:
            yield key, value
    for kind, digest in record.sha256.items():
        yield "sha256", f"{kind} {digest}"


def _once(values: list[float]) -> str:
    """One number where all channels have the same."""
    return f"{values[0]:g}" if len(set(values)) == 1 else f"({', '.join(f'{v:g}' for v in values)})"


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
