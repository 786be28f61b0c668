"""Which pictures a step takes: by its number alone, so that a resumed run goes on with them."""

from __future__ import annotations

import numpy as np

from . import joined


class Order:
    """Which pictures a step takes: every epoch is a new permutation, batches run across epochs.

    Args:
        weights: float (N), how often a picture comes in an epoch (``joined.repeated``).

    ``length``: pictures of an epoch.
    """

    def __init__(self, weights: np.ndarray, seed: int):
        self.weights, self.seed = np.asarray(weights, float), seed
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
            shuffled = np.random.default_rng([self.seed, epoch]).permutation(self.length)
            self.epochs = {k: v for k, v in self.epochs.items() if k == epoch - 1}
            self.epochs[epoch] = self._drawn(epoch)[shuffled]
        return self.epochs[epoch]

    def _drawn(self, epoch: int) -> np.ndarray:
        return joined.repeated(self.weights, np.random.default_rng([self.seed, epoch, 4]))
