"""What a run ends with: weights, their record, the clips it learnt from, what it says of others."""

from __future__ import annotations

import json
from pathlib import Path

from torch import nn

from pocketvision.files import rename, write_text
from pocketvision.record import Record
from pocketvision.record.clips import Clips as ClipsPart

from ...data.clips.opened import Sets
from ...evaluate.clips import protocol, stored
from ...evaluate.clips.protocol import Share, Videos
from ...models.registry import Entry
from ...models.stored.describe import digest
from ...models.vtn.network import VTN, TwoStream
from ...run import state
from .recipe import Recipe

TRAINED = "trained.txt"
UNKNOWN = "not stated: that of the clips, of the start and of the teachers"


def write(
    out: Path,
    network: nn.Module,
    recipe: Recipe,
    found: Entry,
    sets: Sets,
    videos: Videos,
    start: str,
) -> None:
    """Writes all files of a run, ``model.safetensors`` last, which says that all is done."""
    assert isinstance(network, VTN | TwoStream)
    weights = out / "model.pending.safetensors"
    state.save_weights(weights, network)
    share = protocol.video_at_1(videos.logits, videos.labels)
    record = _record(recipe, found, network, sets, videos, share, start, digest(weights))
    lines = [row.path for part in (sets.train, sets.choose) if part for row in part.rows]
    write_text(out / TRAINED, "\n".join(sorted(lines)) + "\n")
    stored.write(out / stored.PREDICTIONS, videos, sets.test.names)
    write_text(out / "model.json", record.to_json() + "\n")
    rename(weights, out / "model.safetensors")


def _record(
    recipe: Recipe, found: Entry, network: VTN | TwoStream, sets: Sets, videos: Videos,
    share: Share, start: str, sha256: str,
) -> Record:  # fmt: skip
    assert found.architecture is not None
    options, kept = recipe.data, len(videos.names)
    unread = f", {len(videos.unreadable)} more cannot be read" if videos.unreadable else ""
    windows = "1 window" if recipe.test.windows == 1 else f"up to {recipe.test.windows} windows"
    teacher = None
    if recipe.distill:
        names = ", ".join(recipe.distill.teachers)
        teacher = f"{names} (temperature {recipe.distill.temperature:g})"
    fold = f", fold {recipe.fold} of {options.folds}" if options.folds else ""
    return Record(
        name=found.name.replace("_", "-"),
        tag=f"run.seed-{recipe.seed}" + (f".fold-{recipe.fold}" if options.folds else ""),
        task="clips",
        paper=found.paper,
        preprocess={
            "size": [options.size] * 2,
            "colour": "RGB",
            "mean": list(network.mean),
            "std": list(network.std),
        },
        part=ClipsPart(
            list(sets.train.names),
            options.frames,
            options.stride,
            str(found.architecture.get("modality", "rgb")),
        ),
        scores=[
            {
                "dataset": f"{options.root}{fold}",
                "protocol": f"Video@1 of {kept} videos, {windows}, centre{unread}",
                "precision": "float32",
                "accuracy": share.value,
                "std": (share.value * (1 - share.value) / kept) ** 0.5,
                "interval": [share.low, share.high],
            }
        ],
        teacher=teacher,
        data=f"{options.root}: {len(sets.train):,} clips of {len(sets.train.names)} classes; "
        f"from {start}",
        licence=UNKNOWN,
        sha256={"float_weights": sha256},
        architecture=dict(found.architecture),
    )


def trained(path: Path) -> list[str]:
    """The clips that a run learnt from, of its ``TRAINED``.

    Raises:
        FileNotFoundError: no such file.
    """
    return path.read_text(encoding="utf-8").splitlines()


def summary(out: Path, title: str) -> str:
    """Writes ``scores.json`` and ``confusion.png`` of all folds; returns the line that says it."""
    found = stored.result(out)
    write_text(out / "scores.json", json.dumps(found.to_dict(), indent=1) + "\n")
    stored.picture(out / "confusion.png", found, title)
    share = found.video_at_1
    spread = f", ± {100 * found.std:.2f} over {len(found.folds)} folds" if found.std else ""
    return (
        f"Video@1 {100 * share.value:.2f} % ({100 * share.low:.2f} to {100 * share.high:.2f}, "
        f"{share.count} videos{spread})"
    )
