"""onnxruntime in QEMU: counts a session of one thread with every graph optimisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnxruntime
from count import count


def load(path: str) -> Callable[[Any], Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda tensor: session.run(None, {name: tensor})[0]


if __name__ == "__main__":
    count(load)
