"""The files of an ordinary network: float32 and int8 forms for the peers, compiled for us."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

import pocketvision
from pocketvision import compile as compiler
from pocketvision.runtime import shipped

from ...networks import zoo
from ...networks.check import fitted, quantised
from ...networks.run import feeds, session
from ..peers.candidate import Bound, Candidate, Example, Runner, Sources
from ..peers.networks.once import digest, once

OURS = "u8s8"
"""The quantiser of tests/networks whose file is compiled; peers run it too."""
QUANTISERS = {OURS: "QDQ", "s8s8": "QDQ, int8 activations", "qop-u8s8": "QOperator"}
CALIBRATING = 8


@dataclass(frozen=True)
class Files:
    """What the peers run, what we run, and normal noise as both take it."""

    sources: Sources
    compiled: Path
    examples: list[Example]


def prepare(name: str, size: int | None, work: Path) -> Files:
    """All files of ``name`` at its published size or ``size``, made below ``work`` once."""
    folder = work / f"{name}-{size or 'full'}"
    folder.mkdir(parents=True, exist_ok=True)
    floating = folder / f"{name}.onnx"
    once([floating], lambda: onnx.save(zoo.build(name, size), floating))
    int8s = [(text, quantised(name, key, size, folder)) for key, text in QUANTISERS.items()]
    runner = session(onnx.load(floating))
    (entry,) = (value.name for value in runner.get_inputs())
    noise = [feed[entry] for feed in feeds(runner, CALIBRATING, seed=2)]
    calibration = folder / "calibration.npy"
    once([calibration], lambda: np.save(calibration, np.concatenate(noise)))
    tensors = [feed[entry] for feed in feeds(runner, 2, seed=1)]
    return Files(
        Sources(name, [("as built", floating)], int8s, None, True, calibration),
        _compiled(int8s[0][1], folder),
        [Example(np.zeros((1, 1, 3), np.uint8), tensor) for tensor in tensors],
    )


def _compiled(int8: Path, folder: Path) -> Path:
    """Compiled for this machine; again whenever the compiler's sources change."""
    sources = sorted(Path(compiler.__path__[0]).rglob("*.py"))
    target = shipped.host_targets()[0]
    out = folder / f"compiled-{target}-{digest([int8, *sources])}"
    library = out / f"{int8.stem}.so"

    def make() -> None:
        (written,) = compiler.compile_file(int8, target, out)
        written.rename(library)

    once([library], make)
    return library


def ours(compiled: Path) -> Candidate:
    """Our candidate, which starts from stored values, as a camera's pixels become them."""
    model = pocketvision.Model(compiled)
    (entry,) = model.inputs
    found: list[NDArray[Any]] = []

    def bind(example: Example) -> Bound:
        real = fitted(example.tensor, entry.shape)
        least, most = np.iinfo(entry.dtype).min, np.iinfo(entry.dtype).max
        steps = np.rint(real / np.float32(entry.scale)) + entry.zero_point
        stored = np.ascontiguousarray(np.clip(steps, least, most).astype(entry.dtype))

        def run() -> None:
            found[:] = [np.asarray(model.run(stored, dequantise=True))]

        return Bound(run, lambda: found[0].ravel())

    def load() -> Runner:
        return bind

    return Candidate("pocketvision", "int8", model.target, load, quantised_by_us=True)
