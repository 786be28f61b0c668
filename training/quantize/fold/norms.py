"""Which float values a network keeps inside its layer norms, which the compiler does as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocketvision.compile.frontend.operators import norm_chain

from ..graph import Graph, attributes


@dataclass(frozen=True)
class _Nodes:
    """A float network as norm_chain reads it."""

    graph: Graph

    def writer(self, value: str) -> tuple[str, Sequence[str], dict[str, Any]] | None:
        node = self.graph.producer(value)
        if node is None or value != node.output[0]:
            return None
        return node.op_type, list(node.input), attributes(node)

    def constant(self, value: str) -> np.ndarray | None:
        found = self.graph.weights.get(value)
        return None if found is None else found.astype(np.float64)

    def shape(self, value: str) -> tuple[int, ...]:
        return self.graph.shapes.get(value, ())


def inner(graph: Graph) -> set[str]:
    """Tensors inside a norm that nothing outside of it reads."""
    found: set[str] = set()
    for node in reversed(graph.nodes):
        value = node.output[0]
        part = norm_chain.found(_Nodes(graph), value) if value not in found else None
        if part is None:
            continue
        own = part.within | {value}
        readers = [reader for name in part.within for reader in graph.consumers(name)]
        whole = all(reader.output[0] in own for reader in readers)
        if whole and not any(graph.is_output(name) for name in part.within):
            found |= part.within
    return found
