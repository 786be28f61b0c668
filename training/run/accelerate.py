"""Makes the training step of PReLU and some depthwise kernels fast on CPUs, same results.

PyTorch's PReLU backward writes a slope gradient as large as the activation and then sums it:
40 % of a PocketNet step. TorchInductor fuses the two into one pass (4 to 5 times faster). The
gradients of a depthwise kernel that is 5x5 or larger, strided or dilated are in oneDNN 1.3 to 20
times as slow in bfloat16 as in float32: three layers of stride 2 took 43 % of a FaceChain step.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@functools.cache
def _fused_prelu() -> Callable[[Tensor, Tensor], Tensor]:
    def prelu(x: Tensor, slope: Tensor) -> Tensor:
        return torch.where(x > 0, x, x * slope.view(1, -1, 1, 1).to(x.dtype))

    torch._dynamo.config.cache_size_limit = max(torch._dynamo.config.cache_size_limit, 256)
    return torch.compile(prelu, dynamic=False)


def _prelu_forward(module: nn.PReLU, x: Tensor) -> Tensor:
    if not module.training:
        return F.prelu(x, module.weight)
    return _fused_prelu()(x, module.weight)


def _depthwise_forward(module: nn.Conv2d, x: Tensor) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        y = F.conv2d(
            x.float(),
            module.weight,
            module.bias,
            module.stride,
            module.padding,
            module.dilation,
            module.groups,
        )
    return y.to(x.dtype)


def _slow_depthwise(module: nn.Conv2d) -> bool:
    large = module.kernel_size[0] >= 5 and module.padding != (0, 0)
    return module.groups == module.in_channels > 1 and (
        large or max(module.stride) > 1 or max(module.dilation) > 1
    )


def accelerate(model: nn.Module) -> nn.Module:
    """Swaps the two slow forwards in place and moves the model to channels_last.

    The parameters, their names and (up to rounding) their gradients are unchanged. Needs a C++
    compiler on the machine; TorchInductor says so when there is none. On a GPU the forwards stay:
    they are slow on CPUs only.
    """
    on_cpu = all(value.device.type == "cpu" for value in model.parameters())
    for module in model.modules() if on_cpu else ():
        if isinstance(module, nn.PReLU):
            module.forward = functools.partial(_prelu_forward, module)  # type: ignore[method-assign]
        elif isinstance(module, nn.Conv2d) and _slow_depthwise(module):
            module.forward = functools.partial(_depthwise_forward, module)  # type: ignore[method-assign]
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def fast_bfloat16() -> bool:
    """Whether bfloat16 multiplies faster than float32 on this processor.

    AVX-512 alone is not enough: oneDNN emulates bfloat16 there, and matrices take four times as
    long as in float32.
    """
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def keep_memory() -> bool:
    """Lets this process keep what it frees for the next step; whether the C library can.

    A map of a training step is larger than what glibc keeps, so each one would be new pages that
    the kernel fills with zeros first: an eighth of a FaceChain step in float32.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return False
    trim_threshold, most_maps = -1, -4  # of malloc.h
    return bool(mallopt(trim_threshold, -1) and mallopt(most_maps, 0))
