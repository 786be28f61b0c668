"""What all kernel tests share: the targets, the strategy of random cases, and the check."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pocketvision.compile.targets import TARGETS

from .. import random_graphs
from ..runners import Machines

SHARED = ("cortex-m7", "cortex-m33")
"""Targets whose kernels are those of others. An image is built for every case, so that these are
left to the marker ``deep``."""
BUT_DENSE = "aarch64-i8mm"
"""Its dense convolutions are its own, all else is that of aarch64-dotprod (kernels/isa/i8mm.py)."""


def _every(shared: tuple[str, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "target",
        [
            pytest.param(name, marks=pytest.mark.deep) if name in shared else name
            for name in TARGETS
        ],
    )


on_every_target = _every((*SHARED, BUT_DENSE))
on_every_target_of_dense_layers = _every(SHARED)

QUICK, LONG = 4, 60
"""Cases per family and target: about 30 shapes in ``make test``, 500 with the marker ``full``."""


def random_cases(count: int) -> Callable:
    """Decorator that draws ``seed``, ``length`` and ``shape``; a failure prints the three."""

    def decorate(test: Callable) -> Callable:
        drawn = given(
            seed=st.integers(0, 2**32 - 1),
            length=st.integers(7, 10),
            shape=st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(1, 96)),
        )
        # Shrinking would compile for minutes; the seed reproduces the case as it stands.
        options = settings(
            max_examples=count,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow],
        )
        return options(drawn(test))

    return decorate


def check(
    machines: Machines, family: str, target: str, seed: int, length: int, shape: tuple
) -> None:
    """One random case on one target, byte for byte."""
    machines.require(TARGETS[target])
    graph, inputs, _ = random_graphs.case(family, seed, length, shape)
    machines.check(graph, target, inputs)
