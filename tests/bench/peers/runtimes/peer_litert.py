"""LiteRT (TFLite with XNNPACK) as a peer: float32 and int8 by its own quantiser, in a child."""

from __future__ import annotations

from ..candidate import Candidate, Sources
from .apart import Apart

FIRST = """
import numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path={path!r}, num_threads=1)
interpreter.allocate_tensors()
entry, leaving = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
interpreter.set_tensor(entry["index"], numpy.zeros(entry["shape"], numpy.float32))
interpreter.invoke()
interpreter.get_tensor(leaving["index"])
"""

APART = Apart("litert", ("ai-edge-litert",), "tflite", FIRST)


def candidates(sources: Sources) -> list[Candidate]:
    """The folded float files, PReLU as it is and as relus, in float32 and int8."""
    return APART.candidates(sources)
