"""Distils a teacher's embedding into a registered model; resumes by the same command.

python -m pocketvision.training.distill RECIPE.toml --out DIR
python -m pocketvision.training.distill RECIPE.toml --out DIR --minutes 2    # a quick look
python -m pocketvision.training.distill RECIPE.toml --out DIR --start FILE   # from these weights
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import time
import tomllib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from .. import models
from ..accelerate import accelerate
from ..data import faces
from ..losses.embedding import embedding_regression
from . import teacher


def batch_at(
    crops: np.ndarray,
    indices: np.ndarray,
    mirror: torch.Tensor,
    size: int,
    generator: torch.Generator,
) -> torch.Tensor:
    """Float32 (B, 3, size, size) in [-1, 1]: mirrored, jittered in position, scale and light."""
    pixels = torch.from_numpy(np.asarray(crops[np.sort(indices)][np.argsort(np.argsort(indices))]))
    x = pixels.permute(0, 3, 1, 2).float().sub_(127.5).div_(127.5)
    x = torch.where(mirror.view(-1, 1, 1, 1), x.flip(3), x)
    shift = (torch.rand(2, generator=generator) * 2 - 1) * 0.04
    scale = 1 + (torch.rand(1, generator=generator) * 2 - 1) * 0.05
    theta = torch.zeros(len(x), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = shift
    if size < x.shape[-1]:
        x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
    x = F.grid_sample(x, F.affine_grid(theta, list(x.shape), False), "bilinear", "border", False)
    gain = 1 + (torch.rand(len(x), 1, 1, 1, generator=generator) * 2 - 1) * 0.2
    bias = (torch.rand(len(x), 3, 1, 1, generator=generator) * 2 - 1) * 0.1
    x = (x * gain + bias).clamp_(-1, 1)
    return x.contiguous(memory_format=torch.channels_last)


def learning_rate(peak: float, progress: float) -> float:
    """Linear warm-up over the first 2 % of the budget, then cosine to zero."""
    warm = min(1.0, progress / 0.02)
    return peak * warm * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def save(path: Path, state: dict) -> None:
    """Writes a resume point to a temporary name, then renames."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def run(recipe: dict, data: Path, out: Path, threads: int, start: Path | None = None) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(recipe["seed"])
    out.mkdir(parents=True, exist_ok=True)
    entry = models.entry(recipe["model"])
    paths = recipe["data"]
    rows = faces.read_list(data / paths["list"])
    crops = faces.load_crops(data / paths["root"], [r[0] for r in rows], out / "crops.npy")
    cached = teacher.cached(data / paths["teacher"], crops, out / "teacher.npy")
    targets = torch.from_numpy(teacher.project(cached, entry.embedding))

    model = entry.make()
    if start is not None:
        model.load_state_dict(load_file(start))
    model = accelerate(model).train()
    optimiser = torch.optim.SGD(
        model.parameters(),
        lr=0.0,
        momentum=recipe["momentum"],
        weight_decay=recipe["weight_decay"],
        nesterov=True,
    )
    step, elapsed, running = 0, 0.0, 0.0
    checkpoint = out / "last.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        step, elapsed, running = state["step"], state["elapsed"], state["loss"]
        print(f"resumed at step {step}, {elapsed / 60:.1f} min")

    bfloat16 = torch.backends.cpu.get_cpu_capability() == "AVX512"
    budget, saved = recipe["minutes"] * 60, elapsed
    with open(out / "log.csv", "a", newline="") as file:
        log = csv.writer(file)
        while elapsed < budget:
            began = time.monotonic()
            progress = elapsed / budget
            size = next(size for share, size in recipe["phases"] if progress < share)
            generator = torch.Generator().manual_seed(recipe["seed"] * 1_000_003 + step)
            indices = torch.randint(len(crops), (recipe["batch"],), generator=generator)
            mirror = torch.rand(len(indices), generator=generator) < 0.5
            x = batch_at(crops, indices.numpy(), mirror, size, generator)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(recipe["learning_rate"], progress)
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                embedding = model(x)
            loss = embedding_regression(embedding, targets[mirror.long(), indices])
            if not torch.isfinite(loss):
                raise FloatingPointError(
                    f"loss is {loss.item()} at step {step}; {checkpoint} keeps the last good "
                    "state: lower learning_rate in the recipe and start again"
                )
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe["clip"])
            optimiser.step()
            # A suspended process must not eat the budget: no honest step takes a minute.
            elapsed += min(time.monotonic() - began, 60.0)
            step += 1
            running = loss.item() if step == 1 else 0.95 * running + 0.05 * loss.item()
            if step % 10 == 0:
                rate = group["lr"]
                log.writerow([step, f"{elapsed:.1f}", size, f"{rate:.5f}", f"{running:.5f}"])
                file.flush()
                print(
                    f"step {step} {elapsed / 60:.1f}/{recipe['minutes']} min {size} px "
                    f"lr {rate:.4f} loss {running:.4f}",
                    flush=True,
                )
            if elapsed - saved > recipe["checkpoint_minutes"] * 60 or elapsed >= budget:
                saved = elapsed
                state = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
                save(checkpoint, state | {"step": step, "elapsed": elapsed, "loss": running})
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, out / "model.safetensors")
    print(f"done: {step} steps, {out / 'model.safetensors'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="a safetensors file of the same model")
    parser.add_argument("--minutes", type=float, help="training time instead of the recipe's")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if "POCKETVISION_DATA" not in os.environ:
        parser.error("set POCKETVISION_DATA to the folder that holds train_112 and its list")
    recipe = tomllib.loads(arguments.recipe.read_text())
    if arguments.minutes:
        recipe["minutes"] = arguments.minutes
    run(
        recipe,
        Path(os.environ["POCKETVISION_DATA"]),
        arguments.out,
        arguments.threads,
        arguments.start,
    )


if __name__ == "__main__":
    main()
