"""onnxruntime as a peer: float and int8 (QDQ) files on its CPU provider."""

from __future__ import annotations

from pathlib import Path

from .candidate import Absent, Candidate, FirstFace, Runner, Sources

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
    """A session with one thread and every graph optimisation.

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
    name = session.get_inputs()[0].name
    return lambda example: session.run(None, {name: example.tensor})[0].ravel()


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
