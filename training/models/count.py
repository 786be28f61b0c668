"""Counts parameters, MACs and FLOPs of a network in the two conventions of the face papers.

    python -m pocketvision.training.models.count pocketnet-s-128

PocketNet's counter: 2 per convolution or linear MAC, 2 per batch-norm output element, 1 per PReLU
element, kernel area per pool output. insightface's (and the LFR challenge's): a convolution without
bias costs ``(2 Cin k k - 1) / groups`` per output element, one with bias ``2 Cin k k / groups``, a
linear layer 2 per MAC (less one per output without bias); everything else is free. Products of two
activations (attention) cost 2 per MAC in both.
"""

from __future__ import annotations

import argparse
import copy
import math
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from . import registry


@dataclass(frozen=True)
class Row:
    """One layer: output shape without batch, parameters, MACs, FLOPs in both conventions."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int
    pocketnet_flops: int
    insightface_flops: int


@dataclass(frozen=True)
class Count:
    """All layers in the order they run; the totals are sums over rows."""

    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def macs(self) -> int:
        return sum(row.macs for row in self.rows)

    @property
    def pocketnet_flops(self) -> int:
        return sum(row.pocketnet_flops for row in self.rows)

    @property
    def insightface_flops(self) -> int:
        return sum(row.insightface_flops for row in self.rows)


def _square(kernel: int | tuple[int, int]) -> int:
    """Elements of a pooling window."""
    return kernel * kernel if isinstance(kernel, int) else kernel[0] * kernel[1]


def count(model: nn.Module, size: int = 112, shape: tuple[int, ...] | None = None) -> Count:
    """Counts one picture of ``size`` x ``size`` pixels through ``model``, which is left alone.

    ``shape``: of the input without its batch, such as that of a registry's entry; a clip's frames
    all count. A row's shape is that of one picture.

    Runs on the meta device: no arithmetic, no memory. Layers are counted as the architecture
    defines them, also where a forward fuses two of them.
    """
    shadow = copy.deepcopy(model).to("meta").eval()
    rows: list[Row] = []
    for name, module in shadow.named_modules():
        if getattr(module, "foldable", False):
            module.foldable = False  # run both convolutions, so that both hooks fire
        if not list(module.children()):
            module.register_forward_hook(
                lambda layer, inputs, output, name=name: rows.append(
                    _row(name, layer, inputs[0], output)
                )
            )
    with torch.no_grad():
        shadow(torch.zeros(1, *(shape or (3, size, size)), device="meta"))
    counted = Count(tuple(rows))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if counted.parameters != parameters:
        raise ValueError(
            f"the forward ran layers of {counted.parameters} parameters, the model has "
            f"{parameters}: a layer is skipped or runs twice, so these counts would be wrong"
        )
    return counted


def _row(name: str, layer: nn.Module, x: Tensor, y: Tensor) -> Row:
    elements = y.numel()  # the batch is one picture, or one clip of several
    macs = pocketnet = insightface = 0
    if isinstance(layer, nn.Conv2d):
        taps = layer.in_channels * math.prod(layer.kernel_size)
        macs = taps * elements // layer.groups
        pocketnet = 2 * macs
        insightface = (2 * taps - (layer.bias is None)) * elements // layer.groups
    elif isinstance(layer, nn.Linear):
        macs = layer.in_features * elements
        pocketnet = 2 * macs
        insightface = 2 * macs - (layer.bias is None) * elements
    elif isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
        pocketnet = 2 * elements
    elif isinstance(layer, nn.PReLU):
        pocketnet = elements
    elif isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
        pocketnet = _square(layer.kernel_size) * elements
    elif isinstance(layer, nn.AdaptiveAvgPool2d):
        pocketnet = x.numel()
    elif products := getattr(layer, "macs", None):
        macs = products(y)
        pocketnet = insightface = 2 * macs
    parameters = sum(parameter.numel() for parameter in layer.parameters())
    kind = type(layer).__name__
    return Row(name, kind, tuple(y.shape[1:]), parameters, macs, pocketnet, insightface)


def table(name: str, counted: Count) -> Table:
    """Every layer that costs something, and the totals."""
    grid = Table(title=f"{name}: one input, FLOPs by both counters", show_footer=True)
    totals = ("", "", f"{counted.parameters:,}", f"{counted.macs / 1e6:.2f} M")
    flops = (f"{counted.pocketnet_flops / 1e6:.2f} M", f"{counted.insightface_flops / 1e6:.2f} M")
    headers = ("kind", "output", "parameters", "MACs", "PocketNet FLOPs", "insightface FLOPs")
    grid.add_column("layer", footer="total", overflow="fold")
    for header, total in zip(headers, (*totals, *flops), strict=True):
        grid.add_column(header, footer=total, justify="right")
    for row in counted.rows:
        if row.parameters or row.pocketnet_flops:
            figures = (row.parameters, row.macs, row.pocketnet_flops, row.insightface_flops)
            shape = "x".join(map(str, row.shape))
            grid.add_row(row.name, row.kind, shape, *(f"{value:,}" for value in figures))
    return grid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help=f"one of: {', '.join(registry.names(None))}")
    name = parser.parse_args().name
    try:
        entry = registry.entry(name)
    except KeyError as error:
        parser.error(error.args[0])
    Console(width=140).print(table(name, count(entry.make(), shape=entry.shape)))


if __name__ == "__main__":
    main()
