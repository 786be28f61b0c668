"""The int8 graph as a list of kernel calls with their constants, for one instruction set."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import choose, exact, fixedpoint, tables
from . import layout as layouts
from .choose import BUILDERS
from .errors import CompileError
from .graph import (
    Add,
    Concat,
    Conv,
    FusedAdd,
    Graph,
    Multiply,
    Op,
    Pool,
    Rescale,
    Rows,
    Stack,
    Table,
    results,
    strip,
    strip_of,
)
from .kernels import conv, depthwise, elementwise, move, pool, rescale_words
from .kernels.build import Product, Rounding, View, rounded
from .kernels.isa import Isa
from .kernels.tile import OWN, Tile

WIDE, SHORT = 2.0**30, 2.0**15 - 2**6
"""Bounds of scaled accumulators in int32, whose conversions do not saturate, and in int16."""


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


@dataclass(frozen=True)
class Prologue:
    """A rescale of ``source`` with its tables of 16-bit factors and of INTS."""

    source: str
    shape: rescale_words.WordsShape
    factors: Pointer
    ints: Pointer


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
    scratches: dict[str, int] = field(default_factory=dict)
    """Bytes of arena that single calls use, by the name of their operator."""
    prologues: dict[str, Prologue] = field(default_factory=dict)
    """Rescales that the convolution which reads their result does, by that result."""
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

    def sizes(self) -> dict[str, int]:
        """Bytes of every root: pieces of arena that activations or single calls use."""
        whole = {name: root.bytes for name, root in self.layout.roots.items()}
        return whole | {f"scratch of {op}": size for op, size in self.scratches.items()}

    def scratch(self, op: str, words: int) -> Pointer:
        """Arena for the one call of an operator alone, ``words`` of int32."""
        root = f"scratch of {op}"
        self.scratches[op] = 4 * words
        return Pointer("arena", 0, root)

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

    def border(name: str, at: int | None = None) -> None:
        root_name = program.layout.places[name][0]
        root = program.layout.roots[root_name]
        if root.fill is None or root_name in bordered:
            return
        bordered.add(root_name)
        value = (root.fill + isa.offset) & 0xFF
        shape = move.PadShape(root.height, root.width, root.pixel, root.border, value)
        label = f"{root_name} border"
        if at is not None and strip_of(root_name) is None:
            label = strip(label, at)  # inside a chain all calls are of a strip
        program.call(label, shape, Pointer("arena", 0, root_name))

    border(graph.input)
    _cross(program, graph.input, inward=True)
    for op in graph.ops:
        border(op.output, strip_of(op.name))
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
    reach += np.abs(op.bias.astype(np.int64))
    most = tables.most(reach, op.scale)
    wide = most >= WIDE
    words = None
    # An add wants the steps in int32; the plain depthwise kernel has no words on a Cortex-M.
    if activation is not None and op.add is None and choose.paired(isa, op) == isa.scalar:
        negative = activation.negative_scale
        positive = np.broadcast_to(activation.scale, negative.shape)
        words = _words(program, op, positive, negative, activation.zero_point)
    fused = None
    if op.add is not None:
        fused = _float_sum(program, op.add, op.add.zero_point, op.inputs[1])
    if op.add is not None:
        most = tables.most_of_sum(op.add.sum)
    elif activation is not None and words is None:
        most = tables.most(255, activation.scale, activation.negative_scale)
        wide |= most >= WIDE
    fixed = None
    if activation is None or words is not None or choose.paired(isa, op):
        fixed = _fixed(program, op, reach)
    rounding = Rounding(
        words=Product(words.shift, words.plus) if words else None,
        wide=wide,
        clamped=tables.clamped(op),
        fused=fused is not None,
        short=_short(program, most),
        capped=words is not None and not _saturates(program, op, words),
        fixed=fixed.shift if fixed else 0,
    )
    enter = program.prologues.get(source.name)
    stored = enter.source if enter else source.name
    x, y = program.view(stored), program.view(op.output)
    shape: Any
    if op.depthwise:
        shape = depthwise.DepthwiseShape(
            x, y, op.kernel, op.stride, activation is not None, other, rounding
        )
        shape = replace(shape, tile=program.tiles(isa, shape))
        packed = choose.by_channel(isa, shape, op)
    else:
        layer = conv.reads(isa.dense, source.channels, op.weight.shape[0], op.groups)
        before = enter.shape if enter else None
        shape = conv.ConvShape(
            x, y, op.kernel, op.stride, layer, activation is not None, other, rounding, before
        )
        shape = choose.fewest(isa, shape, op, source.channels)
        shape = replace(shape, tile=program.tiles(choose.instructions(isa, shape), shape))
        packed = choose.dense(isa, shape, op)
    spare = (program.scratch(op.name, packed.scratch),) if packed.scratch else ()
    other_name = op.inputs[1] if op.add else None
    scales = packed.table(op.scale)
    if fixed is not None:
        scales = packed.table(fixed.factors, np.int32)
    slopes = np.zeros(1, np.float32)
    if words is not None:
        slopes = packed.table(words.negative, np.int16)
    elif activation is not None:
        slopes = packed.table(activation.negative_scale)
    floats, ints = tables.numbers(
        program, op, source, op.add, other_name, activation, words=words, real=fused
    )
    program.call(
        op.name,
        shape,
        program.pointer(stored, op.pads),
        program.constant(packed.weight),
        program.constant(packed.table(bias, np.int32)),
        program.constant(scales),
        program.constant(slopes),
        floats,
        ints,
        program.pointer(op.inputs[1]) if op.add else program.pointer(op.output),
        program.pointer(op.output),
        *((enter.factors, enter.ints) if enter else ()),
        *spare,
    )


def _fixed(program: Program, op: Conv, reach: np.ndarray) -> exact.Fixed | None:
    """Integer factors of a convolution's own rescale, where kernels and numbers have any."""
    y = program.graph.tensors[op.output]
    zero, low, high = results(op, y, op.activation, op.add)[0]
    if choose.paired(program.isa, op):
        found = fixedpoint.factors(op.scale, reach, low - zero, high - zero)
        return exact.Fixed(found, fixedpoint.BITS) if (found >= 0).all() else None
    if not program.isa.fixed or op.add is not None:
        return None
    return exact.fixed_factors(op.scale, reach, low - zero, high - zero)


