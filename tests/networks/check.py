"""One network through one quantiser: quantise, compare each operator, compile, run, compare."""

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
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.errors import CompileError
from pocketvision.compile.frontend import oracle
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Graph
from pocketvision.compile.pipeline import compile_graph, optimise
from pocketvision.compile.targets import TARGETS
from pocketvision.runtime.shipped import host_targets

from .quantisers.table import QUANTISERS
from .run import feeds, session
from .zoo import build

CALIBRATING, COMPARED = 4, 2


@dataclass(frozen=True)
class Outcome:
    """How far a network came.

    ``stage``: the last one begun: "quantise", "import", "compare", "compile", "run".
    ``verdict``: "ok"; "far": an operator, fed with onnxruntime's own values, is more than one step
    from onnxruntime; "bytes": compiled code and the reference differ; "refused" (a CompileError);
    "no file" (the quantiser failed); or the type of any other exception.
    ``steps``: the largest difference of an operator. ``end`` and ``share``: what whole runs differ
    by, where every operator may add its step to those before it: in steps of an int8 output, and
    of a float32 one as a share of its largest value.
    """

    network: str
    quantiser: str
    stage: str = "quantise"
    verdict: str = ""
    said: str = ""
    where: str = ""
    steps: int | None = None
    end: float | None = None
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
    return replace(done, verdict=done.verdict or "ok", seconds=time.monotonic() - begun)


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
    graph = load(path)
    yield (done := replace(done, stage="compare"))
    worst = max(oracle.compare(path, graph, COMPARED), key=lambda row: row.steps)
    done = replace(done, steps=worst.steps)
    if worst.steps > oracle.MOST_STEPS:
        yield replace(done, verdict="far", said=f"{worst.node} ({worst.kind})")
        return
    yield (done := replace(done, stage="compile"))
    graph = optimise(graph)
    target = next(TARGETS[name] for name in host_targets() if name in TARGETS)
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "model.so"
        compile_graph(graph, target, library)
        yield (done := replace(done, stage="run"))
        model = pocketvision.Model(library)
        if wrong := unlike(model, graph):
            yield replace(done, verdict="bytes", said=wrong)
            return
        end, share = ends(model, path)
        yield replace(done, end=end, share=share)


def unlike(model: pocketvision.Model, graph: Graph) -> str:
    """Which output of compiled code has other bytes than the reference, on noise; or nothing."""
    random = np.random.default_rng(3)
    stored = []
    for name, tensor in zip(graph.inputs, model.inputs, strict=True):
        if graph.tensors[name].real:
            stored.append(random.standard_normal(tensor.shape, np.float32))
        else:
            stored.append(random.integers(0, 256, tensor.shape, np.uint8).view(tensor.dtype))
    found = model.run(stored, dequantise=False)
    arrays = [found] if isinstance(found, np.ndarray) else list(found.values())
    batches = [value[None] for value in stored]
    wanted = reference.run_all(graph, batches)
    for name, value in zip(graph.outputs, arrays, strict=True):
        if wanted[name].tobytes() != value.tobytes():
            return f"output {name!r}"
    return ""


def ends(model: pocketvision.Model, path: Path) -> tuple[float | None, float | None]:
    """How far whole runs are from onnxruntime's: ``end`` and ``share`` of an outcome."""
    runner = session(onnx.load(path))
    names = [value.name for value in runner.get_outputs()]
    far: dict[str, list[float]] = {"end": [], "share": []}
    for feed in feeds(runner, COMPARED):
        ours = compiled(model, feed)
        for name, theirs in zip(names, runner.run(None, feed), strict=True):
            kind, value = distance(model, name, ours[name], theirs)
            far[kind].append(value)
    return max(far["end"], default=None), max(far["share"], default=None)


def compiled(model: pocketvision.Model, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Results by name of one input of the file's shapes, in the compiled model's own shapes."""
    stored = [fitted(feed[tensor.name], tensor.shape) for tensor in model.inputs]
    result = model.run(stored)
    if isinstance(result, dict):
        return result
    return {model.outputs[0].name: result}


def fitted(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The file's array (N, ...) in a compiled tensor's shape: channels last, or as the file's."""
    return candidates(values, shape)[0]


def candidates(values: np.ndarray, shape: tuple[int, ...]) -> list[np.ndarray]:
    """The ways in which a compiled tensor may hold the file's array (N, ...); one or two."""
    found = []
    if values.size == np.prod(shape):
        batches = [values, values[0]]
        if values.ndim > 2:
            batches = [np.moveaxis(values[0], 0, -1), np.moveaxis(values, 1, -1), *batches]
        for one in batches:
            if _sides(one.shape) == _sides(shape):
                found.append(one.reshape(shape))
    elif values[0].size == np.prod(shape):
        return [np.stack([fitted(one[None], shape) for one in values])]
    if not found:
        raise ValueError(f"the file's {values.shape} does not fit the compiled {shape}")
    return found


def distance(
    model: pocketvision.Model, name: str, ours: np.ndarray, theirs: np.ndarray
) -> tuple[str, float]:
    """("end", largest difference in steps), or ("share", of the largest value of ``theirs``).

    A map of as many rows as channels does not say which are last: the nearer way counts.
    """
    tensor = next(tensor for tensor in model.outputs if tensor.name == name)
    ways = candidates(theirs, tensor.shape)
    far = min(np.abs(ours.astype(np.float64) - way).max() for way in ways)
    if ours.dtype == np.float32 and np.dtype(tensor.dtype).kind in "iu":
        return "end", float(far / tensor.scale)
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
