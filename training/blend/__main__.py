"""One command from a network and its fine-tuned form to the weights between them.

    python -m pocketvision.training.blend training/recipes/far/facechain_125m.toml \\
        --parent training/weights/facechain-125m.safetensors \\
        --child runs/far_facechain_125m/model.safetensors --out runs/far_blend

The rule: measured is the agreement with the teacher's embeddings of people kept from training
(``held_out.py``), of sharp views and, mean over the sizes, of views of few pixels. The parent has
the most of the first, the child of the second; taken is the share at the knee between them, where
the part of the one that is kept and the part of the other that is won sum to the most. It needs no
weight of the one against the other. Shares that find fewer sharp people than the parent does, by
more than ``LOSS``, are out. No picture of LFW is looked at.

Batch norms between the two get statistics anew, of views that the recipe trains on: of three
quarters of FaceChain's child the mean agreement rises by 0.011 sharp, 0.018 at 28 and 0.016 at 20
pixels against statistics that lie between as the weights do (300 people, 2026-11-27).

Leaves ``model.safetensors``, ``share.json`` (which networks, share, rule and figures) and
``shares.csv``, which lists every share.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pocketvision.files import write_text

from .. import models
from ..evaluate.faces.far.forms import SIZES
from ..models.stored import checkpoint
from ..models.stored.describe import digest
from ..run.journal import write_rows
from ..run.state import save_weights
from ..train.faces.recipe import Recipe, read
from . import held_out, weights

LOSS = 0.003
"""Share of the sharp people whom the parent finds and a blend need not find."""

SHARES = tuple(index / 8 for index in range(9))
RECALIBRATING = 512
"""Pictures whose views give batch norms their statistics."""


@dataclass(frozen=True)
class Row:
    """Of one share: the people found first and the mean agreement, sharp, then at each size."""

    share: float
    found: tuple[float, ...]
    agreement: tuple[float, ...]

    @property
    def small(self) -> float:
        """The mean agreement over the sizes."""
        return float(np.mean(self.agreement[1:]))


def choose(rows: list[Row]) -> tuple[Row, list[float]]:
    """The row that the rule takes, and the sum of both parts of each; 1 at both ends.

    Args:
        rows: the first is the parent's, the last the child's.

    Raises:
        ValueError: the child has not less of sharp views and more of small ones, so that there is
            nothing to be had between the two.
    """
    first, last = rows[0], rows[-1]
    loss, gain = first.agreement[0] - last.agreement[0], last.small - first.small
    if loss <= 0 or gain <= 0:
        raise ValueError(
            f"child: expected to agree less of sharp views than the parent and more of small ones, "
            f"got {-loss:+.4f} and {gain:+.4f}; take the better of the two as it is"
        )
    sums = [
        (row.agreement[0] - last.agreement[0]) / loss + (row.small - first.small) / gain
        for row in rows
    ]
    kept = [i for i, row in enumerate(rows) if row.found[0] >= first.found[0] - LOSS]
    return rows[max(kept, key=sums.__getitem__)], sums


def blend(
    recipe: Recipe, data: Path, parent: Path, child: Path, out: Path,
    *, most: int = 400, sizes: tuple[int, ...] = SIZES, shares: tuple[float, ...] = SHARES,
) -> tuple[Row, list[Row]]:  # fmt: skip
    """Tries ``shares`` and writes the files of the one that the rule takes.

    Args:
        recipe: that of the child.
        data: the folder that the recipe's names start from.
        parent, child: weights of the recipe's network.
        most: people who choose.

    Returns:
        Its row, and those of all shares.

    Raises:
        ValueError: as :func:`weights.between` and :func:`held_out.people`; the shares do not rise
            from 0 to 1.
        FileNotFoundError: a file is missing.
    """
    if list(shares) != sorted(set(shares)) or shares[0] != 0 or shares[-1] != 1:
        raise ValueError(f"shares: expected rising ones from 0 to 1, got {shares}")
    before, after = (checkpoint.load(recipe.model, path).state_dict() for path in (parent, child))
    whom = held_out.people(recipe, data, models.entry(recipe.model).embedding, most)
    shown = held_out.trained_on(recipe, data, RECALIBRATING)
    networks = []
    for share in shares:
        network = models.create(recipe.model)
        network.load_state_dict(weights.between(before, after, share))
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        networks.append(weights.recalibrated(network, shown) if 0 < share < 1 else network.eval())
    every = (held_out.SHARP, *sizes)
    told = []
    for size in every:
        told.append(held_out.found(networks, recipe, whom, size))
        print(f"{size or 'sharp'}: {told[-1]}", file=sys.stderr, flush=True)
    rows = [
        Row(share, *(tuple(one) for one in zip(*(size[i] for size in told), strict=True)))
        for i, share in enumerate(shares)
    ]
    best, sums = choose(rows)
    out.mkdir(parents=True, exist_ok=True)
    titles = [f"{kind} {size or 'sharp'}" for kind in ("found", "agreement") for size in every]
    write_rows(
        out / "shares.csv",
        [["share", *titles, "sum"]]
        + [[r.share, *r.found, *r.agreement, s] for r, s in zip(rows, sums, strict=True)],
    )
    save_weights(out / "model.safetensors", networks[rows.index(best)])
    description = {
        "model": recipe.model, "parent": digest(parent), "child": digest(child),
        "share": best.share, "people": len(whom.crops), "sizes": sizes,
        "rule": "knee between the agreements with the teacher, of sharp and of small views",
        "found": best.found, "agreement": best.agreement,
    }  # fmt: skip
    write_text(out / "share.json", json.dumps(description, indent=1) + "\n")
    return best, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recipe", type=Path, help="the one that the child was trained by")
    parser.add_argument("--parent", type=Path, required=True, help="weights before it")
    parser.add_argument("--child", type=Path, required=True, help="weights after it")
    parser.add_argument("--data", type=Path, default=os.environ.get("POCKETVISION_DATA", "."))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--people", type=int, default=400, help="who choose, default %(default)d")
    given = parser.parse_args()
    try:
        best, rows = blend(
            read(given.recipe), given.data, given.parent, given.child, given.out, most=given.people
        )
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for row in rows:
        taken = " taken" if row == best else ""
        print(f"{row.share:.3f}: {row.agreement[0]:.4f} sharp, {row.small:.4f} small{taken}")


if __name__ == "__main__":
    main()