def _words(
    program: Program, op: Op, positive: np.ndarray, negative: np.ndarray, zero_point: int
) -> exact.Words | None:
    """16-bit factors of a rescale into the output of ``op``, where kernels and numbers have any."""
    if not program.isa.bytes:
        return None
    y = program.graph.tensors[op.output]
    low, high = op.low - y.zero_point, op.high - y.zero_point
    words = exact.word_factors(positive, negative, zero_point, low, high)
    return words.less_one() if words and program.isa.accumulates else words


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
        product = Product(words.shift, words.plus)
        x, y = program.view(source.name), program.view(op.output)
        shape = rescale_words.WordsShape(x, y, product, tables.clamped(op))
        shape = replace(shape, tile=program.tiles(program.isa, shape))
        factors = program.constant(rescale_words.pack(program.isa, words.positive, words.negative))
        ints = tables.numbers(program, op, source)[1]
        if choose.entered(program.isa, program.graph, program.layout, op):
            program.prologues[op.output] = Prologue(source.name, shape, factors, ints)
            return
        pointers = program.pointer(source.name), factors, ints, program.pointer(op.output)
        program.call(op.name, shape, *pointers)
        return
    two = not np.array_equal(op.scale, op.negative_scale)
    wide = tables.most(255, op.scale, op.negative_scale) >= WIDE
    width = rounded(source.channels, program.isa.vector)
    program.call(
        op.name,
        elementwise.RescaleShape(program.view(source.name), program.view(op.output), two, wide),
        program.pointer(source.name),
        program.constant(tables.padded(op.scale, width)),
        program.constant(
            tables.padded(op.negative_scale if two else np.zeros(1), width if two else 1)
        ),
        *tables.numbers(program, op, source),
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
        elementwise.AddShape(
            first, second, result, real is not None, _short(program, tables.most_of_sum(op.sum))
        ),
        program.pointer(a),
        program.pointer(b),
        *tables.numbers(program, op, own, fused, b, real=real),
        program.pointer(op.output),
    )


def _multiply(program: Program, op: Multiply) -> None:
    a, b = op.inputs
    gate = program.graph.tensors[b].shape != program.graph.tensors[a].shape
    most = tables.most(255**2, op.scale)
    program.call(
        op.name,
        elementwise.MultiplyShape(
            program.view(a),
            program.view(b),
            program.view(op.output),
            gate,
            most >= WIDE,
            _short(program, most),
        ),
        program.pointer(a),
        program.pointer(b),
        *tables.numbers(program, op, program.graph.tensors[a], other=b, product=op.scale),
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
    wide = tables.most(255 * math.prod(op.kernel), scale) >= WIDE
    program.call(
        op.name,
        pool.PoolShape(x, y, op.kind, op.kernel, op.stride, wide),
        program.pointer(source.name, op.pads),
        program.constant(scale.astype(np.float32)),
        *tables.numbers(program, op, source),
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
    Rows: lambda program, op: None,
    Stack: lambda program, op: None,
}


def _short(program: Program, most: float) -> bool:
    return program.isa.truncates and most < SHORT


def _saturates(program: Program, op: Conv, words: exact.Words) -> bool:
    """Whether an activation of any word above its operand's range gives the result's upper end."""
    activation, y = op.activation, program.graph.tensors[op.output]
    if not program.isa.accumulates or words.shift or activation is None:
        return False
    factor = int(words.positive[0]) + 2**15 * words.plus
    most = ((activation.high - activation.zero_point) * factor + 2**14) >> 15
    return factor >= 0 and most >= op.high - y.zero_point
