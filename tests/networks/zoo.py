"""The list of networks that people really have: builders, sizes and published counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import onnx

from .families import (
    densenet,
    efficientnet,
    ghostnet,
    mobilenet,
    mobilenet_v3,
    mobilenet_v4,
    regnet,
    repvgg,
    resnet,
    shufflenet,
    squeezenet,
)
from .small import ends, heads, maps, mlperf_tiny, spellings
from .writer import Net


@dataclass(frozen=True)
class Entry:
    """``make(size)`` builds the network; ``size`` is the published one, ``least`` a quick one.

    ``parameters`` is the published count, ``running`` whether it includes running statistics.
    """

    make: Callable[[int], Net]
    size: int
    least: int
    parameters: int | None = None
    running: bool = False


KNOWN: dict[Callable[[int], Net], int] = {
    resnet.resnet18: 11_689_512,
    resnet.resnet34: 21_797_672,
    mobilenet.mobilenet_v2: 3_504_872,
    mobilenet.mnasnet: 4_383_312,
    mobilenet_v3.mobilenet_v3_small: 2_542_856,
    mobilenet_v3.mobilenet_v3_large: 5_483_032,
    mobilenet_v4.mobilenet_v4_small: 3_774_024,
    efficientnet.efficientnet_b0: 5_288_548,
    efficientnet.efficientnet_lite0: 4_652_008,
    shufflenet.shufflenet_v2: 2_278_604,
    ghostnet.ghostnet: 5_182_508,
    squeezenet.squeezenet: 1_235_496,
    regnet.regnet: 5_495_976,
    repvgg.repvgg: 8_309_384,
    densenet.densenet121: 7_978_856,
}
TINY: dict[Callable[[int], Net], tuple[int, int]] = {
    mlperf_tiny.vww: (96, 221_794),
    mlperf_tiny.resnet8: (32, 78_666),
    mlperf_tiny.kws: (49, 24_908),
    mlperf_tiny.autoencoder: (640, 269_992),
}
SMALL: dict[Callable[[int], Net], int] = {
    heads.lenet: 28,
    heads.matmul_head: 32,
    heads.reduce_attribute: 32,
    heads.reduce_input: 32,
    heads.embedding: 32,
    heads.segmenter: 32,
    heads.detector: 64,
    maps.pad_node: 33,
    maps.unet: 32,
    maps.decoder: 8,
    maps.dilated: 32,
    maps.sound: 128,
    maps.grouped: 32,
    maps.rows: 32,
    maps.gates: 32,
    ends.two_inputs: 32,
    ends.channels_last: 32,
    ends.batch_of_four: 32,
    ends.dynamic_batch: 32,
    spellings.normalised: 32,
    spellings.batch_norms: 32,
    spellings.functions: 32,
    spellings.opset9: 32,
    spellings.opset11: 32,
    spellings.opset21: 32,
}

NETWORKS: dict[str, Entry] = {
    **{make.__name__: Entry(make, 224, 64, count) for make, count in KNOWN.items()},
    **{
        make.__name__: Entry(make, size, size, count, running=True)
        for make, (size, count) in TINY.items()
    },
    **{make.__name__: Entry(make, size, size) for make, size in SMALL.items()},
}


def build(name: str, size: int | None = None) -> onnx.ModelProto:
    """The float file of a network; ``size`` is of those alone that have more than one."""
    entry = NETWORKS[name]
    scales = size is not None and entry.size != entry.least
    return entry.make(size if scales and size else entry.size).model()
