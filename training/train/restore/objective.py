"""What generator and discriminators lose, term by term; and whether one of them has given up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...distill import residual, teacher
from ...models.rim.adversaries import FeatureDiscriminator, ImageDiscriminator
from ...models.rim.generator import FHN, Restored
from .recipe import Recipe

Embed = Callable[[Tensor], Tensor]
"""Unit (N, D) of pictures (N, 3, H, W) in [-1, 1], with gradients to them."""

WON = 0.98
"""Share of right answers from which on a discriminator teaches nothing any more."""

PATIENCE = 50
"""Steps in a row after which that is said."""


def recogniser(name: str, root: Path, device: torch.device) -> Embed:
    """A frozen teacher that gradients pass through.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it does not run in torch.
    """
    source = teacher.open_teacher(name, root, device)
    network = residual.network_of(source).requires_grad_(False).eval()
    raw = isinstance(source, teacher.ConvertedTeacher)  # as its file takes them: 0..255

    def embed(pictures: Tensor) -> Tensor:
        return F.normalize(network(pictures * 127.5 + 127.5 if raw else pictures).float(), dim=1)

    return embed


class Adversaries(nn.Module):
    """The discriminators that a recipe asks for; None for a weight of 0."""

    def __init__(self, recipe: Recipe, generator: FHN):
        super().__init__()
        width, losses = recipe.discriminator, recipe.losses
        self.image = ImageDiscriminator(width) if losses.image else None
        self.domain = FeatureDiscriminator(generator.features, width) if losses.domain else None


def generator_terms(
    recipe: Recipe, found: Restored, sharp: Tensor, masks: Tensor | None, embed: Embed | None,
    adversaries: Adversaries,
) -> dict[str, Tensor]:  # fmt: skip
    """Weighted scalars whose sum the generator loses.

    Args:
        found: of the far faces; ``sharp`` (N, 3, H, H) the same faces as they should be.
        masks: int64 (M, grid, grid) of the last M rows.
    """
    weights = recipe.losses
    terms = {
        "coarse": weights.pixel * F.l1_loss(found.coarse, sharp),
        "pixel": weights.pixel * F.l1_loss(found.image, sharp),
    }
    if embed is not None and weights.feature:
        with torch.no_grad():
            wanted = embed(sharp)
        terms["feature"] = weights.feature * (1 - (embed(found.image) * wanted).sum(1)).mean()
    if masks is not None and weights.parts:
        terms["parts"] = weights.parts * F.cross_entropy(found.parts[-len(masks) :], masks)
    if adversaries.image is not None:
        terms["image"] = weights.image * F.softplus(-adversaries.image(found.image)[0]).mean()
    if adversaries.domain is not None:
        terms["domain"] = weights.domain * F.softplus(-adversaries.domain(found.features)).mean()
    return terms


def adversary_terms(
    adversaries: Adversaries, found: Restored, sharp: Tensor, sharp_features: Tensor | None
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """What the discriminators lose, and the share of right answers of each.

    ``sharp_features``: what the decoder is given of the sharp faces.
    """
    terms, right = {}, {}
    pairs: dict[str, tuple[Tensor, Tensor]] = {}
    if adversaries.image is not None:
        pairs["image"] = adversaries.image(sharp)[0], adversaries.image(found.image.detach())[0]
    if adversaries.domain is not None and sharp_features is not None:
        real = adversaries.domain(sharp_features.detach())
        pairs["domain"] = real, adversaries.domain(found.features.detach())
    for name, (real, made) in pairs.items():
        terms[f"{name} told"] = F.softplus(-real).mean() + F.softplus(made).mean()
        right[name] = float(((real > 0).float().mean() + (made <= 0).float().mean()) / 2)
    return terms, right


class Watch:
    """Says when a discriminator has been right nearly always for long: the generator then learns
    nothing from it."""

    def __init__(self) -> None:
        self.runs: dict[str, int] = {}

    def look(self, right: dict[str, float]) -> list[str]:
        """Lines to print, one at the step that makes the run too long."""
        lines = []
        for name, share in right.items():
            self.runs[name] = self.runs.get(name, 0) + 1 if share >= WON else 0
            if self.runs[name] == PATIENCE:
                lines.append(
                    f"warning: the discriminator of {name} is right in {share:.0%} and has been "
                    f"for {PATIENCE} steps; lower rates.discriminators or losses.{name}"
                )
        return lines


def finite(losses: dict[str, Tensor], who: str, step: int, kept: Path) -> None:
    """FloatingPointError that names ``who`` and the term, where one is not a number."""
    for name, value in losses.items():
        if not torch.isfinite(value):
            raise FloatingPointError(
                f"the {who}'s loss {name} is {value.item()} at step {step}; {kept} keeps the last "
                "good state: lower its rate in the recipe and start again"
            )
