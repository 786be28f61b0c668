"""The device of a run: this rank's own GPU where there is one, otherwise the processor."""

from __future__ import annotations

import contextlib
import os
from contextlib import AbstractContextManager

import torch

from .accelerate import fast_bfloat16

CPU = torch.device("cpu")


def choose(wish: str) -> torch.device:
    """The device that a recipe's ``device`` (auto, cpu or cuda) asks for, made the current one.

    Raises:
        ValueError: "cuda" where there is none, or more ranks on this machine than GPUs.
    """
    found = torch.cuda.is_available()
    if wish == "cpu" or (wish == "auto" and not found):
        return CPU
    if not found:
        raise ValueError(
            f"device: expected a CUDA GPU, but torch {torch.__version__} finds none; install the "
            'GPU\'s driver and a CUDA build of torch, or set device = "auto" in the recipe'
        )
    # torchrun numbers the ranks of each machine from 0, as CUDA numbers its GPUs.
    local, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if local >= count:
        raise ValueError(
            f"device: expected a GPU for each rank, got {count} for rank {local} of this machine; "
            f'start torchrun with --nproc-per-node {count}, or set device = "cpu" in the recipe'
        )
    torch.cuda.set_device(local)
    torch.backends.cudnn.benchmark = True  # sizes stay the same from step to step
    return torch.device("cuda", local)


def bfloat16(precision: str, device: torch.device) -> bool:
    """Whether networks compute in bfloat16; "auto": where the device multiplies it faster."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and fast_bfloat16()


def autocast(device: torch.device, enabled: bool) -> AbstractContextManager[None]:
    """Bfloat16 where ``enabled``, else off whatever is around; nothing on devices without autocast.

    torch refuses to be asked about those; "meta", on which the tests run the loop, is one.
    """
    if not torch.amp.is_autocast_available(device.type):
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)
