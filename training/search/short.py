"""Short real trainings: several networks by one recipe of ``train/faces``, judged by LFW."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pocketvision.files import write_text

from ..run.journal import read_rows, write_rows
from ..train.faces import recipe as faces
from ..train.faces.loop import train
from .blockwise.outcome import difference

TRAINED = "trained.csv"
RUN = "run.json"
"""What a training says of itself: with this file alone it is through, whatever else is gone."""

LABELS = "labels"
"""What the teachers said of each step's views, which are the same for all networks of a seed."""

Networks = Mapping[str, str | Mapping[str, Any]]
"""By a name that files may have: a registered model, or an architecture as ``models.built`` has."""


@dataclass(frozen=True)
class Run:
    """One training that is through: LFW in [0, 1], of its end and the best of its validations."""

    name: str
    seed: int
    steps: int
    lfw: float
    std: float
    best: float


def check(recipe: Path) -> None:
    """Whether networks can be trained and judged by the TOML file ``recipe``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no recipe, or judges nothing.
    """
    options = faces.read(recipe)
    if options.generations != 1:
        raise ValueError(f"{recipe}: generations: expected 1, got {options.generations}")
    if options.validate is None:
        raise ValueError(
            f"{recipe}: expected a [validate] table, as nothing else tells how good a network is"
        )


def train_all(
    networks: Networks, recipe: Path, seeds: Sequence[int], data: Path, out: Path,
    stop_at: int | None = None,
) -> list[Run] | None:  # fmt: skip
    """Trains every network with every seed in ``out/NAME/seed-N``; what is through stays.

    What is through has a ``run.json`` with its result and all that it depends on, so that the
    results of one machine are kept, and reused on another, without weights.

    Seeds are the outer loop: after a part of the time there are all networks with one seed rather
    than some with all. After each training ``out/trained.csv`` is written anew.

    Args:
        stop_at: leave the training under way after this step; the next call goes on.

    Returns:
        All runs, or None where it was left.

    Raises:
        FileNotFoundError, ValueError, FloatingPointError, CheckpointError: as ``train``; or a
            folder holds a training of another network.
    """
    check(recipe)
    models = {name: _model(out / name, network) for name, network in networks.items()}
    pairs = [(seed, name) for seed in seeds for name in networks]
    runs: list[Run] = []
    began, fresh = time.monotonic(), 0
    for seed, name in pairs:
        folder = out / name / f"seed-{seed}"
        options = faces.read(recipe, [f"model={models[name]}", f"seed={seed}"])
        if options.embedding and faces.asked_live(options):
            kept = replace(options.embedding, labels=str(out / LABELS))
            options = replace(options, embedding=kept)
        identity = _identity(options, networks[name])
        run = _known(folder / RUN, name, seed, identity)
        known = run is not None
        if run is None:
            if train(options, data, folder, stop_at).suffix != ".safetensors":
                return None
            run = _run(name, seed, folder)
            text = json.dumps({**asdict(run), "identity": identity}, indent=1) + "\n"
            write_text(folder / RUN, text)
            fresh += 1
        runs.append(run)
        _write(out, runs)
        if not known:
            left = (time.monotonic() - began) / fresh * (len(pairs) - len(runs)) / 60
            print(
                f"{len(runs)} of {len(pairs)} trained: {name}, seed {seed}, LFW "
                f"{100 * runs[-1].lfw:.2f} %; about {left:.0f} min left",
                file=sys.stderr,
            )
    _write(out, runs)
    return runs


def _model(folder: Path, network: str | Mapping[str, Any]) -> str:
    """What a training recipe calls the network; an architecture becomes a file of ``folder``."""
    if isinstance(network, str):
        return network
    path = folder / f"{folder.name}.json"
    text = json.dumps(dict(network), indent=1) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise ValueError(
            f"{path}: a training of another network has begun there; give --out another folder, or "
            f"delete {folder}"
        )
    write_text(path, text)
    return str(path)


def _identity(options: faces.Recipe, network: str | Mapping[str, Any]) -> dict[str, Any]:
    """All that the result of a training depends on, but for the machine; JSON data."""
    values = asdict(options) | {"model": network if isinstance(network, str) else dict(network)}
    for name in ("device", "precision", "compiled", "checkpoint_steps"):
        del values[name]
    if values["embedding"]:
        del values["embedding"]["labels"]
    found: dict[str, Any] = json.loads(json.dumps(values))
    return found


def _known(path: Path, name: str, seed: int, identity: Mapping[str, Any]) -> Run | None:
    """The training that is through, None where it is not.

    Raises:
        ValueError: it is one of another recipe, or no such file.
    """
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        was = values.pop("identity")
        run = Run(**values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: not the result of a training ({error}); delete it") from None
    if was != identity:
        raise ValueError(
            f"{path}: of another recipe ({difference(was, identity)}); give --out another folder, "
            f"or delete {path.parent} to train anew"
        )
    if (run.name, run.seed) != (name, seed):
        raise ValueError(f"{path}: expected {name}, seed {seed}, got {run.name}, seed {run.seed}")
    return run


def _run(name: str, seed: int, folder: Path) -> Run:
    rows = read_rows(folder / "validation.csv", float, "step", "accuracy", "std")
    last = rows[-1]
    best = max(float(row["accuracy"]) for row in rows)
    accuracy, std = float(last["accuracy"]), float(last["std"])
    return Run(name, seed, int(last["step"]), accuracy, std, best)


def _write(out: Path, runs: Sequence[Run]) -> None:
    head = ["name", "seed", "steps", "lfw", "std", "best"]
    rows = [[r.name, r.seed, r.steps, r.lfw, r.std, r.best] for r in runs]
    write_rows(out / TRAINED, [head, *rows])
