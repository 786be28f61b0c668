"""Weights between those of a network and of its fine-tuned form (WiSE-FT, arXiv 2109.01903)."""

from __future__ import annotations

import torch
from torch import Tensor

State = dict[str, Tensor]


def between(parent: State, child: State, share: float) -> State:
    """``share`` of ``child`` and the rest of ``parent``, tensor by tensor.

    Batch norms' means and variances lie between too; counters are the parent's.

    Args:
        parent, child: state dicts of one network.
        share: 0 (the parent) to 1 (the child).

    Raises:
        ValueError: names or shapes differ, or the share is out of range.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share: expected 0 to 1, got {share}")
    both = parent.keys() & child.keys()
    apart = {name for name in both if parent[name].shape != child[name].shape}
    apart |= parent.keys() ^ child.keys()
    if apart:
        raise ValueError(
            f"parent and child: expected weights of one network, but {len(apart)} tensors differ "
            f"in name or shape, such as {min(apart)}"
        )
    return {
        name: torch.lerp(value, child[name], share) if value.is_floating_point() else value
        for name, value in parent.items()
    }
