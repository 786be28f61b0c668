"""OpenVINO as a peer: float32, bfloat16 where the processor has it, int8 by NNCF and as QDQ."""

from __future__ import annotations

import os
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pocketvision.bench.start import FirstFace

from ..candidate import Absent, Bound, Candidate, Example, Runner, Sources
from ..networks.once import once

RUNTIME = "openvino"

OPTIONS = {
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
    "PERFORMANCE_HINT": "LATENCY",
    "ENABLE_CPU_PINNING": False,
}

FIRST = """
import numpy, openvino
model = openvino.Core().compile_model({path!r}, "CPU", {options!r})
request = model.create_infer_request()
request.infer([numpy.zeros(tuple(model.input(0).shape), numpy.float32)])
request.get_output_tensor(0).data
"""


def _core() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise Absent("not installed; pip install openvino") from error
    return openvino.Core()


def load(path: Path, hint: str) -> Runner:
    """A compiled model with one stream, one thread and shared memory; ``hint``: f32 or bf16."""
    core = _core()
    import openvino

    options = {**OPTIONS, "INFERENCE_PRECISION_HINT": hint}
    request = core.compile_model(str(path), "CPU", options).create_infer_request()

    def bind(example: Example) -> Bound:
        tensor = openvino.Tensor(np.ascontiguousarray(example.tensor), shared_memory=True)
        # Bound once a call: a request has one input, and several faces may be bound in turn.
        request.set_input_tensor(tensor)
        return Bound(
            partial(request.infer, share_outputs=True),
            lambda: request.get_output_tensor(0).data.ravel(),
        )

    return bind


def quantise(source: Path, calibration: Path) -> Path:
    """The int8 form that NNCF makes of a float ONNX file, as an OpenVINO file; made once.

    Raises Absent when NNCF is not installed or refuses the file.
    """
    if find_spec("nncf") is None:
        raise Absent("its quantiser NNCF is not installed; pip install nncf")
    out = _quantised(source, calibration)

    def make() -> None:
        # NNCF draws bars on the terminal unless told otherwise, and counts its users.
        os.environ.setdefault("DO_NOT_TRACK", "1")
        import nncf
        import openvino

        faces = [face[np.newaxis] for face in np.load(calibration)]
        try:
            model = nncf.quantize(
                openvino.Core().read_model(source), nncf.Dataset(faces), subset_size=len(faces)
            )
        except Exception as error:  # whatever NNCF and OpenVINO raise is a reason to skip
            raise Absent(f"NNCF could not quantise {source.name}: {error}") from error
        openvino.save_model(model, out, compress_to_fp16=False)

    once([out], make)
    return out


def candidates(sources: Sources) -> list[Candidate]:
    """Float files in float32 and bf16; int8 by NNCF and from QDQ files, float parts in either."""
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
        if sources.calibration is not None:
            # Norms that are still in the graph as exported would only cost it time.
            folded = [pair for pair in sources.floats if not pair[0].startswith("exported")]
            found += [_by_nncf(*pair, hint, sources.calibration) for pair in folded]
    return found


def _candidate(precision: str, variant: str, path: Path, hint: str) -> Candidate:
    first = _first(path, hint)
    return Candidate(
        RUNTIME,
        precision,
        variant,
        lambda: load(path, hint),
        first,
        quantised_by_us=precision == "int8",
    )


def _by_nncf(variant: str, source: Path, hint: str, calibration: Path) -> Candidate:
    out = _quantised(source, calibration)
    return Candidate(
        RUNTIME,
        "int8",
        f"NNCF, {variant}, float parts {hint}",
        lambda: load(out, hint),
        _first(out, hint),
        convert=lambda: quantise(source, calibration),
    )


def _quantised(source: Path, calibration: Path) -> Path:
    return calibration.parent / f"{source.stem}.nncf.xml"


def _first(path: Path, hint: str) -> FirstFace:
    options = {**OPTIONS, "INFERENCE_PRECISION_HINT": hint}
    return FirstFace(FIRST.format(path=str(path), options=options), ("openvino",))
