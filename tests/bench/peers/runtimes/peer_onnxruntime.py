"""onnxruntime as a peer: float and int8 (QDQ) files on its CPU provider."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from pocketvision.bench.start import FirstFace

from ..candidate import Absent, Bound, Candidate, Example, Runner, Sources

RUNTIME = "onnxruntime"

FIRST = """
import numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession({path!r}, options, providers=["CPUExecutionProvider"])
entry = session.get_inputs()[0]
session.run(None, {{entry.name: numpy.zeros(entry.shape, numpy.float32)}})
"""


def load(path: Path) -> Runner:
    """A session with one thread, every graph optimisation, and bound input and output.

    Raises Absent when onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise Absent("not installed; pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    entry, leaving = session.get_inputs()[0], session.get_outputs()[0]

    def bind(example: Example) -> Bound:
        # The binding only points at both arrays; the two functions keep them.
        source = np.ascontiguousarray(example.tensor)
        result = np.zeros(leaving.shape, np.float32)
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in (source, result)]
        binding = session.io_binding()
        binding.bind_ortvalue_input(entry.name, values[0])
        binding.bind_ortvalue_output(leaving.name, values[1])
        return Bound(
            partial(session.run_with_iobinding, binding), lambda: (values, result.ravel())[1]
        )

    return bind


def candidates(sources: Sources) -> list[Candidate]:
    """Every float and int8 file as it is and with PReLU as relus."""
    return [
        _candidate(precision, variant, path)
        for precision, files in (("float32", sources.floats), ("int8", sources.int8s))
        for variant, path in files
    ]


def _candidate(precision: str, variant: str, path: Path) -> Candidate:
    first = FirstFace(FIRST.format(path=str(path)), ("onnxruntime",))
    return Candidate(
        RUNTIME,
        precision,
        variant,
        lambda: load(path),
        first,
        quantised_by_us=precision == "int8",
    )
