"""One network through one quantiser: quantise, compile for this host, run, compare."""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

import pocketvision
from pocketvision.compile.errors import CompileError
from pocketvision.compile.frontend.load import load
from pocketvision.compile.pipeline import compile_graph, optimise
from pocketvision.compile.targets import TARGETS
from pocketvision.runtime.shipped import host_targets

from .quantisers.table import QUANTISERS
from .run import feeds, session
from .zoo import build

CALIBRATING, COMPARED = 4, 3
STEPS = 4.0
"""What may lie between two runs of a deep network whose every operator may differ by a step."""
SHARE = 0.05
"""The same for float outputs, of their largest value."""


@dataclass(frozen=True)
class Outcome:
    """How far a network came.

    ``stage``: the last one begun: "quantise", "import", "compile", "run", "compare".
    ``verdict``: "ok", "far" (it runs and differs), "refused" (a CompileError), "no file" (the
    quantiser failed), or the type of any other exception.
    ``steps``: largest difference from onnxruntime in steps of an output; ``share``: of float
    outputs, as a share of their largest value.
    """

    network: str
    quantiser: str
    stage: str = "quantise"
    verdict: str = ""
    said: str = ""
    where: str = ""
    steps: float | None = None
    share: float | None = None
    seconds: float = 0.0


def check(network: str, quantiser: str, size: int | None, folder: Path) -> Outcome:
    """Never raises; int8 files stay in ``folder``, and are taken from there the next time."""
    begun = time.monotonic()
    done = Outcome(network, quantiser)
    try:
        path = quantised(network, quantiser, size, folder)
        for step in _stages(done, path):
            done = step
    except Exception as error:
        return _failed(done, error, begun)
    near = (done.steps or 0) <= STEPS and (done.share or 0) <= SHARE
    return replace(done, verdict="ok" if near else "far", seconds=time.monotonic() - begun)


def quantised(network: str, quantiser: str, size: int | None, folder: Path) -> Path:
    """The int8 file, made where it is not there yet; raises whatever the quantiser does."""
    path = folder / f"{network}.{quantiser}.int8.onnx"
    if not path.exists():
        model = build(network, size)
        found = QUANTISERS[quantiser](model, feeds(session(model), CALIBRATING, seed=2))
        session(found)  # some quantisers write what no runtime loads
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(found, path)
    return path


def _stages(done: Outcome, path: Path) -> Iterator[Outcome]:
    """``done`` at each stage before it begins, and at last with what was measured."""
    yield (done := replace(done, stage="import"))
    graph = optimise(load(path))
    yield (done := replace(done, stage="compile"))
    target = next(TARGETS[name] for name in host_targets() if name in TARGETS)
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "model.so"
        compile_graph(graph, target, library)
        yield (done := replace(done, stage="run"))
        model = pocketvision.Model(library)
        runner = session(onnx.load(path))
        names = [value.name for value in runner.get_outputs()]
        steps: list[float] = []
        shares: list[float] = []
        for feed in feeds(runner, COMPARED):
            ours = compiled(model, feed)
            for name, theirs in zip(names, runner.run(None, feed), strict=True):
                kind, far = distance(model, name, ours[name], theirs)
                (steps if kind == "steps" else shares).append(far)
    yield replace(
        done, stage="compare", steps=max(steps, default=None), share=max(shares, default=None)
    )


def compiled(model: pocketvision.Model, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Results by name of one input of the file's shapes, in the compiled model's own shapes."""
    stored = [fitted(feed[tensor.name], tensor.shape) for tensor in model.inputs]
    result = model.run(stored)
    if isinstance(result, dict):
        return result
    return {model.outputs[0].name: result}


def fitted(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The file's array (N, ...) in a compiled tensor's shape: channels last, or as the file's."""
    if values.size == np.prod(shape):
        batches = [values, values[0]]
        if values.ndim > 2:
            batches = [np.moveaxis(values[0], 0, -1), np.moveaxis(values, 1, -1), *batches]
        for one in batches:
            if _sides(one.shape) == _sides(shape):
                return one.reshape(shape)
    elif values[0].size == np.prod(shape):
        return np.stack([fitted(one[None], shape) for one in values])
    raise ValueError(f"the file's {values.shape} does not fit the compiled {shape}")


def distance(
    model: pocketvision.Model, name: str, ours: np.ndarray, theirs: np.ndarray
) -> tuple[str, float]:
    """("steps", largest difference in steps), or ("share", of the largest value of ``theirs``)."""
    tensor = next(tensor for tensor in model.outputs if tensor.name == name)
    far = np.abs(ours.astype(np.float64) - fitted(theirs, tensor.shape)).max()
    if ours.dtype == np.float32 and np.dtype(tensor.dtype).kind in "iu":
        return "steps", float(far / tensor.scale)
    return "share", float(far / max(np.abs(theirs).max(), 1e-9))


def _sides(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(side for side in shape if side != 1)


def _failed(done: Outcome, error: Exception, begun: float) -> Outcome:
    said = str(error).strip() or type(error).__name__
    if done.stage == "quantise":
        verdict = "no file"
    elif isinstance(error, CompileError):
        verdict = "refused"
    else:
        verdict = type(error).__name__
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return replace(done, verdict=verdict, said=said, where=where, seconds=time.monotonic() - begun)
