"""Draws a whole network: inputs of ranks 1 to 5, a dozen operators, several ends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .layers import LAYERS
from .moves import DRAWN
from .net import Net, UnfitError
from .values import VALUES

MOST_ENDS = 4


def draw(seed: int, length: int | None = None) -> Net:
    """A network of about ``length`` operators; the same seed draws the same network."""
    random = np.random.default_rng(seed)
    opset = int(random.choice([13, 15, 17, 18, 19, 20, 21]))
    net = Net(random, opset)
    for _ in range(int(random.choice([1, 1, 1, 2, 3]))):
        net.input(_shape(net), _magnitude(net))
    length = net.int(2, 12) if length is None else length
    tries = 0
    while len(net.nodes) < length and tries < 20 * length:
        tries += 1
        families = (LAYERS, VALUES, DRAWN)
        family = families[int(random.choice(3, p=(0.4, 0.35, 0.25)))]
        _try(net, family[random.integers(len(family))])
    for name in net.inputs:  # an input that nothing reads is refused
        if not net.readers(name):
            net.node("Relu", name)
    _join(net)
    return net


def _shape(net: Net) -> tuple[int, ...]:
    rank = int(net.random.choice([1, 2, 3, 4, 5], p=(0.03, 0.1, 0.12, 0.7, 0.05)))
    if rank == 4:
        return 1, net.int(1, 10), net.int(1, 12), net.int(1, 12)
    if rank == 3:
        return 1, net.int(1, 10), net.int(1, 20)
    if rank == 2:
        return 1, net.int(1, 40)
    if rank == 1:
        return (net.int(1, 40),)
    return 1, net.int(1, 4), net.int(1, 4), net.int(1, 5), net.int(1, 5)


def _magnitude(net: Net) -> float:
    return 1.0 if net.chance(0.6) else float(10 ** net.random.uniform(-6, 5))


def _try(net: Net, operator: Callable[[Net], str]) -> None:
    """Draws one operator, or leaves the network as it was."""
    kept = (
        len(net.nodes), dict(net.constants), dict(net.samples), set(net.exact), set(net.behind),
        set(net.inner), dict(net.weights), dict(net.biases),
    )  # fmt: skip
    try:
        operator(net)
    except UnfitError:
        count, *rest = kept
        del net.nodes[count:]
        (net.constants, net.samples, net.exact, net.behind, net.inner, net.weights,
         net.biases) = rest  # fmt: skip


def _join(net: Net) -> None:
    """Adds up ends until no more than ``MOST_ENDS`` are left, or what is left is too large."""
    while len(ends := [n for n in net.ends() if n not in net.inner]) > MOST_ENDS:
        try:
            flat = [net.node("Reshape", name, net.whole(1, -1)) for name in ends[:2]]
            net.node("Concat", *flat, axis=1)
        except UnfitError:
            return
