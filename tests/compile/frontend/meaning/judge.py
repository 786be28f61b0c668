"""Judges a small file: the importer agrees with onnxruntime, or refuses it and names the node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from pocketvision.compile import CompileError
from pocketvision.compile.frontend import oracle
from pocketvision.compile.frontend.load import load

from ...build_onnx import Qdq

GUILTY = "guilty"
"""Name of the node that a refusal has to name."""

Make = Callable[[Qdq], str | list[str]]
"""Builds a network on ``net.x``; returns its outputs."""


def agrees(
    make: Make,
    folder: Path,
    *,
    shape: tuple[int, ...] = (6, 8, 8),
    opset: int = 17,
    dtype: type = np.int8,
    zero: int = 3,
) -> list[oracle.Row]:
    """The rows of the comparison, none of which is more than one step off."""
    return checked(written(make, folder, shape, opset, dtype, zero))


def either(
    make: Make,
    folder: Path,
    *,
    shape: tuple[int, ...] = (6, 8, 8),
    opset: int = 17,
    dtype: type = np.int8,
    names: tuple[str, ...] = (GUILTY,),
    judged: bool = True,
) -> None:
    """Agreement, or a refusal that names one of ``names``.

    ``judged``: onnxruntime runs the file; it knows less than the standard now and then.
    """
    path = written(make, folder, shape, opset, dtype, 3)
    try:
        load(path)
    except CompileError as error:
        assert any(name in str(error) for name in names), str(error)
        return
    try:
        checked(path)
    except oracle.IncomparableError:
        assert not judged


def refused(
    make: Make, folder: Path, *words: str, shape: tuple[int, ...] = (6, 8, 8), opset: int = 17
) -> None:
    """A refusal that holds ``words``."""
    with pytest.raises(CompileError) as caught:
        load(written(make, folder, shape, opset, np.int8, 3))
    for word in words:
        assert word in str(caught.value)


def checked(path: Path) -> list[oracle.Row]:
    """Rows of a file that imports; at least one operator or output was compared."""
    rows = oracle.check(path, load(path))
    assert sum(row.values for row in rows) > 0
    return rows


def written(
    make: Make, folder: Path, shape: tuple[int, ...], opset: int, dtype: type, zero: int
) -> Path:
    net = Qdq(shape, dtype, zero=zero)
    made = make(net)
    model = net.model(*([made] if isinstance(made, str) else made), opset=opset)
    return saved(model, folder)


def saved(model: onnx.ModelProto, folder: Path, name: str = "case.onnx") -> Path:
    """Writes a file without any check of it."""
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return path


def guilty(net: Qdq, kind: str, *inputs: str, **attributes: object) -> str:
    """The operator in question."""
    return net.node(kind, *inputs, name=GUILTY, **attributes)


def map_of(net: Qdq, channels: int = 8, scale: float = 0.05, zero: int = -4) -> str:
    """An 8-bit map behind a convolution of ``net.x``, of its size."""
    inputs = 6 if net.inputs[0].type.tensor_type.shape.dim[1].dim_value == 6 else 0
    assert inputs, "the cases' input has six channels"
    return net.quantised(net.conv(net.x, channels, inputs, pads=[1, 1, 1, 1]), scale, zero)
