"""Compares training methods on one small network: equal budget, several seeds, LFW of each run.

    python -m pocketvision.training.train.faces.evidence --data DATA --out runs/evidence

Every run is a process of one thread on ``recipes/evidence.toml`` with one method's tables laid over
it. Crops and the MIT teacher's embeddings are made once, before the first run. What is done stays
done: the same command goes on after a stop. ``--table`` only prints what there is.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.stats import ttest_ind

from pocketvision.files import write_text

RECIPE = Path(__file__).parents[2] / "recipes" / "evidence.toml"
CACHES = ("crops.npy", "kept.npy", "teacher.npy")
CERTAIN = 0.05
"""Two-sided p of Welch's test below which a difference counts, if it exceeds the spread too."""

Run = tuple[str, int]
"""A method and a seed."""

Tables = Callable[[Path, int], dict[str, Any]]
"""A method's tables by the folder of all runs, absolute, and the seed."""


@dataclass(frozen=True)
class Method:
    """One row: what it is called, its tables over the recipe, and the method it is held against.

    ``after``: the method whose weights it starts or learns from, and which of its seeds (None: the
    one of the same seed).
    """

    title: str
    tables: Tables
    against: str | None = None
    after: tuple[str, int | None] | None = None


def _teacher(out: Path) -> Path:
    """What the own teacher's run leaves."""
    return out / "teacher" / "seed-1"


def _plain(out: Path, seed: int) -> dict[str, Any]:
    return {}


def _own_teacher(out: Path, seed: int) -> dict[str, Any]:
    return {"model": "facechain_125m", "keep": "epochs"}


def _of_the_own(out: Path, seed: int) -> dict[str, Any]:
    weights = _teacher(out) / "model.safetensors"
    return {"embedding": {"loss": "template", "teachers": [f"facechain_125m:{weights}"]}}


def _of_its_steps(out: Path, seed: int) -> dict[str, Any]:
    return {"embedding": {"loss": "template", "snapshots": f"facechain_125m:{_teacher(out)}"}}


def _of_mit(loss: str) -> Tables:
    teachers = {"teachers": ["models/mobileface_v2.onnx"], "cached": True}
    return lambda out, seed: {"embedding": {"loss": loss, **teachers}}


def _second_generation(out: Path, seed: int) -> dict[str, Any]:
    before = out / "recursive-1" / f"seed-{seed}" / "model.safetensors"
    return _of_mit("angular")(out, seed) | {"start": str(before)}


def _osakd(out: Path, seed: int) -> dict[str, Any]:
    return {"osakd": {}}


METHODS = {
    "teacher": Method(
        "(the own teacher: FaceChain 125 M, ArcFace)",
        _own_teacher,
    ),
    "arcface": Method("no distillation: ArcFace", _plain),
    "embedding": Method(
        "ArcFace + embedding KD of the MIT teacher",
        _of_mit("template"),
        "arcface",
    ),
    "final": Method(
        "ArcFace + embedding KD of the own teacher",
        _of_the_own,
        "arcface",
        after=("teacher", 1),
    ),
    "multi-step": Method(
        "ArcFace + multi-step KD of the own teacher",
        _of_its_steps,
        "final",
        after=("teacher", 1),
    ),
    "recursive-1": Method(
        "ArcFace + angular KD of the MIT teacher, generation 1",
        _of_mit("angular"),
        "arcface",
    ),
    "recursive-2": Method(
        "the same, generation 2 (twice the steps)",
        _second_generation,
        "recursive-1",
        after=("recursive-1", None),
    ),
    "osakd": Method("ArcFace + OSAKD", _osakd, "arcface"),
}


def table(method: str, seed: int, out: Path) -> dict[str, Any]:
    """The TOML table of one run: the recipe with the method's tables over it."""
    base = tomllib.loads(RECIPE.read_text(encoding="utf-8"))
    # A generation that saw the views of the one before again would learn them by heart.
    own = seed + 100 * len(_chain(method))
    return base | METHODS[method].tables(out.resolve(), seed) | {"seed": own}


def _chain(method: str) -> list[str]:
    """The methods of other runs that ``method`` needs, nearest first."""
    after = METHODS[method].after
    return [after[0], *_chain(after[0])] if after else []


def prepare(data: Path, out: Path) -> None:
    """Decodes the crops and embeds them by the MIT teacher into ``out/cache``, once."""
    from ... import models
    from ...run.pictures import open_set
    from . import parse
    from .objective import labeller

    cache = out / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    recipe = parse(table("embedding", 1, out))
    faces = open_set(recipe.data, data, cache)
    labeller(recipe, models.entry(recipe.model).embedding, data, cache, faces, steps=1)


