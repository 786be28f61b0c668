"""Which kernel family builds a shape: of those that the instruction set lists the first that fits.

A family is a module. All have ``fits(isa, shape)``, ``tile_bounds(isa, shape)`` (how large each
choice of a ``Tile`` may be, without entry: none) and ``build(name, isa, shape)``. Those of
convolutions also say how weights are packed (``packed``), whether the kernel's activation may run
in 16-bit words (``words``), and in ``FRACTION`` the bits of integer factors that it wants for its
rescale, 0 where factors are float32 or the instruction set's own; where there are any, in
``TOGETHER`` how many neighbouring channels must all have lines (arithmetic/lines.py) or none;
``RECTIFIES`` says whether it has code for results from 0 to 127 alone. Those whose result may lie
over their input say in ``order(isa, shape, grid)`` what they read and write step by step
(conv/order.py); ``grid``: both have pixels of one size, a whole number of them apart. It is None
where they would need a grid. What orders the steps must be more than the text of a TIR function,
whose buffers the compiler takes as apart: calls of assembly, or data that go through scratch.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from tvm import tirx

from .conv.shape import ConvShape
from .isa.base import Isa


def of(isa: Isa, shape: Any) -> ModuleType:
    """The family of a kernel's shape."""
    found = (family for family in listed(isa, shape.family) if family.fits(isa, shape))
    return next(found)


def listed(isa: Isa, kind: str) -> list[ModuleType]:
    """The families of an instruction set for shapes of one kind, in order of preference."""
    return [_module(name) for name in isa.families[kind]]


def instructions(isa: Isa, shape: Any) -> Isa:
    """What the kernel of a shape is built for."""
    if not isinstance(shape, ConvShape):
        return isa
    if shape.rounding.real:
        return isa.sums
    return isa if shape.single else isa.dense


def build(name: str, isa: Isa, shape: Any) -> tirx.PrimFunc:
    """The function ``name`` that does what ``shape`` says."""
    return of(isa, shape).build(name, instructions(isa, shape), shape)


@cache
def _module(name: str) -> ModuleType:
    return import_module(f".{name}", __package__)
