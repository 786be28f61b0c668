"""Quantised tensors and the few integer operators on them.

Every tensor is NHWC, batch 1, and int8, of which real value = scale * (stored - zero_point), or
float32 where a file computes between two quantisations. Files that store uint8 are shifted by 128
on import. Operators are in execution order. The meaning of each operator's
numbers is fixed by arithmetic/README.md and executed literally by reference.py.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

import numpy as np

INT8_MIN, INT8_MAX = -128, 127


@dataclass(frozen=True)
class Tensor:
    """An activation of ``height x width x channels``.

    ``whole`` names the tensor that this is a strip of, None where it is no strip. ``dtype`` is
    "int8", or "float32", whose scale is 1 and zero point 0.
    """

    name: str
    height: int
    width: int
    channels: int
    scale: float
    zero_point: int
    whole: str | None = None
    dtype: str = "int8"

    @property
    def real(self) -> bool:
        return self.dtype == "float32"

    @property
    def item(self) -> int:
        """Bytes of a value."""
        return 4 if self.real else 1

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels

    @property
    def bytes(self) -> int:
        """Bytes of all values, one behind the other."""
        return self.height * self.width * self.channels * self.item

    @property
    def quantisation(self) -> tuple[float, int]:
        return self.scale, self.zero_point


@dataclass(frozen=True)
class OpRef:
    """What names an operator of a graph: its node, and which strip of a chain it computes."""

    name: str
    strip: int | None = None

    @property
    def whole(self) -> OpRef:
        return OpRef(self.name)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class Op:
    """One operator: reads ``inputs``, writes ``output``; the result is clamped to [low, high].

    All strips of an operator have its ``name``; ``strip`` tells them apart.
    """

    name: str
    inputs: tuple[str, ...]
    output: str
    low: int = INT8_MIN
    high: int = INT8_MAX
    strip: int | None = None

    @property
    def ref(self) -> OpRef:
        return OpRef(self.name, self.strip)


@dataclass(frozen=True)
class Sum:
    """``(a - za) * a_factor + (b - zb) * b_factor + offset``, rescaled by ``2 ** -shift``."""

    a_factor: int
    b_factor: int
    shift: int
    offset: int = 0

    def swapped(self) -> Sum:
        """The same sum of the operands in the other order."""
        return replace(self, a_factor=self.b_factor, b_factor=self.a_factor)


@dataclass(frozen=True, eq=False)
class FusedActivation:
    """A PReLU, ReLU or requantisation done where a convolution's result leaves.

    ``zero_point``/``low``/``high`` are those of the convolution's own, now unstored, output; its
    steps from that zero point are rescaled by ``scale``, negative ones by ``negative_scale`` (O).
    """

    scale: np.float32
    negative_scale: np.ndarray
    zero_point: int
    low: int
    high: int


@dataclass(frozen=True)
class FusedAdd:
    """An add done where a convolution's result leaves: the result becomes operand a.

    ``zero_point``/``low``/``high`` are those of operand a, now unstored; the operator's
    ``inputs[1]`` is operand b.
    """

    sum: Sum
    zero_point: int
    low: int
    high: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Conv(Op):
    """Convolution: weight int8 (O, I / groups, kh, kw), bias int32 (O), one rescale per channel.

    ``activation``, then ``add``, if given, take the result before it is stored. ``pads`` is (top,
    left, bottom, right); negative ones crop. Of a float32 output ``scale`` is that of the
    accumulators, which are not rounded, and there is no activation or add.
    """

    weight: np.ndarray
    bias: np.ndarray
    scale: np.ndarray
    stride: tuple[int, ...] = (1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0)
    groups: int = 1
    activation: FusedActivation | None = None
    add: FusedAdd | None = None

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weight.shape[2], self.weight.shape[3]

    @property
    def depthwise(self) -> bool:
        return self.weight.shape[1] == 1 and self.groups == self.weight.shape[0] > 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Rescale(Op):
    """Element-wise change of scale, (C) for each sign: requantise, PReLU, ReLU, copy."""

    scale: np.ndarray
    negative_scale: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Add(Op):
    """Sum of two tensors of one shape."""

    sum: Sum


@dataclass(frozen=True, kw_only=True)
class Multiply(Op):
    """Product of two tensors; the second has the first's shape, or one pixel: a channel gate."""

    scale: np.float32


@dataclass(frozen=True, kw_only=True, eq=False)
class Table(Op):
    """Any function of one value: ``table`` int8 (256) holds the results of -128 to 127.

    ``table`` int8 (C, 256) has a function for each channel.
    """

    table: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool(Op):
    """Max or average pooling. ``scale`` (out height, out width) is given for averages only."""

    kind: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[int, ...]
    scale: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Concat(Op):
    """Inputs side by side along ``axis`` of (H, W, C); all share one quantisation and type."""

    axis: int = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Constant(Op):
    """A tensor that is known when the network is compiled: ``values`` (H, W, C) as stored."""

    values: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Select(Op):
    """``y[h, w, c] = x[rows[h], columns[w], channels[c]]``, ``fill`` where an index is -1.

    Slices, padding, shuffles, broadcasts and enlargement to the nearest neighbour. The indices are
    int32 (H), (W), (C); ``fill`` is a stored value.
    """

    rows: np.ndarray
    columns: np.ndarray
    channels: np.ndarray
    fill: float = 0


