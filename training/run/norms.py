"""Batch norms that keep the statistics they start with, for sets too small to have their own."""

from __future__ import annotations

from typing import Any

from torch import nn


def keep_statistics(model: nn.Module) -> nn.Module:
    """Pins every batch norm of ``model`` in evaluation mode; its factor and offset still learn.

    The mean and variance of a few people are not those of all faces, and a running mean forgets the
    start weights' within some ten batches.
    """

    def stay(mode: bool = True) -> Any:
        return None

    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
            module.train = stay  # type: ignore[method-assign, assignment]
    return model
