"""From the ends of a QDQ network back to its start: each value as an int8 or float32 tensor.

A QuantizeLinear wants its float input in a quantisation. The operator that makes that input gives
it in integers where there is a rule, hands the wish on where it commutes with it (activations that
are clamps, moves), or computes in float32, which is then quantised.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..graph import (
    INT8_MAX,
    INT8_MIN,
    Constant,
    Dequantise,
    Graph,
    Move,
    Op,
    Origin,
    Quantise,
    Tensor,
    unused,
)
from . import ends, operators, places
from .network import ACTIVATIONS, DEQUANTISE, MOVES, QUANTISE, STORED, Network, Node, Want
from .places import Axes, Place

SAME = 1e-6
"""Part of a step by which a real value may miss a stored one that it is."""


class InexactError(Exception):
    """A real value that a tensor's quantisation does not hold."""


Fill = Callable[[float], float]
"""The stored value of a real one."""


class Importer:
    """Builds the graph's tensors and operators on demand."""

    def __init__(self, network: Network):
        self.network = network
        self.tensors: dict[str, Tensor] = {}
        self.ops: list[Op] = []
        self.notes: list[str] = []
        self.origins: dict[str, Origin] = {}
        self.inputs: dict[str, str] = {}
        self._entries: dict[str, Place] = {}
        self._taken = {name for node in network.nodes for name in (*node.inputs, *node.outputs)}
        self._op_names: set[str] = {node.name for node in network.nodes}
        self._emitted: set[str] = set()
        self._stored: dict[str, Place] = {}
        self._exact: dict[str, Place | None] = {}
        self._given: dict[tuple[str, Want], Place] = {}
        self._real: dict[str, Place] = {}
        self._wants: dict[str, set[object]] = {}
        self._moved_to: dict[tuple[Place, Axes, Axes, Axes], Place] = {}

    # --------------------------------------------------------------------------------- the walk

    def run(self) -> tuple[str, ...]:
        """Imports everything that the outputs need; returns their tensors."""
        network = self.network
        # From quantisation to quantisation, so that no chain of calls becomes long.
        for node in network.nodes:
            if node.kind == QUANTISE:
                self.stored(node.output, node)
        outputs = tuple(self._end(name) for name in network.outputs)
        for name, place in self._entries.items():
            self._origin(name, place)  # if no QuantizeLinear's result is its origin
        missing = [name for name in network.inputs if name not in self.inputs]
        if missing:
            raise network.error(f"input {missing[0]!r}", "nothing reads it; remove it")
        return outputs

    def _end(self, name: str) -> str:
        network, where = self.network, f"output {name!r}"
        shape = network.shape(name, where)
        kind = network.types.get(name)
        if kind in (2, 3):  # uint8, int8
            place = self.stored(name, where)
        elif kind in (0, 1, None) or (kind in (6, 7) and ends.chosen(network, name)):
            place = self.exact(name) or self.real(name, where)
        else:
            raise network.error(where, "expected float32, int8 or uint8; end the model before it")
        return self.arranged(place, *ends.layout(network, name, shape)).tensor

    # -------------------------------------------------------------------------------- questions

    def place(self, value: str, where: Node | str) -> Place:
        """An int8 tensor that holds a float value exactly.

        Raises:
            CompileError: the value is float.
        """
        found = self.exact(value)
        if found is None:
            raise self.network.error(
                where,
                f"input {value!r} is float, expected a DequantizeLinear before it; quantise every "
                "activation (QDQ format, all operators)",
            )
        return found

    def exact(self, value: str) -> Place | None:
        """The int8 tensor that a float value is exactly, None where it is none."""
        if value not in self._exact:
            self._exact[value] = self._find_exact(value)
        return self._exact[value]

    def _find_exact(self, value: str) -> Place | None:
        node = self.network.writer.get(value)
        if node is None or self.network.constant(value) is not None:
            return None
        if node.kind == DEQUANTISE:
            place = self.stored(node.inputs[0], node)
            scale, zero, _ = self.network.quantisation(node)
            return self._reinterpreted(node, place, scale, zero)
        rule = operators.layout_of(node)
        if rule is None:
            build = operators.EXACT.get(node.kind)
            return build(self, node) if build is not None else None
        parts = [self.exact(name) for name in rule.data(node)]
        if any(part is None for part in parts):
            return None
        known = [part for part in parts if part is not None]
        kinds = {self.tensors[part.tensor].quantisation for part in known}
        if len(kinds) != 1:
            return None
        scale, zero = kinds.pop()

        def fill(real: float) -> float:
            stored = real / scale + zero
            if not (INT8_MIN <= stored <= INT8_MAX and abs(stored - round(stored)) < SAME):
                raise InexactError
            return round(stored)

        try:
            return rule.build(self, node, value, known, fill)
        except InexactError:
            return None

    def stored(self, name: str, where: Node | str) -> Place:
        """The tensor of an integer value: a QuantizeLinear's result, an input, or one moved."""
        if name not in self._stored:
            place = self._find_stored(name, where)
            self._stored[name] = place
            self._origin(name, place)
        return self._stored[name]

    def _find_stored(self, name: str, where: Node | str) -> Place:
        network = self.network
        node = network.writer.get(name)
        if node is None:
            if name not in network.inputs:
                raise network.error(where, f"{name!r} is not written by any node")
            readers = [n for n in network.readers[name] if n.kind == DEQUANTISE]
            if not readers or network.types[name] not in (2, 3):
                raise network.error(f"input {name!r}", "expected DequantizeLinear as its reader")
            scale, zero, _ = network.quantisation(readers[0])
            return self._entered(name, name, (scale, zero), "int8")
        if node.kind == QUANTISE:
            scale, zero, _ = network.quantisation(node)
            return self.quantised(node.inputs[0], Want(name, scale, zero), node)
        rule = operators.layout_of(node)
        if rule is None:
            build = operators.ON_STORED.get(node.kind)
            place = build(self, node) if build is not None else None
            if place is not None:
                return place
            raise network.error(
                node,
                "computes with stored integers, expected a DequantizeLinear before it; quantise "
                "in QDQ format",
            )
        parts = [self.stored(value, node) for value in rule.data(node)]
        offset = STORED.get(np.dtype(network._stored_type(name)), 0)
        return rule.build(self, node, name, parts, lambda value: value - offset)

    def quantised(self, value: str, want: Want, where: Node) -> Place:
        """A float value as a tensor in the wanted quantisation; by integers where they give it."""
        key = (value, replace(want, name=""))
        if key not in self._given:
            found = self.given(value, want)
            self._given[key] = found or self._quantised_real(value, want, where)
        return self._given[key]

    def given(self, value: str, want: Want) -> Place | None:
        """A value in the wanted quantisation by integers; None: only float32 gives it."""
        found = self._given.get((value, replace(want, name=""))) if want.plain else None
        return found or self._find_given(value, want)

    def _find_given(self, value: str, want: Want) -> Place | None:
        network = self.network
        node = network.writer.get(value)
        if node is None:
            one = want.plain and value in network.inputs and len(ends.read_as(network, value)) == 1
            if not one or network.types[value] != 1:
                return None
            if (want.low, want.high) == (INT8_MIN, INT8_MAX):
                return self._entered(value, want.name, want.quantisation, "int8")
            # What comes in is all of int8; the clamp is an operator of its own.
            name = self.name(f"{value}.stored")
            entered = self._entered(value, name, want.quantisation, "int8")
            return operators.requantised(self, network.readers[value][0], entered, want)
        if want.plain:
            exact = self.exact(value)
            if exact is not None:
                return operators.requantised(self, node, exact, want)
            found = (
                operators.activated(self, node, want)
                or operators.looked_up(self, value, want)
                or operators.normed(self, value, want)
            )
            if found is not None:
                return found
        if len(self.wants(value)) > 1:
            return None
        if node.kind in ACTIVATIONS and want.plain:
            return operators.clamped(self, node, want)
        rule = operators.layout_of(node)
        if rule is not None:
            return self._moved(rule, node, value, want)
        build = operators.INTEGER.get(node.kind)
        return build(self, node, want) if build is not None else None

    def _moved(self, rule: operators.Layout, node: Node, value: str, want: Want) -> Place | None:
        network = self.network
        if not want.plain:
            return None
        parts = []
        for index, name in enumerate(rule.data(node)):
            hint = replace(want, name=self.name(f"{want.name}.part{index}"))
            parts.append(self.quantised(name, hint, node))

        def fill(real: float) -> float:
            if math.isnan(real):
                raise network.error(node, "it fills with what is no number; give a number")
            least, most = want.low - want.zero_point, want.high - want.zero_point
            return round(min(max(real / want.scale, least), most)) + want.zero_point

        return rule.build(self, node, value, parts, fill)

    def _quantised_real(self, value: str, want: Want, where: Node) -> Place:
        place = self.real(value, where)
        source = self.tensors[place.tensor]
        y = self.tensor(want.name, source.shape, want.quantisation)
        self.emit(
            Quantise(
                name=self.op_name(f"{where.name}.quantise"),
                inputs=(place.tensor,),
                output=y,
                low=want.low,
                high=want.high,
            )
        )
        return place.on(y)

    def real(self, value: str, where: Node | str) -> Place:
        """A float value as a float32 tensor.

        Raises:
            CompileError: an operator that has no rule in float32 either.
        """
        if value not in self._real:
            place = self._find_real(value, where)
            self._real[value] = place
            self._origin(value, place)
        return self._real[value]

    def _find_real(self, value: str, where: Node | str) -> Place:
        network = self.network
        constant = network.constant(value)
        if constant is not None:
            if not np.isfinite(constant.real).all():
                raise network.error(where, f"constant {value!r} is not finite; give numbers")
            return self.constant(value, constant.real)
        node = network.writer.get(value)
        if node is None:
            if value not in network.inputs:
                raise network.error(where, f"{value!r} is not written by any node")
            return self._entered(value, value, (1.0, 0), "float32")
        exact = self.exact(value)
        if exact is not None:
            x = self.tensors[exact.tensor]
            y = self.tensor(self.name(value), x.shape, real=True)
            name = self.op_name(f"{node.name}.dequantise")
            self.emit(Dequantise(name=name, inputs=(x.name,), output=y))
            return exact.on(y)
        rule = operators.layout_of(node)
        if rule is not None:
            parts = [self.real(name, node) for name in rule.data(node)]
            return rule.build(self, node, value, parts, lambda real: real)
        build = operators.REAL.get(node.kind)
        if build is None:
            raise network.error(
                node,
                f"its operands or its result {value!r} are float, and there is no rule for it in "
                "float32: expected DequantizeLinear before it and QuantizeLinear behind it; "
                "quantise every activation (QDQ format, all operators)",
            )
        made = build(self, node)
        assert made is not None, "a rule in float32 always gives a result"
        return made

    def wants(self, value: str) -> set[object]:
        """The different forms that the readers of a float value want it in."""
        if value not in self._wants:
            network = self.network
            found: set[object] = set()
            if value in network.outputs:
                found.add("float")
            for node in network.readers[value]:
                if node.kind == QUANTISE and node.inputs[0] == value:
                    found.add(network.quantisation(node)[:2])
                elif node.kind in (*MOVES, "Transpose"):
                    found |= self.wants(node.output)
                elif node.kind in ACTIVATIONS:
                    found |= {(node.name, inner) for inner in self.wants(node.output)}
                else:
                    found.add(node.name)
            self._wants[value] = found
        return self._wants[value]

    # -------------------------------------------------------------------------------- what it makes

    def name(self, wanted: str) -> str:
        """A name for a tensor that the file has no name for."""
        return unused(wanted, self._taken | self.tensors.keys())

    def op_name(self, wanted: str) -> str:
        """A name for an operator beside the file's own."""
        found = unused(wanted, self._op_names)
        self._op_names.add(found)
        return found

    def own_name(self, node: Node) -> str:
        """The node's name for the first operator that it becomes."""
        if node.name in self._emitted:
            return self.op_name(node.name)
        return node.name

    def tensor(
        self,
        name: str,
        sizes: tuple[int, int, int],
        quantisation: tuple[float, int] = (1.0, 0),
        real: bool = False,
    ) -> str:
        """A new tensor; its name with a number behind it where there is one of that name."""
        name = unused(name, self.tensors)
        dtype = "float32" if real else "int8"
        self.tensors[name] = Tensor(name, *sizes, *quantisation, dtype=dtype)
        return name

    def emit(self, op: Op) -> str:
        """Appends an operator; returns its output."""
        self.ops.append(op)
        self._emitted.add(op.name)
        return op.output

    def note(self, node: Node, misses: int, of: str) -> None:
        """Remembers where integers cannot give all that the file's float operator gives."""
        if misses:
            self.notes.append(
                f"node {node.name!r} ({node.kind}): {misses:,} of {of} differ by one step from "
                "the file's float32 operator"
            )

    def constant(self, value: str, array: np.ndarray) -> Place:
        """A float32 constant as a tensor."""
        sizes = places.row_sizes(array.shape)
        y = self.tensor(self.name(value), sizes, real=True)
        values = np.ascontiguousarray(array, np.float32).reshape(sizes)
        self.emit(Constant(name=self.op_name(f"{value}.constant"), inputs=(), output=y,
                           values=values))  # fmt: skip
        return places.row_place(y, array.shape)

    def arranged(
        self, place: Place, sizes: tuple[int, int, int], shape: Axes, order: Axes
    ) -> Place:
        """The same values in (H, W, C) of ``sizes``, as ``shape`` and ``order`` say."""
        source = self.tensors[place.tensor]
        if (place.shape, place.order) == (shape, order) and source.shape == sizes:
            return place
        key = place, sizes, shape, order
        if key not in self._moved_to:
            self._moved_to[key] = self._rearranged(place, sizes, shape, order)
        return self._moved_to[key]

    def _rearranged(
        self, place: Place, sizes: tuple[int, int, int], shape: Axes, order: Axes
    ) -> Place:
        source = self.tensors[place.tensor]
        found = places.move(place, shape, order)
        if found is None:
            rows = (math.prod(place.shape),), (0,)
            flat = self.arranged(place, (1, 1, math.prod(place.shape)), *rows)
            return self.arranged(flat, sizes, shape, order)
        y = self.tensor(self.name(f"{place.tensor}.moved"), sizes, source.quantisation, source.real)
        self.emit(
            Move(
                name=self.op_name(f"{place.tensor}.move"),
                inputs=(place.tensor,),
                output=y,
                shape=found[0],
                order=found[1],
            )
        )
        return Place(y, shape, order)

    def as_map(self, place: Place, shape: Axes, where: Node) -> Place:
        """(1, C, H, W) or (1, C, L) with its channels last."""
        if len(shape) not in (3, 4) or shape[0] != 1:
            raise self.network.error(
                where, f"{shape} is no shape of a map, expected (1, C, H, W) or (1, C, L)"
            )
        wanted = places.map_place("", shape)
        return self.arranged(place, places.map_sizes(shape), wanted.shape, wanted.order)

    def as_rows(self, place: Place, shape: Axes) -> Place:
        """An array in its own order, its last axis as channels."""
        wanted = places.row_place("", shape)
        return self.arranged(place, places.row_sizes(shape), wanted.shape, wanted.order)

    def _reinterpreted(self, node: Node, place: Place, scale: float, zero: int) -> Place:
        """What a DequantizeLinear of another scale than its QuantizeLinear's reads."""
        x = self.tensors[place.tensor]
        if x.quantisation == (scale, zero):
            return place
        count = math.prod(x.shape)
        y = self.tensor(self.name(f"{node.output}.stored"), x.shape, (scale, zero))
        name = self.op_name(f"{node.name}.scale")
        self.emit(Move(name=name, inputs=(x.name,), output=y, shape=(count,), order=(0,)))
        return place.on(y)

    def _entered(
        self,
        value: str,
        name: str,
        quantisation: tuple[float, int],
        dtype: str,
    ) -> Place:
        """The tensor of an input of the network, as the first that reads it wants it."""
        network = self.network
        if value in self.inputs:
            raise network.error(
                f"input {value!r}", "is read in several types; quantise it once, before all readers"
            )
        shape = network.shape(value, f"input {value!r}")
        sizes, axes, order = ends.layout(network, value, shape)
        self.inputs[value] = self.tensor(name, sizes, quantisation, dtype == "float32")
        place = Place(self.inputs[value], axes, order)
        self._entries[value] = place
        return place

    def _origin(self, value: str, place: Place) -> None:
        self.origins.setdefault(place.tensor, Origin(value, place.shape, place.order))


def build(network: Network, **fields: str) -> Graph:
    """The graph of a network; ``fields`` are those of ``Graph`` that its operators do not say."""
    importer = Importer(network)
    outputs = importer.run()
    needed = set(outputs)
    ops = []
    for op in reversed(importer.ops):
        if op.output in needed:
            needed.update(op.inputs)
            ops.append(op)
    inputs = tuple(importer.inputs[name] for name in network.inputs)
    unread = [n for n, t in zip(network.inputs, inputs, strict=True) if t not in needed]
    if unread:
        raise network.error(f"input {unread[0]!r}", "no output depends on it; remove it")
    kept = {name: t for name, t in importer.tensors.items() if name in needed or name in inputs}
    origins = {name: o for name, o in importer.origins.items() if name in kept}
    return Graph(
        name=fields["name"],
        tensors=kept,
        ops=tuple(reversed(ops)),
        inputs=inputs,
        outputs=outputs,
        record=fields["record"],
        sha256=fields["sha256"],
        notes=tuple(importer.notes),
        input_names=network.inputs,
        output_names=network.outputs,
        origins=origins,
    )


__all__ = ["Importer", "build"]