@dataclass(frozen=True, kw_only=True)
class Move(Op):
    """``y.ravel() = x.reshape(shape).transpose(order).ravel()`` of (H, W, C): every value moves."""

    shape: tuple[int, ...]
    order: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Quantise(Op):
    """float32 to int8: ``rint(x / scale) + zero_point``, scale and zero point those of y."""


@dataclass(frozen=True, kw_only=True)
class Dequantise(Op):
    """int8 to float32: ``(x - zero_point) * scale``, scale and zero point those of x."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RealUnary(Op):
    """A float32 function of float32 values, with one rounding.

    ``kind``: "prelu" (``x * slope`` where x < 0, slope float32 (C) or (1)), "clip" (to
    [``least``, ``most``]), "abs", "sqrt", "round" (to the nearest whole number, ties to even, no
    negative zero below 2^22), "sign" (-1, 0 or 1; 0 of what is no number), "exp", "log"; the last
    two by arithmetic/curves.py.
    """

    kind: str
    slope: np.ndarray | None = None
    least: float = -np.inf
    most: float = np.inf


@dataclass(frozen=True, kw_only=True)
class RealBinary(Op):
    """A float32 operation on two float32 tensors; an axis of 1 is repeated.

    ``kind``: "add", "subtract", "multiply", "divide", "maximum", "minimum".
    """

    kind: str


@dataclass(frozen=True, kw_only=True, eq=False)
class RealConv(Op):
    """Convolution in float32: weight (O, I / groups, kh, kw), bias (O); ``pads`` as of ``Conv``.

    Products and sums are rounded one after the other: rows of the window, columns, channels, and
    the bias last.
    """

    weight: np.ndarray
    bias: np.ndarray
    stride: tuple[int, ...] = (1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0)
    groups: int = 1

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weight.shape[2], self.weight.shape[3]


@dataclass(frozen=True, kw_only=True)
class ArgMax(Op):
    """Which channel of a pixel is the largest, as a whole number in float32.

    Of equal ones the first, or the last if ``last``; what is no number is never larger.
    """

    last: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Softmax(Op):
    """Softmax along the channels, of int8 to int8 or float32.

    ``table`` int32 (256): ``exp(-d * scale)`` in units of which C fit an int32, for d = 0..255
    steps below a pixel's largest value.
    """

    table: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class MatMul(Op):
    """Product of two int8 tensors: ``y[m, n]``, in each head the sum of ``a[m, k] b[n, k]``.

    ``a`` is (heads, M, K), ``b`` (heads, N, K), ``y`` (heads, M, N) as height, width and channels.
    ``beside`` says for a, b and y whether the heads stand side by side in its channels instead:
    (1, M, heads * K). ``scale``: float32 (heads) of the sums.
    """

    heads: int
    scale: np.ndarray
    beside: tuple[bool, bool, bool] = (False, False, False)


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerNorm(Op):
    """Each pixel less its mean, over its deviation; times and plus numbers of each channel.

    With ``d = C q - S`` and ``V = C Q - S^2`` of C channels, their sum S and that of their squares
    Q: ``rint(2^unit d / (sqrt(V + inside / 2^shift) + beside)) + bias``, rescaled by ``scale``.
    ``bias`` int32 (C), ``scale`` float32 (C); ``shift`` is even. Not ``centred``: of ``q`` less its
    zero point, without S.
    """

    bias: np.ndarray
    scale: np.ndarray
    unit: int
    shift: int
    inside: int
    beside: np.float32
    centred: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Interpolate(Op):
    """Linear enlargement or reduction, int8 to int8 of any scale.

    Row h is made of ``rows[h]`` and ``rows[h] + 1`` with the weights ``row_weights[h]`` and
    ``2**11`` minus that, columns likewise: int32 indices (H), (W) of which the next one is clipped
    to the last, int32 weights from 0 to 2**11. ``scale``: float32 of the accumulators' units.
    """

    rows: np.ndarray
    columns: np.ndarray
    row_weights: np.ndarray
    column_weights: np.ndarray
    scale: np.float32


@dataclass(frozen=True, kw_only=True)
class Rows(Op):
    """As many rows of the input as the output has, from ``first`` on: a view, never a copy."""

    first: int


@dataclass(frozen=True, kw_only=True)
class Enter(Op):
    """As many rows of a network's input as the output has, from ``first`` on, into the arena.

    An input that nothing else reads has no other place there.
    """

    first: int = 0


@dataclass(frozen=True, kw_only=True)
class Stack(Op):
    """Rows of the inputs one below the other; nothing else reads them, so they are never copied."""


def results(
    op: Op, y: Tensor, *links: FusedActivation | FusedAdd | None
) -> list[tuple[int, int, int]]:
    """(zero point, low, high) of each int8 value that ``op`` forms, its output ``y`` last."""
    found = [(link.zero_point, link.low, link.high) for link in links if link is not None]
    return [*found, (y.zero_point, op.low, op.high)]


def conv_macs(op: Conv, output: Tensor) -> int:
    """Multiply-accumulates of one convolution."""
    return output.height * output.width * int(np.prod(op.weight.shape))


def matmul_macs(op: MatMul, first: Tensor, output: Tensor) -> int:
    """Multiply-accumulates of one product of two activations, the first of them ``first``."""
    inner = first.channels // (op.heads if op.beside[0] else 1)
    return output.height * output.width * output.channels * inner


def unused(name: str, taken: Container[str]) -> str:
    """``name``, or with a number behind it the first that is not ``taken``."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found
