"""Finds the weights of a network in the source tree and writes the files that peers run."""

from __future__ import annotations

import importlib.util
import os
from functools import partial
from pathlib import Path

import numpy as np

from pocketvision.record import METADATA_KEY, Record

from ..candidate import Absent, Sources
from .examples import calibration
from .once import digest, once
from .rewrite import has_prelu, prelu_as_relus

WEIGHTS_VARIABLE = "POCKETVISION_WEIGHTS"
"""Environment variable that names the folder with the weights; default: ``training/weights``."""


def weights_folder() -> Path:
    """The folder of float weights and int8 ONNX files, which wheels do not carry.

    Raises Absent when there is none: ``pocketvision`` was installed from a wheel.
    """
    named = os.environ.get(WEIGHTS_VARIABLE)
    if named:
        if not Path(named).is_dir():
            raise Absent(f"{WEIGHTS_VARIABLE}: expected a folder, and {named!r} is none")
        return Path(named)
    spec = importlib.util.find_spec("pocketvision.training")
    homes = list(spec.submodule_search_locations or []) if spec else []
    for folder in [*(Path(home, "weights") for home in homes), Path("training/weights")]:
        if any(folder.glob("*.int8.onnx")):
            return folder
    raise Absent(
        "the int8 ONNX files are in the source tree, not in the wheel; run this in a clone, or "
        f"let {WEIGHTS_VARIABLE} name a folder with NAME.int8.onnx and NAME.safetensors"
    )


def find_int8(name: str, home: Path | None = None) -> Path:
    """The int8 ONNX file of a network by name; Absent when it is not there."""
    path = (home or weights_folder()) / f"{name}.int8.onnx"
    if not path.is_file():
        raise Absent(f"{path} is missing; make it with pocketvision.training.ship {name}")
    return path


def prepare(
    name: str,
    scratch: Path,
    home: Path | None = None,
    *,
    noise: bool = False,
    envs: Path | None = None,
) -> Sources:
    """All files of ``name`` that peers run, written below ``scratch`` unless they are there.

    Float: as exported and folded (the compiler's input), each with PReLU as it is and as relus.
    A file ``NAME.float.onnx`` beside the int8 file takes the place of the two exports.
    ``home``: folder of the weights, default ``weights_folder()``.
    """
    int8 = find_int8(name, home)
    weights = int8.with_name(f"{name}.safetensors")
    given = int8.with_name(f"{name}.float.onnx")
    scratch.mkdir(parents=True, exist_ok=True)
    if given.is_file():
        floats = [("as given", given)]
    elif weights.is_file():
        floats = _export(name, weights, scratch)
    else:
        raise Absent(f"{weights} is missing, so there is no float network to compare with")
    return Sources(
        name,
        _with_relus(floats, scratch),
        _with_relus([("QDQ", int8)], scratch),
        weights if weights.is_file() else None,
        noise,
        _calibration(float_record(_record(int8), int8.parent), scratch),
        envs,
    )


def float_record(int8: Record, home: Path | None = None) -> Record:
    """The float network's record (``NAME.json``), or ``int8`` when there is none.

    The two normalise differently: the quantiser moves the mean onto a whole int8 value.
    """
    try:
        path = (home or weights_folder()) / f"{int8.name}.json"
    except Absent:
        return int8
    return Record.from_json(path.read_text(encoding="utf-8")) if path.is_file() else int8


def _record(int8: Path) -> Record:
    try:
        import onnx
    except ImportError as error:
        raise Absent(f"{error}; pip install 'pocketvision[compile]'") from error
    for entry in onnx.load(int8).metadata_props:
        if entry.key == METADATA_KEY:
            return Record.from_json(entry.value)
    raise Absent(f"{int8} holds no record; quantise it again")


def _calibration(record: Record, scratch: Path) -> Path:
    path = scratch / "calibration.npy"
    once([path], lambda: np.save(path, calibration(record)))
    return path


def _export(name: str, weights: Path, scratch: Path) -> list[tuple[str, Path]]:
    try:
        import onnx

        from pocketvision.training.export import export
        from pocketvision.training.models.stored.checkpoint import load
        from pocketvision.training.quantize.fold import fold
    except ImportError as error:
        raise Absent(
            f"no float file: {error}; install it with pip install 'pocketvision[training]'"
        ) from error
    exported, folded = scratch / f"{name}.onnx", scratch / f"{name}.folded.onnx"

    def write() -> None:
        export(load(name, weights), exported)
        onnx.save(fold(onnx.load(exported)), folded)

    once([exported, folded], write)
    return [("exported", exported), ("folded", folded)]


def _with_relus(files: list[tuple[str, Path]], scratch: Path) -> list[tuple[str, Path]]:
    rewritten = []
    for variant, path in files:
        if not has_prelu(path):
            continue
        out = scratch / f"{path.stem}-{digest([path])}.relus.onnx"
        once([out], partial(prelu_as_relus, path, out))
        rewritten.append((f"{variant}, PReLU as relus", out))
    return files + rewritten
