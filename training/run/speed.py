"""Images per second of one training step, forward and backward, beside the plain eager loop.

    python -m pocketvision.training.run.speed

The plain loop is what a tutorial writes: eager PyTorch, float32, NCHW. Ours is what the runner
does: ``accelerate``, channels last, bfloat16 where the processor multiplies it. Same network, same
weights, same batch, all cores, steps taken in turn.
"""

from __future__ import annotations

import argparse
import copy
import os
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from pocketvision.bench.measure import interleave

from .. import models
from .accelerate import accelerate, fast_bfloat16


def step(model: nn.Module, x: Tensor, wide: bool) -> Callable[[], None]:
    """One forward and backward of ``x``, gradients dropped."""

    def run() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=wide):
            embedding = model(x)
        embedding.float().square().mean().backward()
        model.zero_grad()

    return run


def measure(name: str, batch: int, size: int, rounds: int) -> list[dict[str, object]]:
    """Rows with images/s (median, quartiles) and the ratio to the plain loop."""
    torch.manual_seed(0)
    plain = models.create(name).train()
    fast = accelerate(copy.deepcopy(plain))
    x = torch.randn(batch, 3, size, size)
    wide = fast_bfloat16()
    runs = {
        "eager, float32, NCHW": step(plain, x, False),
        f"ours, {'bfloat16' if wide else 'float32'}, NHWC": step(
            fast, x.contiguous(memory_format=torch.channels_last), wide
        ),
    }
    for run in runs.values():
        run()  # compiles, and fills caches
    times = interleave(list(runs.values()), rounds)
    return [
        {
            "loop": loop,
            "images_per_second": 1e3 * batch / time.median,
            "low": 1e3 * batch / time.upper,
            "high": 1e3 * batch / time.lower,
            "ratio": times[0].median / time.median,
        }
        for loop, time in zip(runs, times, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="pocketnet-s-128")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, default=112, help="pixels")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    rows = measure(given.name, given.batch, given.size, given.rounds)
    cores = len(os.sched_getaffinity(0))
    table = Table(
        "loop", "images/s", "quartiles", "times the plain loop",
        title=f"{given.name}, forward and backward, batch {given.batch} at {given.size} pixels, "
        f"{torch.get_num_threads()} threads on {cores} cores, torch {torch.__version__}",
    )  # fmt: skip
    for row in rows:
        table.add_row(
            str(row["loop"]),
            f"{row['images_per_second']:.1f}",
            f"{row['low']:.1f} to {row['high']:.1f}",
            f"{row['ratio']:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
