"""Pooling."""

from __future__ import annotations

import math

import numpy as np

from ...graph import Pool
from ...kernels import pool
from ..bounds import largest
from ..constants import numbers
from ..forms import WIDE
from ..program import Program
from .real import lower_real_pool


def lower_pool(program: Program, op: Pool) -> None:
    """Appends the call of a pooling."""
    source = program.graph.tensors[op.inputs[0]]
    if source.real:
        lower_real_pool(program, op)
        return
    x, y = program.view(source.name), program.view(op.output)
    scale = op.scale if op.scale is not None else np.zeros(1)
    wide = largest(255 * math.prod(op.kernel), scale) >= WIDE
    program.call(
        op.ref,
        pool.PoolShape(x, y, op.kind, op.kernel, op.stride, wide),
        program.pointer(source.name, op.pads),
        program.constant(scale.astype(np.float32)),
        *numbers(program, op, source).store(program),
        program.pointer(op.output),
    )
