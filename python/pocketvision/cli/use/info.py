"""``pocketvision info [MODEL]``: what is installed, or one model's record and compiled form."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

from ... import __version__
from ...errors import ModelFileError
from ...record import Record
from ...runtime.model import Model
from ...runtime.shipped import DEFAULT_MODEL, host_targets, shipped
from ...runtime.tensors import Tensor
from ..common import Verbs, new_verb
from ..text import show, show_json, show_table


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


def _overview(as_json: bool) -> None:
    models = shipped()
    if as_json:
        targets = {name: sorted(files) for name, files in models.items()}
        show_json({"version": __version__, "targets": host_targets(), "models": targets})
        return
    show(f"pocketvision {__version__}; this processor runs: {', '.join(host_targets())}")
    if not models:
        show("no models are installed")
        return
    show("")
    heading = ("model", "values", "size", "LFW, int8", "compiled for")
    show_table([heading, *(_row(name, files) for name, files in models.items())])
    show("", f"{DEFAULT_MODEL} is taken where none is named; pocketvision info MODEL says more.")


def _row(name: str, files: dict[str, str]) -> tuple[str, ...]:
    """What a user chooses by, from the variant that runs here, or names and targets alone."""
    targets = ", ".join(sorted(files))
    file = next((files[target] for target in host_targets() if target in files), None)
    if file is None:
        return name, "-", "-", "-", f"{targets} (not for this processor)"
    try:
        record = Model(file).record
    except ModelFileError:
        return name, "-", "-", "-", f"{targets} (damaged: pocketvision info {name})"
    if record is None:
        return name, "-", _size(os.path.getsize(file)), "-", targets
    # The first is that of the protocol that papers quote.
    accuracy = next(
        (
            f"{score['accuracy']:.2%}"
            for score in record.scores
            if score["precision"] == "int8" and score["dataset"].startswith("LFW")
        ),
        "-",
    )
    return name, str(record.embedding), _size(os.path.getsize(file)), accuracy, targets


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
        show_table([*_compiled(model)], "  ")
        return
    show(f"{record.full_name}: {record.task}, {record.embedding} values, {record.metric}")
    show_table([*_compiled(model), *_prepared(record), *_measured(record), *_origin(record)], "  ")


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
    points = recipe["template"]
    where = ", ".join(f"({x:g}, {y:g})" for x, y in points) if points else "no template"
    yield "aligned to", where


def _measured(record: Record) -> Iterator[tuple[str, str]]:
    for score in record.scores:
        where = f"{score['dataset']}, {score['protocol']}, {score['precision']}"
        yield "accuracy", f"{score['accuracy']:.2%} +- {score['std']:.2%} on {where}"
    for entry in record.thresholds:
        bounds = entry.get("interval")
        spread = f" ({bounds[0]:g} to {bounds[1]:g})" if bounds else ""
        where = f"{entry['dataset']}, {entry['protocol']}"
        yield "threshold", f"{entry['threshold']:g}{spread} at FAR {entry['far']:g} on {where}"


def _origin(record: Record) -> Iterator[tuple[str, str]]:
    for key in ("paper", "teacher", "data", "licence", "quantiser", "arithmetic"):
        value = getattr(record, key)
        if value:
            yield key, value
    for kind, digest in record.sha256.items():
        yield f"sha256 of {kind}", digest


def _once(values: list[float]) -> str:
    """One number where all channels have the same."""
    return f"{values[0]:g}" if len(set(values)) == 1 else f"({', '.join(f'{v:g}' for v in values)})"


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
