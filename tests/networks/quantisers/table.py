"""The quantisers by name: functions from a float file and calibration inputs to an int8 file."""

from __future__ import annotations

from collections.abc import Callable

import onnx
from onnxruntime.quantization import QuantFormat, QuantType

from ..run import Feed
from . import by_nncf, by_ours
from .by_onnxruntime import static

U8, S8 = QuantType.QUInt8, QuantType.QInt8

QUANTISERS: dict[str, Callable[[onnx.ModelProto, list[Feed]], onnx.ModelProto]] = {
    "u8s8": static(U8, per_channel=True),
    "s8s8": static(S8, per_channel=True),
    "u8s8-tensor": static(U8, per_channel=False),
    "s8s8-tensor": static(S8, per_channel=False),
    "qop-u8s8": static(U8, per_channel=True, form=QuantFormat.QOperator),
    "qop-s8s8": static(S8, per_channel=False, form=QuantFormat.QOperator),
    "nncf": by_nncf.quantise,
    "ours": by_ours.quantise,
}
