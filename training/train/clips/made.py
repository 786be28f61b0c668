"""The network of a recipe, and those of the runs that teach it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from pocketvision.record import Record
from pocketvision.record.clips import Clips as ClipsPart

from ... import models
from ...data.clips.base import Clips
from ...models.registry import CLIPS, Entry
from ...models.vtn import start
from ...models.vtn.network import VTN, TwoStream
from ...run import state
from .outcome import TRAINED, trained
from .recipe import Recipe

Network = VTN | TwoStream


def entry(recipe: Recipe, classes: int) -> Entry:
    """The registry's entry of the recipe's network.

    Raises:
        ValueError: no such model, or one of another task, or a change that it does not take.
    """
    found = models.entry(recipe.model)
    if found.task != CLIPS or found.architecture is None:
        raise ValueError(
            f"model: {recipe.model} is a network for {found.task}, not for clips; those are "
            f"{', '.join(models.names(CLIPS))}"
        )
    changes = {key: value for key, value in asdict(recipe.network).items() if value is not None}
    given = {"embedding": classes, "size": recipe.data.size, "frames": recipe.data.frames}
    return models.built(found.name, dict(found.architecture) | changes | given)


def network(recipe: Recipe, found: Entry, data: Path) -> tuple[Network, str]:
    """The network with the weights that it starts from, and what those are.

    Raises:
        FileNotFoundError, ValueError: those weights are not there or do not fit.
    """
    made = found.make()
    assert isinstance(made, VTN | TwoStream) and found.architecture is not None
    if recipe.start.network:
        start.fit(made, data / recipe.start.network)
        return made, f"the network {recipe.start.network}"
    if recipe.start.encoder:
        told = start.start(made, found.architecture["encoder"], recipe.start.encoder, data)
        return made, f"the encoder's of {told}"
    return made, "random numbers"


def sized(clips: Tensor, size: int) -> Tensor:
    """Uint8 or float (N, T, C, S, S) at ``size`` pixels."""
    if clips.shape[-1] == size:
        return clips
    flat = clips.flatten(0, 1).float()
    small = F.interpolate(flat, (size, size), mode="bilinear", antialias=True)
    return small.unflatten(0, clips.shape[:2])


class Teacher:
    """The network of a run that is through; ``channels``: that it needs of a clip.

    Raises:
        FileNotFoundError: no such run, or it is not through.
        ValueError: it has other classes, or another window, or was trained on clips that the
            student is tested on, which would tell it their classes.
    """

    def __init__(self, run: Path, train: Clips, test: Clips, frames: int, device: torch.device):
        weights = run / "model.safetensors"
        if not weights.is_file():
            raise FileNotFoundError(f"{run}: no {weights.name}; the teacher's run is not through")
        record = Record.from_json(weights.with_suffix(".json").read_text(encoding="utf-8"))
        part = record.part
        if not isinstance(part, ClipsPart) or record.architecture is None:
            raise ValueError(f"{run}: a teacher for {record.task}, expected one for clips")
        if part.classes != train.names:
            raise ValueError(f"{run}: teaches the classes {part.classes}, expected {train.names}")
        if part.frames != frames:
            raise ValueError(f"{run}: sees {part.frames} frames, the student {frames}")
        if seen := sorted(set(trained(run / TRAINED)) & {row.path for row in test.rows}):
            raise ValueError(
                f"{run}: its teacher was trained on {len(seen)} of the clips that the student is "
                f"tested on, the first {seen[0]}; train it with the same folds or lists"
            )
        made = models.built(record.name, record.architecture).make()
        assert isinstance(made, VTN | TwoStream)
        state.load_weights(weights, made)
        self.network = made.to(device).eval().requires_grad_(False)
        self.size, self.channels = record.preprocess["size"][0], made.channels

    def __call__(self, clips: Tensor) -> Tensor:
        """Logits of clips, pixels 0 to 255 of any size."""
        with torch.no_grad():
            return self.network(self.network.scale(sized(clips, self.size)))
