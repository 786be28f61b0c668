"""NNCF's ``quantize`` with its defaults, on ONNX."""

from __future__ import annotations

import contextlib
import io
import logging
import os

import onnx

from ..run import Feed


def quantise(model: onnx.ModelProto, inputs: list[Feed]) -> onnx.ModelProto:
    """int8 file of a float one; ImportError where NNCF is not installed."""
    os.environ["NNCF_CI"] = "1"  # reports nothing to anybody
    import nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):  # bars of progress
        return nncf.quantize(model, nncf.Dataset(inputs), subset_size=len(inputs))
