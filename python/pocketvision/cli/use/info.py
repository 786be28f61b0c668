"""``pocketvision info [MODEL]``: what is installed, or one model's record and compiled form."""

from __future__ import annotations

import argparse
from typing import Any

from ... import __version__
from ...runtime.model import Model, Tensor
from ...runtime.shipped import host_targets, resolve, shipped
from ..common import Verbs, new_verb, print_json

_IN_THE_TITLE = ("name", "tag", "task", "embedding", "metric")


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
        _describe(Model(resolve(arguments.model, arguments.target)), arguments.json)
    return 0


def _overview(as_json: bool) -> None:
    models = {name: sorted(files) for name, files in shipped().items()}
    if as_json:
        print_json({"version": __version__, "targets": host_targets(), "models": models})
        return
    print(f"pocketvision {__version__}; this processor runs: {', '.join(host_targets())}")
    for name, targets in models.items():
        print(f"{name}: {', '.join(targets)}")
    if not models:
        print("no models are installed")


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
        "input": _tensor(model.input),
        "output": _tensor(model.output),
    }
    if as_json:
        print_json({**compiled, "record": record.to_dict()})
        return
    print(f"{record.full_name}: {record.task}, {record.embedding} values, {record.metric}")
    for key, value in compiled.items():
        print(f"  {key}: {value}")
    for key, value in record.to_dict().items():
        if key not in _IN_THE_TITLE and value not in (None, "", []):
            print(f"  record.{key}: {value}")
