"""Zero-cost proxies: what an untrained network says of itself, and ranks of several combined.

J. Lee, B. Ham, "AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search", CVPR 2024,
arXiv 2403.19232. Of a chain of blocks with outputs ``X_1 .. X_L`` (here the layers of an
:class:`Inverted`), at the first weights and for one batch:

- expressivity: how evenly a feature fills its space. The entropy of the normalised eigenvalues of
  the covariance over channels, summed over blocks (section 3.1);
- progressivity: the least rise of that entropy from block to block (3.2);
- trainability: how far a gradient keeps its length through a block. With random signs ``g`` at its
  output and their image ``h`` at its input, the block's Jacobian is taken for the mean of ``h g'``
  over pictures and places, of spectral norm ``s``; the mean over blocks of ``2 - s - 1/s`` (3.3).
  Where a block halves the map, the four places under one of the output are channels of ``h``;
- complexity: multiply-accumulates (3.4).

Compared with the authors' code (``ZeroShotProxy/compute_az_nas_score.py``, 2026-11-27), formula by
formula. Not as there: weights are Kaiming's of the family, normal numbers stand for pictures by default,
and of a block that adds its input the whole is taken, as an architecture's user sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..models.count import count
from ..models.inverted import Inverted

BATCH = 32
COMBINED = ("expressivity", "progressivity", "trainability", "macs")
"""The four whose ranks AZ-NAS combines."""


@dataclass(frozen=True)
class Scores:
    """Of one network; of each more is held to be better."""

    expressivity: float
    progressivity: float
    trainability: float
    macs: int
    parameters: int

    def named(self) -> dict[str, float]:
        return {name: float(value) for name, value in asdict(self).items()}


def scores(net: Inverted, size: int, seed: int = 0, x: Tensor | None = None) -> Scores:
    """All scores of ``net`` with its weights as they are, in training mode.

    Args:
        size: pixels of the input.
        seed: of the signs, and of the batch where none is given.
        x: float32 (B, 3, size, size), B at least 2.
    """
    generator = torch.Generator().manual_seed(seed)
    if x is None:
        x = torch.randn(BATCH, 3, size, size, generator=generator)
    counted = count(net, size)
    was = net.training
    net.train()
    try:
        entropies, norms = _through(net, x, generator)
    finally:
        net.train(was)
    rises = [after - before for before, after in zip(entropies, entropies[1:], strict=False)]
    return Scores(
        expressivity=sum(entropies),
        progressivity=min(rises, default=0.0),
        trainability=float(np.mean([2 - s - 1 / max(s, 1e-6) for s in norms])),
        macs=counted.macs,
        parameters=counted.parameters,
    )


def _through(net: Inverted, x: Tensor, generator: torch.Generator) -> tuple[list[float], list]:
    """Entropy of each block's output, and the norm of its Jacobian."""
    entropies, norms = [], []
    with torch.no_grad():
        state = net.stem(x)
    for block in net.blocks:
        before = state.detach().requires_grad_()
        after = block(before)
        entropies.append(_entropy(after.detach()))
        norms.append(_norm(before, after, generator))
        state = after.detach()
    return entropies, norms


def _entropy(feature: Tensor) -> float:
    """Of the normalised eigenvalues of the covariance over channels of (B, C, H, W)."""
    rows = feature.permute(0, 2, 3, 1).flatten(0, 2).double()
    rows = rows - rows.mean(dim=0)
    values = torch.linalg.eigvalsh(rows.T @ rows / len(rows)).clamp(min=0)
    shares = values / values.sum().clamp(min=1e-12)
    return float(-(shares * (shares + 1e-12).log()).sum())


def _norm(before: Tensor, after: Tensor, generator: torch.Generator) -> float:
    """The spectral norm of the mean outer product of signs and their image."""
    signs = torch.randint(0, 2, after.shape, generator=generator, dtype=after.dtype) * 2 - 1
    (image,) = torch.autograd.grad(after, before, signs)
    stride = before.shape[-1] // after.shape[-1]
    if stride > 1:
        image = F.pixel_unshuffle(
            image[..., : after.shape[-2] * stride, : after.shape[-1] * stride], stride
        )
    rows = signs.permute(0, 2, 3, 1).flatten(0, 2)
    columns = image.permute(0, 2, 3, 1).flatten(0, 2)
    mean = columns.T.double() @ rows.double() / len(rows)
    return float(torch.linalg.matrix_norm(mean, ord=2))


def combined(table: Sequence[Mapping[str, float]], names: Sequence[str] = COMBINED) -> np.ndarray:
    """AZ-NAS' score of each of several networks: the sum over ``names`` of log(rank / count).

    The best has rank ``count``; equals share the mean of their ranks. 0 at most. A rank near the
    end of any proxy weighs more than a better one elsewhere can mend (section 3.5).
    """
    from scipy.stats import rankdata

    columns = [[row[name] for row in table] for name in names]
    ranks = np.array([rankdata(column) for column in columns])
    return np.asarray(np.log(ranks / len(table)).sum(axis=0))
