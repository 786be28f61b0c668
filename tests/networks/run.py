"""Runs a file in onnxruntime as it stands, on seeded noise."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime

Feed = dict[str, np.ndarray]

KINDS = {"tensor(float)": np.float32, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8}


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """One thread, graph optimisation off: what the file says and nothing else."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def feeds(runner: onnxruntime.InferenceSession, count: int, seed: int = 1) -> list[Feed]:
    """Normal noise for every input of float32, any value for one that is stored; batch 1 if free.

    What calibration sees has other seeds than what is compared.
    """
    random = np.random.default_rng(seed)
    return [
        {value.name: _noise(random, value) for value in runner.get_inputs()} for _ in range(count)
    ]


def _noise(random: np.random.Generator, value: onnxruntime.NodeArg) -> np.ndarray:
    shape = [side if isinstance(side, int) else 1 for side in value.shape]
    kind = KINDS[value.type]
    if kind is np.float32:
        return random.standard_normal(shape, np.float32)
    return random.integers(0, 256, shape, np.uint8).view(kind)
