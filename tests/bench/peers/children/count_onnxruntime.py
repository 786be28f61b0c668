"""onnxruntime in QEMU: counts a session of one thread, its input and output bound."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import onnxruntime
from count import count


def load(path: str) -> Callable[[Any], Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    entry, leaving = session.get_inputs()[0], session.get_outputs()[0]

    def network(tensor: Any) -> tuple[Callable[[], object], Callable[[], Any]]:
        result = np.zeros(leaving.shape, np.float32)
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in (tensor, result)]
        binding = session.io_binding()
        binding.bind_ortvalue_input(entry.name, values[0])
        binding.bind_ortvalue_output(leaving.name, values[1])
        return partial(session.run_with_iobinding, binding), lambda: (values, result)[1]

    return network


if __name__ == "__main__":
    count(load)
