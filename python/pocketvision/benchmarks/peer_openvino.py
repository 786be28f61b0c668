"""OpenVINO as a peer: float32, bfloat16 where the processor has it, and the QDQ file as int8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .candidate import Absent, Candidate, Example, Runner, Sources

RUNTIME = "openvino"


def _core() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise Absent("not installed; pip install openvino") from error
    return openvino.Core()


def load(path: Path, hint: str) -> Runner:
    """A compiled model with one stream and one thread; ``hint`` is ``f32`` or ``bf16``."""
    model = _core().compile_model(
        str(path),
        "CPU",
        {
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": hint,
            "ENABLE_CPU_PINNING": False,
        },
    )
    request = model.create_infer_request()

    def run(example: Example) -> Any:
        request.infer([example.tensor])
        return request.get_output_tensor(0).data.ravel()

    return run


def candidates(sources: Sources) -> list[Candidate]:
    """Float files in float32 and bf16, QDQ files with the rest of the graph in either."""
    hints = ["f32"]
    if "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        hints.append("bf16")
    found = []
    for hint in hints:
        for variant, path in sources.floats:
            precision = "float32" if hint == "f32" else "bfloat16"
            found.append(_candidate(precision, variant, path, hint))
        for variant, path in sources.int8s:
            found.append(_candidate("int8", f"{variant}, float parts {hint}", path, hint))
    return found


def _candidate(precision: str, variant: str, path: Path, hint: str) -> Candidate:
    return Candidate(RUNTIME, precision, variant, lambda: load(path, hint))
