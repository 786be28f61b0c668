"""Latency of one face: our model and onnxruntime on the same int8 file, in turns."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..bench.measure import Timing, interleave, pinned
from ..bench.pictures import crops
from ..faces.embedder import Embedder


@dataclass(frozen=True)
class Latency:
    """``peer`` is None when onnxruntime could not run; ``reason`` then says why."""

    own: Timing
    peer: Timing | None
    reason: str
    core: int | None


def measure(embedder: Embedder, rounds: int) -> Latency:
    """Times both on one pinned thread, ``rounds`` times in turn.

    onnxruntime starts from a tensor that is normalised and bound already; ours from pixels.
    """
    crop = crops(embedder.record, 1)[0]
    with pinned() as core:
        runs: list[Callable[[], object]] = [lambda: embedder.embed(crop)]
        found = _onnxruntime(embedder)
        if not isinstance(found, str):
            runs.append(found)
        timings = interleave(runs, rounds)
    reason = found if isinstance(found, str) else ""
    return Latency(timings[0], timings[1] if len(timings) > 1 else None, reason, core)


def _onnxruntime(embedder: Embedder) -> Callable[[], object] | str:
    """A call that embeds zeros by the int8 file of the model, or why there is none."""
    spec = importlib.util.find_spec("pocketvision.training")
    homes = list(spec.submodule_search_locations or []) if spec else []
    files = [Path(home, "weights", f"{embedder.record.name}.int8.onnx") for home in homes]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        return f"{embedder.record.name}.int8.onnx lies in the source tree, not in the wheel"
    try:
        import onnxruntime
    except ImportError:
        return "not installed; pip install onnxruntime"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    entry, leaving = session.get_inputs()[0], session.get_outputs()[0]
    binding = session.io_binding()
    tensor = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(entry.shape, np.float32))
    binding.bind_ortvalue_input(entry.name, tensor)
    binding.bind_output(leaving.name)

    def call(_kept: object = tensor) -> object:  # the binding only points at the tensor
        return session.run_with_iobinding(binding)

    return call
