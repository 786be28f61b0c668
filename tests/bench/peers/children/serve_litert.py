"""LiteRT in its own environment: serves a .tflite file on one thread, XNNPACK underneath.

python serve_litert.py FILE.tflite
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from serve import Network, serve


def load(path: str) -> Network:
    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    leaving = interpreter.get_output_details()[0]["index"]

    def network(tensor: np.ndarray) -> tuple[Callable[[], object], Callable[[], np.ndarray]]:
        # The conversion takes NHWC. The interpreter keeps its input from run to run.
        interpreter.set_tensor(entry["index"], np.ascontiguousarray(tensor.transpose(0, 2, 3, 1)))
        return interpreter.invoke, lambda: interpreter.get_tensor(leaving).ravel()

    return network


if __name__ == "__main__":
    serve(load(sys.argv[1]))
