"""``pocketvision train RECIPE``: a training run, or the rest of one that was interrupted."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ...errors import InputError
from ..common import Verbs, new_folder, new_verb, read_landmarks
from ..text import show, show_json


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "train", run, "Train a model by a recipe; resumes.", "training")
    parser.add_argument(
        "recipe",
        type=Path,
        metavar="RECIPE",
        help="a TOML file, or one that the package brings: own trains on a folder of people",
    )
    parser.add_argument(
        "--out", type=new_folder, required=True, metavar="DIR", help="the run's folder"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("POCKETVISION_DATA"),
        metavar="DIR",
        help="what the recipe's paths are relative to, with own the folder of people; default "
        "$POCKETVISION_DATA",
    )
    parser.add_argument(
        "--landmarks",
        type=Path,
        metavar="FILE",
        help="where pictures are no aligned crops: CSV without header, picture,x1,y1,...,x5,y5",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="in place of what the recipe says, such as steps=600 or data.size=96",
    )
    parser.add_argument("--steps", type=int, metavar="N", help="stop after step N; resumes later")
    parser.add_argument("--threads", type=int, metavar="N", help="processor threads to use")


def run(arguments: argparse.Namespace) -> int:
    """Train, and print the file that is there: the weights, or a stopped run's resume point."""
    if arguments.threads is not None and arguments.threads < 1:
        raise InputError(f"--threads: expected at least 1, got {arguments.threads}")
    if arguments.data is None:
        raise InputError("--data: missing; name the folder that the recipe's paths start from")
    import torch

    from ...training.run import ranks
    from ...training.train import tasks

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    task = tasks.task(arguments.recipe)
    module = tasks.module(task)
    recipe = module.read(arguments.recipe, arguments.set)
    more = {}
    if arguments.landmarks:
        if task != tasks.FACES:
            raise InputError(f"--landmarks: only faces have them, and the recipe is of {task}")
        more["landmarks"] = read_landmarks(arguments.landmarks)
    ranks.start()
    try:
        found: Path = module.train(
            recipe, Path(arguments.data), arguments.out, arguments.steps, **more
        )
        first = ranks.rank() == 0
    finally:
        ranks.stop()
    done = found.suffix == ".safetensors"
    if first and arguments.json:
        names = {"weights": str(found) if done else None, "resume": None if done else str(found)}
        show_json({"recipe": str(arguments.recipe), **names})
    elif first:
        show(found)
    return 0
