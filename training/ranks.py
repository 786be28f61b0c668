"""One process or many under torchrun: ranks, gathered tensors, batch norm over the whole batch."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather, all_reduce


def start() -> None:
    """Joins the process group that torchrun's environment describes; nothing without it."""
    if "WORLD_SIZE" in os.environ and int(os.environ["WORLD_SIZE"]) > 1:
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def stop() -> None:
    """Leaves the process group."""
    if dist.is_initialized():
        dist.destroy_process_group()


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def barrier() -> None:
    """Waits for all ranks."""
    if dist.is_initialized():
        dist.barrier()


def once(path: Path, make: Callable[[], None]) -> None:
    """The first rank makes the file ``path`` where it is absent; all wait until it is there."""
    if rank() == 0 and not path.exists():
        make()
    barrier()


def share(batch: int) -> slice:
    """This rank's rows of a batch.

    Raises:
        ValueError: the ranks do not divide the batch.
    """
    if batch % world():
        raise ValueError(f"batch: {batch} is not divisible by {world()} ranks; choose another size")
    each = batch // world()
    return slice(rank() * each, (rank() + 1) * each)


def gathered(rows: Tensor) -> Tensor:
    """The whole batch (B, ...) of every rank's equal share; gradients flow back to their owners.

    Every rank then computes the whole batch's loss; the average that DistributedDataParallel takes
    of the ranks' gradients is the gradient of that one loss.
    """
    if world() == 1:
        return rows
    return torch.cat(all_gather(rows.contiguous())) if rows.requires_grad else _plain(rows)


def _plain(rows: Tensor) -> Tensor:
    parts = [torch.empty_like(rows) for _ in range(world())]
    dist.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch norm with the statistics of all ranks' rows, for processes without GPUs."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or world() == 1:
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None
        real = x.float()
        count = real.numel() / real.shape[1] * world()
        mean = all_reduce(real.sum((0, 2, 3))) / count
        centred = real - mean.view(1, -1, 1, 1)
        variance = all_reduce(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            rate = 0.1 if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, rate)
            self.running_var.lerp_(variance * count / (count - 1), rate)
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
        gain = self.weight * torch.rsqrt(variance + self.eps)
        y = centred * gain.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return y.to(x.dtype)


def synchronised(model: nn.Module) -> nn.Module:
    """``model`` with batch norms over all ranks: torch's own on GPUs, ours elsewhere."""
    if world() == 1:
        return model
    if torch.cuda.is_available():
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = GlobalBatchNorm2d
    return model


def parallel(model: nn.Module) -> Any:
    """``model``, with gradients averaged over ranks where there are several."""
    if world() == 1:
        return model
    return nn.parallel.DistributedDataParallel(model)
