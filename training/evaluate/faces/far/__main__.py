"""Verification of faces from far away: accuracy, AUC and TAR by size, for shipped and own models.

    python -m pocketvision.training.evaluate.faces.far --lfw lfw_112 --pairs lfw_pairs.txt \\
        --models facechain-25m runs/x/model.safetensors

``--quick N`` takes N pairs of each kind from each fold: fewer pairs, wider spreads, no small FAR.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pocketvision.files import write_text

from .. import pairs
from . import forms, run


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", required=True, help="names or files")
    parser.add_argument("--lfw", type=Path, required=True, help="aligned crops of LFW")
    parser.add_argument("--pairs", type=Path, required=True, help="LFW's pairs.txt")
    parser.add_argument("--sizes", type=int, nargs="*", default=forms.SIZES, help="in pixels")
    parser.add_argument("--form", choices=forms.FORMS, default="plain", help="what is lost")
    parser.add_argument("--up", choices=("bicubic", "bilinear"), default="bicubic")
    parser.add_argument("--mixed", type=Path, help="the list that far.mixed wrote")
    parser.add_argument("--quick", type=int, metavar="N", help="pairs of a kind from each fold")
    parser.add_argument("--no-flip", action="store_true", help="one view only")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    given = parser.parse_args()
    try:
        listed = pairs.read(given.pairs)
        if given.quick is not None:
            listed = fewer(listed, given.quick)
        found = run.evaluate(
            given.models, given.lfw, listed, sizes=given.sizes, form=given.form, up=given.up,
            flip=not given.no_flip, mixed_list=given.mixed, progress=sys.stderr.isatty(),
        )  # fmt: skip
    except (OSError, ValueError) as error:
        parser.error(str(error))
    show(found)
    if given.json:
        write_text(given.json, json.dumps(found.to_dict(), indent=1) + "\n")


def fewer(listed: pairs.Pairs, count: int) -> pairs.Pairs:
    """The first ``count`` genuine pairs and impostors of each fold.

    Raises:
        ValueError: a fold has fewer.
    """
    each = len(listed.same) // listed.folds
    if not 1 <= count <= each // 2:
        raise ValueError(f"--quick: expected 1 to {each // 2} pairs of a kind, got {count}")
    kept = [
        start + index
        for start in range(0, each * listed.folds, each)
        for index in (*range(count), *range(each // 2, each // 2 + count))
    ]
    first, second, same = (
        [side[i] for i in kept] for side in (listed.first, listed.second, listed.same)
    )
    return pairs.Pairs(first, second, same, listed.folds)


def show(found: run.Found) -> None:
    """A table a model, in percent."""
    for model, conditions in found.models.items():
        views = "two views" if found.flip else "one view"
        title = f"{model}: {found.pairs:,} pairs, {found.form}, {found.up}, {views}"
        table = Table(
            "pixels",
            "accuracy",
            "AUC",
            "TAR at FAR 1 %",
            "strict TAR",
            "at the sharp threshold",
            title=title,
        )
        for name, one in conditions.items():
            tar = (
                "too few pairs"
                if one.tar is None
                else f"{_percent(one.tar)} ± {_percent(one.tar_std)}"
            )
            strict = "too few pairs"
            if one.strict is not None and one.strict_bounds is not None:
                bounds = " to ".join(_percent(bound) for bound in one.strict_bounds)
                strict = f"{_percent(one.strict)} ({bounds}) at {one.strict_at:g}"
            sharp = "too few pairs"
            if one.sharp_tar is not None:
                sharp = f"TAR {_percent(one.sharp_tar)}, FAR {_percent(one.sharp_far, 2)}"
            accuracy = f"{_percent(one.accuracy, 2)} ± {_percent(one.accuracy_std, 2)}"
            table.add_row(name, accuracy, f"{one.auc:.4f}", tar, strict, sharp)
        Console(width=132).print(table)


def _percent(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{100 * value:.{digits}f}"


if __name__ == "__main__":
    main()