def run(method: str, seed: int, data: Path, out: Path) -> None:
    """Trains one method with one seed, measures LFW and writes both to its folder."""
    import torch

    from ... import models
    from ...evaluate.faces import lfw
    from . import parse, train
    from .validate import embedder

    torch.set_num_threads(1)
    folder = out / method / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in CACHES:
        if not (folder / name).exists():
            os.link(out / "cache" / name, folder / name)
    recipe = parse(table(method, seed, out))
    model = models.load(recipe.model, train(recipe, data, folder))
    result = lfw.evaluate(embedder(model), data / "lfw_112", data / "lfw_pairs.txt")
    write_text(folder / "lfw.json", json.dumps(result.to_dict()) + "\n")


def run_all(data: Path, out: Path, seeds: int, jobs: int) -> None:
    """Every run that has no result yet, ``jobs`` at a time, each as soon as what it needs is there.

    Raises:
        FileNotFoundError, ValueError: the data is not what it should be; before the first run.
        RuntimeError: a run failed; its log is named. The others are finished first.
    """
    prepare(data, out)

    def folder(run: Run) -> Path:
        return out / run[0] / f"seed-{run[1]}"

    def done(run: Run) -> bool:
        return (folder(run) / "lfw.json").exists()

    def start(run: Run) -> int:
        folder(run).mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "pocketvision.training.train.faces.evidence",
            "--run",
            run[0],
        ]
        command += ["--seed", str(run[1]), "--data", str(data), "--out", str(out)]
        with open(folder(run) / "run.log", "a") as log:
            return subprocess.run(command, stdout=log, stderr=log, check=False).returncode

    waiting = [run for run in runs(seeds) if not done(run)]
    running: dict[Future[int], Run] = {}
    failed: list[str] = []
    with ThreadPoolExecutor(jobs) as pool:
        while True:
            for run in [run for run in waiting if all(map(done, needs(run)))]:
                if len(running) < jobs:
                    waiting.remove(run)
                    running[pool.submit(start, run)] = run
            if not running:
                break
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                run = running.pop(ended)
                if ended.result():
                    failed.append(str(folder(run) / "run.log"))
    if failed:
        raise RuntimeError(f"{len(failed)} runs failed, see {', '.join(failed)}")


def runs(seeds: int) -> list[Run]:
    """All runs; what others need comes first, then seed by seed."""
    needed = {METHODS[name].after for name in METHODS}
    first = [(after[0], after[1]) for after in needed if after and after[1] is not None]
    rest = [(name, seed) for seed in range(1, seeds + 1) for name in METHODS if name != "teacher"]
    return [*first, *(run for run in rest if run not in first)]


def needs(run: Run) -> list[Run]:
    """The runs whose weights ``run`` takes."""
    after = METHODS[run[0]].after
    return [(after[0], after[1] or run[1])] if after else []


def verdict(scores: list[float], before: list[float]) -> str:
    """helps, hurts or undecided: Welch's test, and a difference larger than either spread."""
    if len(scores) < 2 or len(before) < 2:
        return "undecided (too few seeds)"
    difference = statistics.fmean(scores) - statistics.fmean(before)
    spread = max(statistics.stdev(scores), statistics.stdev(before))
    certain = float(ttest_ind(scores, before, equal_var=False).pvalue)
    if abs(difference) <= spread or not certain < CERTAIN:
        return f"undecided ({100 * difference:+.2f} points, p = {certain:.2g})"
    return f"{'helps' if difference > 0 else 'hurts'} ({100 * difference:+.2f}, p = {certain:.2g})"


def report(out: Path) -> str:
    """The Markdown table of all results in ``out``."""
    found = {
        name: [
            json.loads(path.read_text())["accuracy"]
            for path in sorted((out / name).glob("seed-*/lfw.json"))
        ]
        for name in METHODS
    }
    lines = [
        "| method | seeds | LFW, mean ± sd | held against | verdict |",
        "|---|---|---|---|---|",
    ]
    for name, method in METHODS.items():
        scores = found[name]
        if not scores:
            continue
        spread = f" ± {100 * statistics.stdev(scores):.2f}" if len(scores) > 1 else ""
        figure = f"{100 * statistics.fmean(scores):.2f}{spread} %"
        against = METHODS[method.against].title if method.against else ""
        said = verdict(scores, found[method.against]) if method.against else ""
        lines.append(f"| {method.title} | {len(scores)} | {figure} | {against} | {said} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("POCKETVISION_DATA"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, one thread each")
    parser.add_argument("--table", action="store_true", help="print what there is, run nothing")
    parser.add_argument("--run", choices=list(METHODS), help="one run, in this process")
    parser.add_argument("--seed", type=int, default=1, help="of --run")
    given = parser.parse_args()
    if given.table:
        print(report(given.out))
        return
    if given.data is None:
        parser.error("--data: missing; name the folder with train_112/, lfw_112/ and models/")
    if given.run:
        run(given.run, given.seed, given.data, given.out)
        return
    try:
        run_all(given.data, given.out, given.seeds, given.jobs)
    except (OSError, ValueError, RuntimeError) as error:
        parser.error(str(error))
    print(report(given.out))


if __name__ == "__main__":
    main()
