"""One process or many under torchrun: ranks, gathered tensors, batch norm over the whole batch."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd import Function


def start() -> None:
    """Joins the process group that torchrun's environment describes; nothing without it.

    Where there are GPUs, NCCL carries the tensors on them and gloo those of the processor: a
    recipe may ask for either device, and whole tables are gathered off the GPUs.
    """
    if "WORLD_SIZE" in os.environ and int(os.environ["WORLD_SIZE"]) > 1:
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")


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
    return _Gathered.apply(rows) if rows.requires_grad else _plain(rows)


def _plain(rows: Tensor) -> Tensor:
    own = rows.contiguous()
    parts = [torch.empty_like(own) for _ in range(world())]
    dist.all_gather(parts, own)
    return torch.cat(parts)


class _Gathered(Function):
    """All ranks' rows. torch's own version asks a group for its backend, and ours may have two."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        return _plain(rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _sum(gradient).tensor_split(world())[rank()]


class _Summed(Function):
    """The sum over ranks; its gradient sums what all ranks have done with it."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return _sum(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _sum(gradient)


def _sum(value: Tensor) -> Tensor:
    whole = value.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(whole)
    return whole


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch norm with the statistics of all ranks' rows, for processes without GPUs."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or world() == 1:
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None
        real = x.float()
        count = real.numel() / real.shape[1] * world()
        mean = _Summed.apply(real.sum((0, 2, 3))) / count
        centred = real - mean.view(1, -1, 1, 1)
        variance = _Summed.apply(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            rate = 0.1 if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, rate)
            self.running_var.lerp_(variance * count / (count - 1), rate)
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
        gain = self.weight * torch.rsqrt(variance + self.eps)
        y = centred * gain.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return y.to(x.dtype)


def synchronised(model: nn.Module, device: torch.device) -> nn.Module:
    """``model`` with batch norms over all ranks: torch's own on GPUs, ours elsewhere."""
    if world() == 1:
        return model
    if device.type == "cuda":
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
