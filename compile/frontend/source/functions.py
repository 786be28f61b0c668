"""Functions of the model file, written out where they are called."""

from __future__ import annotations

import onnx
import onnx.inliner

from ...errors import CompileError
from ..rewrite.draft import first_line


def inline_functions(file: str, model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without functions of its own.

    Raises:
        CompileError: functions that call each other in a circle, or that onnx cannot inline.
    """
    if not model.functions:
        return model
    calls = {
        (f.domain, f.name): {(node.domain, node.op_type) for node in f.node}
        for f in model.functions
    }
    while calls:
        ready = [name for name, called in calls.items() if not called & calls.keys()]
        if not ready:
            raise CompileError(
                f"{file}: function {next(iter(calls))[1]!r}: calls itself, which has no end; "
                "export the network anew"
            )
        for name in ready:
            del calls[name]
    try:
        return onnx.inliner.inline_local_functions(model)
    except Exception as error:  # onnx raises types of its own
        raise CompileError(
            f"{file}: its functions cannot be inlined ({first_line(error)}); export the network "
            "without functions"
        ) from error
