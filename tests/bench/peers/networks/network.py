"""Finds the files of one network to measure: shipped weights or noise, and a compiled model."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from pocketvision.errors import InputError
from pocketvision.runtime import shipped as models

from ..candidate import Absent
from . import noise
from .once import digest
from .sources import weights_folder


@dataclass(frozen=True)
class Network:
    """``home``: folder with NAME.int8.onnx, or None when there is none and no peer can run.

    ``compiled``: file for our runtime. ``work``: folder of its conversions.
    """

    name: str
    home: Path | None
    compiled: str
    noise: bool
    work: Path


def locate(given: str, work: Path, *, anew: bool = False) -> Network:
    """The network that ``given`` names, with what it lacks made below ``work``.

    ``given``: a shipped model, a compiled file, or any registered network, which gets weights of
    noise if there are no others. ``anew``: compile the int8 file instead of taking the installed
    model. Raises InputError for an unknown name, Absent when a registered one cannot be made here.
    """
    name = models.normalise(given)
    try:
        compiled = models.resolve(given)
    except InputError as unknown:
        return _registered(name, work, unknown)
    try:
        home = weights_folder()
    except Absent:
        home = None
    if compiled.endswith(".so") and Path(given).exists():
        from pocketvision import Embedder

        name, anew = Embedder(given).record.name, False
    int8 = home / f"{name}.int8.onnx" if home else None
    if int8 is None or not int8.is_file():
        return Network(name, home, compiled, False, work / name)
    work = _work(int8, work)
    return Network(name, home, _compile(int8, work) if anew else compiled, False, work)


def _registered(name: str, work: Path, unknown: InputError) -> Network:
    try:
        home = weights_folder()
    except Absent:
        home = work / f"{name}-noise"
    random = not (home / f"{name}.int8.onnx").is_file()
    if random:
        home = work / f"{name}-noise"
        try:
            noise.make(name, home)
        except Absent as reason:
            raise InputError(f"{unknown} With weights of noise: {reason}") from reason
    int8 = home / f"{name}.int8.onnx"
    work = _work(int8, work)
    return Network(name, home, _compile(int8, work), random, work)


def _work(int8: Path, work: Path) -> Path:
    """Conversions belong to the float weights; what comes of the int8 file names that file's."""
    name = int8.name.removesuffix(".int8.onnx")
    weights = int8.with_name(f"{name}.safetensors")
    return work / f"{name}-{digest([weights if weights.is_file() else int8])}"


def _compile(int8: Path, work: Path) -> str:
    """The file compiled for this machine; made again whenever the compiler's sources change."""
    from pocketvision import compile as compiler

    sources = sorted(Path(compiler.__path__[0]).rglob("*.py"))
    target = os.environ.get(models.TARGET_VARIABLE) or models.host_targets()[0]
    folder = work / f"compiled-{target}-{digest([int8, *sources])}"
    done = folder / "files.json"
    if not done.is_file():
        files = [str(path) for path in compiler.compile_file(int8, target, folder)]
        done.write_text(json.dumps(files), encoding="utf-8")
    return str(json.loads(done.read_text(encoding="utf-8"))[0])
