"""Which pictures a step takes: by its number alone, so that a resumed run goes on with them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import joined


class Order:
    """Which pictures a step takes: every epoch is a new permutation, batches run across epochs.

    Args:
        weights: float (N), how often a picture comes in an epoch (``joined.repeated``).
        labels: int64 (N), the people; wanted with ``together``.
        together: pictures of a person that follow each other, where there are as many: losses that
            compare a person's pictures need some of them in one batch.

    ``length``: pictures of an epoch.
    """

    def __init__(
        self,
        weights: np.ndarray,
        seed: int,
        labels: np.ndarray | None = None,
        together: int = 1,
    ):
        if together > 1 and labels is None:
            raise ValueError("together: groups of a person's pictures need labels")
        self.weights, self.seed = np.asarray(weights, float), seed
        self.labels, self.together = labels, together
        self.length = joined.length(self.weights)
        self.epochs: dict[int, np.ndarray] = {}

    def rows(self, batch: int, step: int) -> np.ndarray:
        """Indices (batch) of a step."""
        epochs, places = np.divmod(np.arange(step * batch, (step + 1) * batch), self.length)
        found = np.empty(batch, np.int64)
        for epoch in range(epochs[0], epochs[-1] + 1):
            here = epochs == epoch
            found[here] = self._epoch(epoch)[places[here]]
        return found

    def partners(self, batch: int, step: int) -> np.ndarray:
        """Indices (batch) of the faces that those of :meth:`rows` are blended with."""
        drawn = np.random.default_rng([self.seed, step, 1]).integers(0, self.length, batch)
        return self._drawn(0)[drawn]

    def _epoch(self, epoch: int) -> np.ndarray:
        if epoch not in self.epochs:
            random = np.random.default_rng([self.seed, epoch])
            shuffled = random.permutation(self.length)
            self.epochs = {k: v for k, v in self.epochs.items() if k == epoch - 1}
            found = self._drawn(epoch)[shuffled]
            if self.together > 1:
                found = self._grouped(found, random)
            self.epochs[epoch] = found
        return self.epochs[epoch]

    def _grouped(self, rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """``rows`` in groups of a person's, the groups in random order."""
        assert self.labels is not None
        labels = np.asarray(self.labels)[rows]
        order = np.argsort(labels, kind="stable")
        starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
        lengths = np.diff(starts, append=len(rows))
        within = np.arange(len(rows)) - np.repeat(starts, lengths)
        begins = within % self.together == 0
        key = random.random(int(begins.sum()))[np.cumsum(begins) - 1]
        return np.asarray(rows[order[np.argsort(key, kind="stable")]])

    def _drawn(self, epoch: int) -> np.ndarray:
        return joined.repeated(self.weights, np.random.default_rng([self.seed, epoch, 4]))


class Steps:
    """A sampler of batches: index, step and row of every item of the steps from ``start`` on."""

    def __init__(self, order: Order, batch: int, start: int, stop: int):
        self.order, self.batch, self.start, self.stop = order, batch, start, stop

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        for step in range(self.start, self.stop):
            rows = self.order.rows(self.batch, step)
            yield [(int(own), step, row) for row, own in enumerate(rows)]

    def __len__(self) -> int:
        return self.stop - self.start
