"""Drops the outer rows and columns of a dense kernel that are zero in every channel.

A strided convolution of a shifted map, as in the reductions of DARTS networks, comes as one of
2x2 of which a single tap is not zero.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..graph import Conv, Graph, Op


def run(graph: Graph) -> Graph:
    """What is dropped on a side is taken off its padding, which may become negative."""
    return graph.with_ops([_trimmed(op) for op in graph.ops])


def _trimmed(op: Op) -> Op:
    if not isinstance(op, Conv) or op.depthwise:
        return op
    rows, columns = (np.flatnonzero(op.weight.any(axis=axes)) for axes in ((0, 1, 3), (0, 1, 2)))
    if not rows.size:
        return op
    top, left = int(rows[0]), int(columns[0])
    weight = op.weight[:, :, top : rows[-1] + 1, left : columns[-1] + 1]
    bottom, right = (k - n - 1 for k, n in zip(op.kernel, (rows[-1], columns[-1]), strict=True))
    cut = (top, left, int(bottom), int(right))
    if not any(cut):
        return op
    pads = tuple(pad - by for pad, by in zip(op.pads, cut, strict=True))
    return replace(op, weight=np.ascontiguousarray(weight), pads=pads)
