"""The int8 graph as a list of kernel calls with their constants, for one instruction set."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import exact
from . import layout as layouts
from .errors import CompileError
from .graph import (
    INT8_MAX,
    INT8_MIN,
    Add,
    Concat,
    Conv,
    FusedActivation,
    FusedAdd,
    Graph,
    Multiply,
    Op,
    Pool,
    Rescale,
    Table,
    Tensor,
    results,
)
from .kernels import conv, depthwise, depthwise_dot, elementwise, move, pool, rescale_words
from .kernels.build import FLOATS, INTS, Rounding, View, rounded
from .kernels.isa import Isa
from .kernels.tile import OWN, Tile


def dots(isa: Isa) -> bool:
    """Whether depthwise layers run on the four-way dot product."""
    return isa.group == depthwise_dot.PIXELS


def _build_conv(name: str, isa: Isa, shape: conv.ConvShape) -> Any:
    return conv.build(name, isa.dense, shape)


def _build_depthwise(name: str, isa: Isa, shape: depthwise.DepthwiseShape) -> Any:
    return (depthwise_dot if dots(isa) else depthwise).build(name, isa, shape)


BUILDERS = {
    conv.ConvShape: ("conv", _build_conv),
    depthwise.DepthwiseShape: ("depthwise", _build_depthwise),
    elementwise.RescaleShape: ("rescale", elementwise.build_rescale),
    rescale_words.WordsShape: ("rescale", rescale_words.build),
    elementwise.AddShape: ("add", elementwise.build_add),
    elementwise.MultiplyShape: ("multiply", elementwise.build_multiply),
    elementwise.TableShape: ("table", elementwise.build_table),
    pool.PoolShape: ("pool", pool.build),
    move.PadShape: ("pad", move.build_pad),
    move.CopyShape: ("copy", move.build_copy),
}


Tiles = Callable[[Isa, Any], Tile]
"""The tile of a kernel's shape; compile/tuned.py has a table of them."""


def own_tiles(isa: Isa, shape: Any) -> Tile:
    """Every template's own choice."""
    return OWN


@dataclass(frozen=True)
class Pointer:
    """An argument of a call: ``offset`` bytes into a root, the constants, the input or output."""

    base: str  # "arena", "constants", "input" or "output"
    offset: int
    root: str = ""


@dataclass(frozen=True)
class Call:
    """One kernel call: the kernel's index in ``Program.kernels``, and the operator it serves."""

    kernel: int
    op: str
    arguments: tuple[Pointer, ...]


@dataclass
class Program:
    """Everything the emitter needs: kernels by shape, calls in order, constants, roots."""

    graph: Graph
    isa: Isa
    layout: layouts.Layout
    tiles: Tiles = own_tiles
    kernels: list[Any] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    constants: bytearray = field(default_factory=bytearray)
    _known: dict[bytes, int] = field(default_factory=dict)

    def constant(self, values: np.ndarray) -> Pointer:
        """Stores an array once, aligned to 64 bytes."""
        content = np.ascontiguousarray(values).tobytes()
        key = hashlib.sha256(content).digest()
        if key not in self._known:
            self.constants.extend(bytes(-len(self.constants) % 64))
            self._known[key] = len(self.constants)
            self.constants.extend(content)
        return Pointer("constants", self._known[key])

    def kernel_name(self, index: int) -> str:
        return f"k{index}_{BUILDERS[type(self.kernels[index])][0]}"

    def call(self, op: str, shape: Any, *arguments: Pointer) -> None:
        if shape not in self.kernels:
            self.kernels.append(shape)
        self.calls.append(Call(self.kernels.index(shape), op, arguments))

    def pointer(self, name: str, pads: tuple[int, ...] = (0, 0)) -> Pointer:
        return Pointer("arena", self.layout.offset(name, pads), self.layout.places[name][0])

    def view(self, name: str) -> View:
        return self.layout.view(self.graph, name)


