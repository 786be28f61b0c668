"""The decoder's mathematics in plain numpy, a step at a time: what the fast form must equal.

Written from section 5.1 of the paper sheet of VTN (arXiv 1905.08711); nothing here is fast, and
every function is one formula. Arrays are float64; T steps of d values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
EPSILON = 1e-3


def sinusoid(steps: int, width: int) -> Array:
    """(T, d): row p holds sin and cos of ``p / 10000 ** (2 i / d)`` in turn; row 0 is zeros."""
    table = np.zeros((steps, width))
    for p in range(1, steps):
        for j in range(width):
            angle = p / 10000 ** (2 * (j // 2) / width)
            table[p, j] = math.cos(angle) if j % 2 else math.sin(angle)
    return table


def softmax(values: Array) -> Array:
    """``exp(v) / sum exp(v)`` of one row."""
    powers = np.exp(values - values.max())
    return powers / powers.sum()


def attention(x: Array, query: Array, key: Array, value: Array, heads: int) -> Array:
    """Self-attention of (T, d): every step looks at all steps, nothing is hidden.

    Logits are divided by ``sqrt(d)``, the width of the model and not of a head; the heads' results
    stand side by side, without a projection after them.

    Args:
        query, key, value: (d, d), rows are outputs; head h has rows ``h d / heads`` on.
    """
    steps, width = x.shape
    head = width // heads
    out = np.zeros((steps, width))
    for h in range(heads):
        rows = slice(h * head, (h + 1) * head)
        for t in range(steps):
            q = query[rows] @ x[t]
            logits = np.array([q @ (key[rows] @ x[s]) for s in range(steps)]) / math.sqrt(width)
            for s, share in enumerate(softmax(logits)):
                out[t, rows] += share * (value[rows] @ x[s])
    return out


def norm(x: Array, gain: Array, shift: Array) -> Array:
    """Each step less its mean, over its unbiased deviation plus epsilon; one step stays itself."""
    if len(x) == 1:
        return x
    out = np.zeros_like(x)
    for t, row in enumerate(x):
        deviation = math.sqrt(sum((v - row.mean()) ** 2 for v in row) / (len(row) - 1))
        out[t] = gain * (row - row.mean()) / (deviation + EPSILON) + shift
    return out


def feed(x: Array, first: tuple[Array, Array], second: tuple[Array, Array]) -> Array:
    """Two layers on each step alone, ReLU between them."""
    out = np.zeros_like(x)
    for t, row in enumerate(x):
        out[t] = second[0] @ np.maximum(first[0] @ row + first[1], 0) + second[1]
    return out


def decode(state: Mapping[str, Array], x: Array, heads: int) -> Array:
    """Class scores (classes) of a sequence (T, d) by the weights of a ``Decoder``'s state dict."""
    x = x + state["position.table"]
    block = 0
    while (at := f"blocks.{block}.") + "attention.query.weight" in state:
        query, key, value = (state[f"{at}attention.{m}.weight"] for m in ("query", "key", "value"))
        x = x + attention(x, query, key, value, heads)
        x = norm(x, state[f"{at}after.gain"], state[f"{at}after.shift"])
        first, second = (
            (state[f"{at}feed.{n}.weight"], state[f"{at}feed.{n}.bias"])
            for n in ("first", "second")
        )
        x = x + feed(x, first, second)
        x = norm(x, state[f"{at}last.gain"], state[f"{at}last.shift"])
        block += 1
    logits = [state["classifier.weight"] @ row + state["classifier.bias"] for row in x]
    return np.mean(logits, axis=0)
