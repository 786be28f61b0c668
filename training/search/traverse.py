"""Sorted traversal with pruning: the networks of least total rating within several budgets at once.

DNA (arXiv 1911.13053, section 3.4) sorts each block's candidates by rating and goes through them
depth first; a branch ends where its cost and the cheapest rest are above the budget, or its rating
and the best rest are no better than what is known. Two things are more here. A budget may be a sum
over a network's parts (MACs, instructions, flash) or a maximum (arena). And what a candidate costs
depends on the channels that the block before leaves, so candidates have an entry and an exit.

Exact: a candidate is left out beforehand only where k others of its block and exit are nowhere
worse, and no bound is ever above what it bounds.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SLACK = 1e-9
"""Share by which a bound may be wrong, as sums of floats depend on their order; final checks are
exact."""


class ImpossibleError(ValueError):
    """No network is within the budgets; the message names the cheapest and what it costs."""


@dataclass(frozen=True)
class Costs:
    """What is counted, in the order of all cost arrays' last axis: names, limits, maxima or sums.

    ``limits``: float (D,), infinite where there is none. ``peaks``: bool (D,), True for a maximum
    over a network's parts.
    """

    names: tuple[str, ...]
    limits: np.ndarray
    peaks: np.ndarray

    def joined(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Costs of two parts together, (..., D)."""
        return np.where(self.peaks, np.maximum(first, second), first + second)

    def within(self, costs: np.ndarray, slack: float = 0.0) -> np.ndarray:
        """Bool (...): no limit is passed."""
        return np.asarray((costs <= self.limits * (1 + slack)).all(axis=-1))


@dataclass(frozen=True)
class Choices:
    """The candidates of one block: ``labels`` (N), ratings (N), exits (N), costs by entry (N, D).

    An exit is any number that is an entry of the next block's costs.
    """

    labels: Sequence[object]
    ratings: np.ndarray
    exits: np.ndarray
    costs: Mapping[int, np.ndarray]


@dataclass(frozen=True, order=True)
class Found:
    """A network: total rating, indices into each block's candidates, costs by name."""

    rating: float
    chosen: tuple[int, ...]
    costs: Mapping[str, float]


def traverse(
    blocks: Sequence[Choices], costs: Costs, entry: int, start: np.ndarray, k: int = 1
) -> list[Found]:
    """The ``k`` networks of least summed rating within all limits, best first; fewer if fewer are.

    Args:
        blocks: in their order.
        entry: of the first block.
        start: float (D,), costs of what stands before the first block.

    Raises:
        ImpossibleError: no network is within the limits.
    """
    kept = [_undominated(block, k) for block in blocks]
    reduced = [_part(block, keep) for block, keep in zip(blocks, kept, strict=True)]
    ends = _ends(reduced, costs)
    best: list[tuple[float, tuple[int, ...]]] = []  # a heap, the worst of the k first

    def visit(depth: int, entry: int, used: np.ndarray, rating: float, path: tuple) -> None:
        if depth == len(reduced):
            if costs.within(used) and (len(best) < k or rating < -best[0][0]):
                entered = (-rating, path)
                (heapq.heappush if len(best) < k else heapq.heapreplace)(best, entered)
            return
        block = reduced[depth]
        rest_rating, rest_costs = ends[depth + 1].after(block.exits)
        bounds = rating + block.ratings + rest_rating
        total = costs.joined(used, block.costs[entry])
        possible = costs.within(costs.joined(total, rest_costs), SLACK)
        order = np.argsort(bounds, kind="stable")
        for index in order[possible[order]]:
            if len(best) == k and bounds[index] > -best[0][0] + SLACK * abs(best[0][0]):
                return
            here = rating + float(block.ratings[index])
            visit(depth + 1, int(block.exits[index]), total[index], here, (*path, int(index)))

    visit(0, entry, start, 0.0, ())
    if not best:
        raise ImpossibleError(_impossible(blocks, costs, entry, start))
    found = []
    for negative, path in sorted(best, reverse=True):
        chosen = tuple(int(keep[index]) for keep, index in zip(kept, path, strict=True))
        total = priced(blocks, costs, entry, start, chosen)
        found.append(Found(-negative, chosen, dict(zip(costs.names, total.tolist(), strict=True))))
    return found