def lower(graph: Graph, isa: Isa, tiles: Tiles = own_tiles) -> Program:
    """Calls in order: input copy, each operator's border and kernel, output copy."""
    program = Program(graph, isa, layouts.assign(graph), tiles)
    bordered: set[str] = set()

    def border(name: str) -> None:
        root_name = program.layout.places[name][0]
        root = program.layout.roots[root_name]
        if root.fill is None or root_name in bordered:
            return
        bordered.add(root_name)
        value = (root.fill + isa.offset) & 0xFF
        shape = move.PadShape(root.height, root.width, root.pixel, root.border, value)
        program.call(f"{root_name} border", shape, Pointer("arena", 0, root_name))

    border(graph.input)
    _cross(program, graph.input, inward=True)
    for op in graph.ops:
        border(op.output)
        lower_op(program, op)
    _cross(program, graph.output, inward=False)
    return program


def lower_op(program: Program, op: Op) -> None:
    """Appends the calls of one operator."""
    _LOWER[type(op)](program, op)


def _cross(program: Program, name: str, inward: bool) -> None:
    """The copy between the caller's dense int8 buffer and the arena's layout."""
    tensor = program.graph.tensors[name]
    dense = View(*tensor.shape, tensor.width * tensor.channels, tensor.channels)
    inside = program.view(name)
    flip = program.isa.offset != 0
    if inward:
        shape = move.CopyShape(dense, inside, flip, external=True)
        program.call("input", shape, Pointer("input", 0), program.pointer(name))
    else:
        shape = move.CopyShape(inside, dense, flip, external=True)
        program.call("output", shape, program.pointer(name), Pointer("output", 0))


def _conv(program: Program, op: Conv) -> None:
    isa, graph = program.isa, program.graph
    source = graph.tensors[op.inputs[0]]
    other = program.view(op.inputs[1]) if op.add else None
    zero = source.zero_point + isa.offset
    bias = op.bias.astype(np.int64) - zero * op.weight.astype(np.int64).sum(axis=(1, 2, 3))
    if np.abs(bias).max() >= 2**31:
        raise CompileError(f"{graph.name}: node {op.name!r}: the bias overflows int32")
    activation = op.activation
    reach = 255 * np.abs(op.weight.astype(np.int64)).sum((1, 2, 3))
    wide = _wide(np.abs(op.bias.astype(np.int64)) + reach, op.scale)
    if activation is not None and not op.add:
        wide |= _wide(255, activation.scale) or _wide(255, activation.negative_scale)
    words = None
    if activation is not None and op.add is None:  # an add wants the steps in int32
        negative = activation.negative_scale
        positive = np.broadcast_to(activation.scale, negative.shape)
        words = _words(program, op, positive, negative, activation.zero_point)
    fused = None
    if op.add is not None:
        fused = _float_sum(program, op.add, op.add.zero_point, op.inputs[1])
    rounding = Rounding(
        words=words.shift if words else None,
        wide=wide,
        clamped=_clamped(op),
        fused=fused is not None,
    )
    x, y = program.view(source.name), program.view(op.output)
    outputs = op.weight.shape[0]
    shape: Any
    if op.depthwise:
        width = rounded(outputs, isa.vector)
        if dots(isa):
            packed = depthwise_dot.pack(isa, op.weight, op.stride[1])
        else:
            packed = depthwise.pack(isa, op.weight)
        shape = depthwise.DepthwiseShape(
            x, y, op.kernel, op.stride, activation is not None, other, rounding
        )
        shape = replace(shape, tile=program.tiles(isa, shape))
    else:
        dense = isa.dense
        width = rounded(outputs, dense.lanes)
        layer = conv.reads(dense, source.channels, outputs, op.groups)
        shape = conv.ConvShape(
            x, y, op.kernel, op.stride, layer, activation is not None, other, rounding
        ).flattened()
        shape = replace(shape, tile=program.tiles(dense, shape))
        packed = conv.pack(dense, op.weight, op.groups, conv.tile_of(dense, shape)[1])
    other_name = op.inputs[1] if op.add else None
    slopes = np.zeros(1, np.float32)
    if words is not None:
        slopes = _padded(words.negative, width, np.int16)
    elif activation is not None:
        slopes = _padded(activation.negative_scale, width)
    floats, ints = _numbers(
        program, op, source, op.add, other_name, activation, words=words, real=fused
    )
    program.call(
        op.name,
        shape,
        program.pointer(source.name, op.pads),
        program.constant(packed),
        program.constant(_padded(bias, width, np.int32)),
        program.constant(_padded(op.scale, width, np.float32)),
        program.constant(slopes),
        floats,
        ints,
        program.pointer(op.inputs[1]) if op.add else program.pointer(op.output),
        program.pointer(op.output),
    )


