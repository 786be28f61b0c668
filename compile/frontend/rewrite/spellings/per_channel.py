"""Activations with a scale for each channel: one scale, and a Mul before it and behind it.

NNCF quantises what depthwise convolutions read so. The factor before goes up into the layer's own
scales; the factor behind goes down into the weights of the depthwise convolutions that read it.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import onnx
from onnx import helper

from ..draft import Draft, attributes, is_default

SAME_SIGN = ("Relu", "MaxPool")
"""Operators that positive factors of channels go through."""
TYPES = (np.int8, np.uint8)


class _Rewriter:
    """Nodes of a draft by what they write and read, as factors move past them."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.ranks = {name: len(shape) for name, shape in draft.infer()[0].items()}
        self.writer = draft.writers()
        self.readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in draft.nodes:
            for name in dict.fromkeys(node.input):
                self.readers[name].append(node)
        self.ends = {value.name for value in draft.outputs}
        self.before: dict[int, list[onnx.NodeProto]] = defaultdict(list)
        self.behind: dict[int, list[onnx.NodeProto]] = defaultdict(list)

    def scales(self, node: onnx.NodeProto) -> np.ndarray | None:
        """float64 (C) of a pair on activations whose channels have scales of their own."""
        draft, given = self.draft, [self.draft.constants.get(name) for name in node.input]
        scale = given[1] if len(given) > 1 else None
        rank = self.ranks.get(node.input[0], 0)
        if scale is None or given[0] is not None or scale.ndim != 1 or scale.size < 2 or rank < 2:
            return None
        options = attributes(node)
        if options.get("block_size", 0) or options.get("axis", 1) not in (1, 1 - rank):
            return None
        if not np.isfinite(scale).all() or (scale < np.finfo(np.float32).tiny).any():
            return None  # named by who reads it
        zero = given[2] if len(given) > 2 else None
        if zero is not None and (zero.dtype not in TYPES or zero.shape != scale.shape):
            return None
        if zero is not None and (zero != zero[0]).any():
            raise draft.error(
                node,
                f"has zero points {sorted({int(z) for z in zero})[:4]} for its channels, expected "
                "one for all; set symmetric activations in the quantiser",
            )
        return scale.astype(np.float64)

    def one_scale(self, node: onnx.NodeProto, scales: np.ndarray) -> np.ndarray:
        """The pair's node gets the largest scale; returns the channels' parts of it."""
        draft, largest = self.draft, np.float32(scales.max())
        node.input[1] = draft.constant(f"{node.input[1]}_largest", np.asarray(largest))
        if len(node.input) > 2 and node.input[2]:
            zero = draft.constants[node.input[2]]
            node.input[2] = draft.constant(f"{node.input[2]}_one", zero[0])
        kept = [a for a in node.attribute if a.name != "axis"]
        del node.attribute[:]
        node.attribute.extend(kept)
        return np.asarray(scales / float(largest))

    def factor(self, hint: str, values: np.ndarray, rank: int) -> str:
        """A constant that multiplies channels."""
        shape = (-1, *[1] * (rank - 2))
        return self.draft.constant(hint, values.astype(np.float32).reshape(shape))

    # ------------------------------------------------------------------------------------ before

    def quantised(self, node: onnx.NodeProto, parts: np.ndarray) -> None:
        """A Mul by ``1 / parts`` before the QuantizeLinear, above an activation if it may."""
        above = self._above(node, parts)
        if above is not node:
            # Its result has the factor now, so that the file's value is another one.
            inner = self.draft.fresh(f"{node.input[0]}_scaled")
            above.output[0] = node.input[0] = inner
        node, value = above, above.input[0]
        by = self.factor(f"{value}_factor", 1 / parts, self.ranks[value])
        product = self.draft.fresh(f"{value}_scaled")
        made = helper.make_node("Mul", [value, by], [product], f"{product}_node")
        self.before[id(node)].append(made)
        node.input[0] = product

    def _above(self, node: onnx.NodeProto, parts: np.ndarray) -> onnx.NodeProto:
        """The Relu, or the Clip whose ends are beyond all channels, right before; or the node."""
        value = node.input[0]
        writer = self.writer.get(value)
        if writer is None or len(self.readers[value]) > 1 or value in self.ends:
            return node
        if is_default(writer, "Relu"):
            return writer
        if not is_default(writer, "Clip") or not self._clips_alike(writer, node, parts):
            return node
        return writer

    def _clips_alike(self, clip: onnx.NodeProto, node: onnx.NodeProto, parts: np.ndarray) -> bool:
        """Whether a Clip's bounds are the same stored values in all channels; it gets them."""
        constants = self.draft.constants
        scale = float(constants[node.input[1]])
        zero, kind = 0, np.dtype(np.uint8)
        if len(node.input) > 2 and node.input[2]:
            zero, kind = int(constants[node.input[2]]), constants[node.input[2]].dtype
        info, made = np.iinfo(kind), []
        for place in (1, 2):
            name = clip.input[place] if len(clip.input) > place else ""
            bound = constants.get(name)
            if not name:
                made.append("")
                continue
            if bound is None or bound.size != 1 or not np.isfinite(bound).all():
                return False
            steps = np.rint(float(bound.reshape(())) / (parts * scale)) + zero
            steps = np.clip(steps, info.min, info.max)
            if (steps != steps[0]).any():
                return False
            # An end of the type's own range clips nothing.
            free = steps[0] == (info.min if place == 1 else info.max)
            value = np.asarray((steps[0] - zero) * scale, np.float32)
            made.append("" if free else self.draft.constant(f"{name}_scaled", value))
        clip.input[:] = [clip.input[0], *made]
        while not clip.input[-1]:
            del clip.input[-1]
        return True

    # ------------------------------------------------------------------------------------ behind

    def dequantised(self, node: onnx.NodeProto, parts: np.ndarray) -> None:
        """A Mul by ``parts`` behind what a DequantizeLinear gives, as far down as it goes."""
        self._below(node, node.output[0], parts)

    def _below(self, node: onnx.NodeProto, value: str, parts: np.ndarray) -> None:
        """``value``, which ``node`` writes, is from here on without the factor, by another name."""
        inner = self.draft.fresh(f"{value}_of_one_scale")
        self.ranks[inner] = self.ranks[value]
        left = []
        for reader in self.readers[value]:
            if self._weighted(reader, value, parts):
                reader.input[0] = inner
            elif self._passes(reader, value):
                reader.input[0] = inner
                self._below(reader, reader.output[0], parts)
            else:
                left.append(reader)
        node.output[:] = [inner if name == value else name for name in node.output]
        if left or value in self.ends:
            by = self.factor(f"{value}_factor", parts, self.ranks[value])
            made = helper.make_node("Mul", [inner, by], [value], f"{inner}_mul")
            self.behind[id(node)].append(made)

    def _passes(self, reader: onnx.NodeProto, value: str) -> bool:
        """Whether a factor may stand behind the reader as well as before it."""
        if reader.input[0] != value or list(reader.input).count(value) > 1:
            return False
        if is_default(reader, *SAME_SIGN):
            return len([name for name in reader.output if name]) == 1
        if not is_default(reader, "Pad"):
            return False
        constants = self.draft.constants
        pads = constants.get(reader.input[1]) if len(reader.input) > 1 else None
        fill = reader.input[2] if len(reader.input) > 2 else ""
        zeros = not fill or (fill in constants and not np.any(constants[fill]))
        rank = self.ranks[value]
        plain = len(reader.input) < 4 and pads is not None and pads.size == 2 * rank
        return bool(plain and zeros and pads is not None and not pads.reshape(2, rank)[:, :2].any())

    def _weighted(self, reader: onnx.NodeProto, value: str, parts: np.ndarray) -> bool:
        """Whether the reader is a depthwise convolution, whose weights then took the factor."""
        draft, channels = self.draft, len(parts)
        group = attributes(reader).get("group", 1)
        if not is_default(reader, "Conv") or group != channels or reader.input[0] != value:
            return False
        name = reader.input[1]
        if name in draft.constants and draft.constants[name].dtype == np.float32:
            real = draft.constants[name]
            along = np.repeat(parts, len(real) // channels).reshape(-1, *[1] * (real.ndim - 1))
            made = (real * along).astype(np.float32)
            reader.input[1] = draft.constant(f"{name}_scaled", made)
            return True
        stored = self.writer.get(name)
        if stored is None or not is_default(stored, "DequantizeLinear"):
            return False
        weight, scale = (draft.constants.get(name) for name in stored.input[:2])
        axis = attributes(stored).get("axis", 1) if scale is not None and scale.ndim else 0
        if weight is None or scale is None or axis not in (0, -weight.ndim) or scale.ndim > 1:
            return False
        if len(weight) % channels or scale.size not in (1, len(weight)):
            return False
        self._scaled_weight(reader, stored, np.repeat(parts, len(weight) // channels))
        return True

    def _scaled_weight(
        self, reader: onnx.NodeProto, stored: onnx.NodeProto, along: np.ndarray
    ) -> None:
        """Lets a convolution read its stored weight by other scales, one for each output."""
        draft = self.draft
        copy = onnx.NodeProto()
        copy.CopyFrom(stored)
        scale = draft.constants[stored.input[1]].reshape(-1).astype(np.float64) * along
        copy.input[1] = draft.constant(f"{stored.input[1]}_scaled", scale.astype(np.float32))
        if len(copy.input) > 2 and copy.input[2]:
            zero = np.broadcast_to(draft.constants[copy.input[2]].reshape(-1), len(along)).copy()
            copy.input[2] = draft.constant(f"{copy.input[2]}_each", zero)
        kept = [a for a in copy.attribute if a.name != "axis"]
        del copy.attribute[:]
        copy.attribute.extend(kept)
        copy.attribute.append(helper.make_attribute("axis", 0))
        copy.output[0] = draft.fresh(f"{stored.output[0]}_scaled")
        copy.name = f"{copy.output[0]}_node"
        reader.input[1] = copy.output[0]
        self.before[id(reader)].append(copy)

    def nodes(self) -> list[onnx.NodeProto]:
        """All nodes, each with what was put before and behind it."""
        found = []
        for node in self.draft.nodes:
            found += [*self.before[id(node)], node, *self.behind[id(node)]]
        return found


def run(draft: Draft) -> None:
    """Rewrites every pair on activations that has a scale for each channel and one zero point.

    Raises:
        CompileError: zero points that differ from channel to channel.
    """
    pairs = [n for n in draft.nodes if is_default(n, "QuantizeLinear", "DequantizeLinear")]
    many = [n for n in pairs if len(n.input) > 1 and _several(draft, n)]
    if not many:
        return
    rewriter = _Rewriter(draft)
    for node in many:
        scales = rewriter.scales(node)
        if scales is None:
            continue
        parts = rewriter.one_scale(node, scales)
        if node.op_type == "QuantizeLinear":
            rewriter.quantised(node, parts)
        else:
            rewriter.dequantised(node, parts)
    draft.nodes = rewriter.nodes()


def _several(draft: Draft, node: onnx.NodeProto) -> bool:
    scale = draft.constants.get(node.input[1])
    return scale is not None and scale.size > 1 and node.input[0] not in draft.constants