def priced(
    blocks: Sequence[Choices], costs: Costs, entry: int, start: np.ndarray, chosen: Sequence[int]
) -> np.ndarray:
    """Float (D,): costs of the network of these candidates."""
    total = start
    for block, index in zip(blocks, chosen, strict=True):
        total = costs.joined(total, block.costs[entry][index])
        entry = int(block.exits[index])
    return total


def cheapest(
    blocks: Sequence[Choices], costs: Costs, entry: int, start: np.ndarray, name: str
) -> tuple[int, ...]:
    """The network that costs least by ``name``, whatever its rating."""
    axis, ends = costs.names.index(name), _ends(blocks, costs)
    chosen: list[int] = []
    total = start
    for depth, block in enumerate(blocks):
        here = costs.joined(total, block.costs[entry])
        least = costs.joined(here, ends[depth + 1].after(block.exits)[1])[:, axis]
        chosen.append(int(least.argmin()))
        total, entry = here[chosen[-1]], int(block.exits[chosen[-1]])
    return tuple(chosen)


def _impossible(blocks: Sequence[Choices], costs: Costs, entry: int, start: np.ndarray) -> str:
    """Which limit nothing is within; where each alone can be met, all of them."""
    lines = []
    for axis, name in enumerate(costs.names):
        if not np.isfinite(costs.limits[axis]):
            continue
        chosen = cheapest(blocks, costs, entry, start, name)
        total = priced(blocks, costs, entry, start, chosen)
        labels = [block.labels[index] for block, index in zip(blocks, chosen, strict=True)]
        text = ", ".join(str(label) for label in labels if label is not None)
        if not total[axis] <= costs.limits[axis]:
            return (
                f"budget.{name}: expected at least {total[axis]:,.0f}, which the cheapest network "
                f"of the space ({text}) costs, got {costs.limits[axis]:,.0f}; raise it, or give "
                "the space narrower or shorter cells"
            )
        rest = ", ".join(f"{n} {v:,.0f}" for n, v in zip(costs.names, total, strict=True))
        lines.append(f"of least {name} is {text}: {rest}")
    return f"budget: no network meets all limits at once, raise one; {'; '.join(lines)}"


@dataclass(frozen=True)
class _End:
    """What the rest of a network costs at least, each alone, by the entry of its first block.

    ``entries``: (E) sorted; ``rating``: the least, of any entry; ``costs``: (E, D). Behind the
    last block ``entries`` is None: nothing follows, whatever the exit.
    """

    entries: np.ndarray | None
    rating: float
    costs: np.ndarray

    def after(self, exits: np.ndarray) -> tuple[float, np.ndarray]:
        """The rating, and costs (N, D) by exits (N)."""
        if self.entries is None:
            return self.rating, np.broadcast_to(self.costs, (len(exits), self.costs.shape[1]))
        return self.rating, self.costs[np.searchsorted(self.entries, exits)]


def _ends(blocks: Sequence[Choices], costs: Costs) -> list[_End]:
    """Of each block and of what is behind the last."""
    ends = [_End(None, 0.0, np.zeros((1, len(costs.names))))]
    for block in reversed(blocks):
        rating, after = ends[0].after(block.exits)
        entries = np.array(sorted(block.costs))
        least = [costs.joined(block.costs[int(e)], after).min(axis=0) for e in entries]
        ends.insert(0, _End(entries, float(block.ratings.min()) + rating, np.stack(least)))
    return ends


def _undominated(block: Choices, k: int) -> np.ndarray:
    """Indices of candidates that fewer than ``k`` others of their exit are no worse than.

    Of equals the first counts as better, so that one of two is never left out for the other and
    the other for the one.
    """
    table = np.column_stack([block.ratings, *(block.costs[e] for e in sorted(block.costs))])
    keep = []
    for exit_ in np.unique(block.exits):
        rows = np.flatnonzero(block.exits == exit_)
        part = table[rows]
        for place, values in enumerate(part):
            no_worse = (part <= values).all(axis=1)
            no_worse &= (part < values).any(axis=1) | (np.arange(len(part)) < place)
            if no_worse.sum() < k:
                keep.append(rows[place])
    return np.sort(np.array(keep, np.intp))


def _part(block: Choices, keep: np.ndarray) -> Choices:
    return Choices(
        [block.labels[index] for index in keep],
        block.ratings[keep],
        block.exits[keep],
        {entry: costs[keep] for entry, costs in block.costs.items()},
    )