def _words(
    program: Program, op: Op, positive: np.ndarray, negative: np.ndarray, zero_point: int
) -> exact.Words | None:
    """16-bit factors of a rescale into the output of ``op``, where kernels and numbers have any."""
    if not program.isa.bytes:
        return None
    y = program.graph.tensors[op.output]
    low, high = op.low - y.zero_point, op.high - y.zero_point
    return exact.word_factors(positive, negative, zero_point, low, high)


def _float_sum(program: Program, add: FusedAdd, a_zero: int, other: str) -> exact.FloatSum | None:
    """Float factors of an add, where there are any and the kernels have multiply-adds."""
    if not program.isa.saturates:
        return None
    b_zero = program.graph.tensors[other].zero_point
    return exact.float_sum(add.sum, a_zero, b_zero, program.isa.offset)


def _rescale(program: Program, op: Rescale) -> None:
    source = program.graph.tensors[op.inputs[0]]
    words = _words(program, op, op.scale, op.negative_scale, source.zero_point)
    if words is not None:
        views = program.view(source.name), program.view(op.output)
        shape = rescale_words.WordsShape(*views, words.shift, _clamped(op))
        program.call(
            op.name,
            replace(shape, tile=program.tiles(program.isa, shape)),
            program.pointer(source.name),
            program.constant(rescale_words.pack(program.isa, words.positive, words.negative)),
            _numbers(program, op, source)[1],
            program.pointer(op.output),
        )
        return
    two = not np.array_equal(op.scale, op.negative_scale)
    wide = _wide(255, op.scale) or _wide(255, op.negative_scale)
    width = rounded(source.channels, program.isa.vector)
    program.call(
        op.name,
        elementwise.RescaleShape(program.view(source.name), program.view(op.output), two, wide),
        program.pointer(source.name),
        program.constant(_padded(op.scale, width)),
        program.constant(_padded(op.negative_scale if two else np.zeros(1), width if two else 1)),
        *_numbers(program, op, source),
        program.pointer(op.output),
    )


def _add(program: Program, op: Add) -> None:
    a, b = op.inputs
    y = program.graph.tensors[op.output]
    own = program.graph.tensors[a]
    fused = FusedAdd(op.sum, y.zero_point, op.low, op.high)
    real = _float_sum(program, fused, own.zero_point, b)
    first, second, result = (program.view(name) for name in (a, b, op.output))
    program.call(
        op.name,
        elementwise.AddShape(first, second, result, real is not None),
        program.pointer(a),
        program.pointer(b),
        *_numbers(program, op, own, fused, b, real=real),
        program.pointer(op.output),
    )


def _multiply(program: Program, op: Multiply) -> None:
    a, b = op.inputs
    gate = program.graph.tensors[b].shape != program.graph.tensors[a].shape
    program.call(
        op.name,
        elementwise.MultiplyShape(
            program.view(a), program.view(b), program.view(op.output), gate, _wide(255**2, op.scale)
        ),
        program.pointer(a),
        program.pointer(b),
        *_numbers(program, op, program.graph.tensors[a], other=b, product=op.scale),
        program.pointer(op.output),
    )


def _table(program: Program, op: Table) -> None:
    source = op.inputs[0]
    table = np.clip(op.table, op.low, op.high).astype(np.int16) + program.isa.offset
    program.call(
        op.name,
        elementwise.TableShape(program.view(source), program.view(op.output)),
        program.pointer(source),
        program.constant(table.astype(program.isa.dtype)),
        program.pointer(op.output),
    )


