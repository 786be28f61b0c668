"""onnxruntime's ``quantize_static`` as people call it: QDQ and QOperator, else its defaults."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from ..run import Feed


class Reader(CalibrationDataReader):  # type: ignore[misc]
    """Hands out given inputs."""

    def __init__(self, inputs: list[Feed]) -> None:
        self._left = list(inputs)

    def get_next(self) -> Feed | None:
        return self._left.pop() if self._left else None


def static(
    activation: QuantType, *, per_channel: bool, form: QuantFormat = QuantFormat.QDQ
) -> Callable[[onnx.ModelProto, list[Feed]], onnx.ModelProto]:
    """A quantiser: float file and calibration inputs to int8 file, weights int8."""

    def quantise(model: onnx.ModelProto, inputs: list[Feed]) -> onnx.ModelProto:
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
            onnx.save(model, source)
            quantize_static(
                source, out, Reader(inputs), quant_format=form, per_channel=per_channel,
                activation_type=activation, weight_type=QuantType.QInt8,
            )  # fmt: skip
            return onnx.load(out)

    return quantise