def _pool(program: Program, op: Pool) -> None:
    source = program.graph.tensors[op.inputs[0]]
    x, y = program.view(source.name), program.view(op.output)
    scale = op.scale if op.scale is not None else np.zeros(1)
    wide = _wide(255 * math.prod(op.kernel), scale)
    program.call(
        op.name,
        pool.PoolShape(x, y, op.kind, op.kernel, op.stride, wide),
        program.pointer(source.name, op.pads),
        program.constant(scale.astype(np.float32)),
        *_numbers(program, op, source),
        program.pointer(op.output),
    )


def _concat(program: Program, op: Concat) -> None:
    if op.output not in program.layout.materialised:
        return
    channel = 0
    whole = program.pointer(op.output)
    target = program.view(op.output)
    for name in op.inputs:
        source = program.view(name)
        part = View(target.height, target.width, source.channels, target.row, target.pixel)
        program.call(
            op.name,
            move.CopyShape(source, part, False, external=True),
            program.pointer(name),
            Pointer("arena", whole.offset + channel, whole.root),
        )
        channel += source.channels


_LOWER: dict[type[Op], Any] = {
    Conv: _conv,
    Rescale: _rescale,
    Add: _add,
    Multiply: _multiply,
    Table: _table,
    Pool: _pool,
    Concat: _concat,
}


def _numbers(
    program: Program,
    op: Op,
    source: Tensor,
    add: FusedAdd | None = None,
    other: str | None = None,
    activation: FusedActivation | None = None,
    product: np.float32 | None = None,
    words: exact.Words | None = None,
    real: exact.FloatSum | None = None,
) -> tuple[Pointer, Pointer]:
    """The constant tables FLOATS and INTS of kernels/build.py for one operator."""
    offset = program.isa.offset
    y = program.graph.tensors[op.output]
    floats = dict.fromkeys(FLOATS, 0.0)
    ints = dict.fromkeys(INTS, 0)
    ints["source_zero"] = source.zero_point + offset
    ints["zero"] = y.zero_point + offset
    ints["minimum"], ints["maximum"] = op.low + offset, op.high + offset
    # Each link of the chain rescale, activation, add writes the range of its own result.
    ranges = [(low - zero, high - zero) for zero, low, high in results(op, y, activation, add)]
    floats["low"], floats["high"] = ranges.pop(0)
    if activation is not None:
        floats["positive"] = float(activation.scale)
        floats["act_low"], floats["act_high"] = ranges.pop(0)
        ints["act_least"], ints["act_most"] = (
            end - activation.zero_point for end in (activation.low, activation.high)
        )
    if real is not None:
        floats["a_real"], floats["b_real"] = float(real.a_factor), float(real.b_factor)
        floats["c_real"] = float(real.offset)
    if words is not None:
        ints["act_factor"] = int(words.positive[0])
    if product is not None and other is not None:
        floats["positive"] = float(product)
        ints["b_offset"] = -(program.graph.tensors[other].zero_point + offset)
    if add is not None and other is not None:
        total = add.sum
        floats["add_low"], floats["add_high"] = ranges.pop(0)
        floats["add_scale"] = 2.0**-total.shift
        ints["a_factor"], ints["b_factor"] = total.a_factor, total.b_factor
        b_zero = program.graph.tensors[other].zero_point + offset
        ints["b_offset"] = total.offset - b_zero * total.b_factor
    return (
        program.constant(np.array(list(floats.values()), np.float32)),
        program.constant(np.array(list(ints.values()), np.int32)),
    )


def _clamped(op: Op) -> bool:
    return (op.low, op.high) != (INT8_MIN, INT8_MAX)


def _wide(reach: np.ndarray | int, scale: np.ndarray | np.float32 | None) -> bool:
    """Whether a scaled accumulator may leave int32: conversions from float do not saturate."""
    return scale is not None and bool((reach * np.abs(np.float64(scale))).max() >= 2**30)


def _padded(values: np.ndarray | None, width: int, dtype: type = np.float32) -> np.ndarray:
    """A per-channel table padded with zeros to whole vectors."""
    assert values is not None
    table: np.ndarray = np.zeros(width, dtype)
    table[: len(values)] = values
    return table
