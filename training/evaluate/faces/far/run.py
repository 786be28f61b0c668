"""The measurement: each picture embedded sharp and at each size, then all pairs scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ....data.pictures import stack
from .. import embedders, pairs, protocol
from . import forms, mixed
from .figures import FAR, Figures, figures

BATCH = 32

Make = Callable[[NDArray[np.uint8], list[str]], NDArray[np.uint8]]
"""Of crops and their names what the model is shown."""


@dataclass(frozen=True)
class Found:
    """Figures by model and condition, such as ``sharp``, ``28, one side``, ``mixed``."""

    form: str
    up: str
    flip: bool
    pairs: int
    models: dict[str, dict[str, Figures]]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(
    models: Sequence[str],
    images: Path,
    listed: pairs.Pairs,
    *,
    sizes: Sequence[int] = forms.SIZES,
    form: str = "plain",
    up: str = "bicubic",
    flip: bool = True,
    mixed_list: Path | None = None,
    progress: bool = False,
) -> Found:
    """Runs it.

    Args:
        models: see :func:`embedders.load`.
        images: folder of aligned crops that ``listed`` names.
        sizes: in pixels; each with one side small and with both.
        form, up: see :mod:`forms`.
        flip: add the embedding of the mirror image.
        mixed_list: what :mod:`mixed` wrote, or None.

    Raises:
        FileNotFoundError, ValueError: as :func:`lfw.evaluate`; the list of unlike quality is
            malformed.
    """
    found = {}
    for model in models:
        embed = embedders.load(model)
        found[model] = one_model(
            embed, images, listed, sizes=sizes, form=form, up=up, flip=flip,
            mixed_list=mixed_list, progress=progress,
        )  # fmt: skip
    return Found(form, up, flip, len(listed.same), found)


def one_model(
    embed: embedders.Embed,
    images: Path,
    listed: pairs.Pairs,
    *,
    sizes: Sequence[int] = forms.SIZES,
    form: str = "plain",
    up: str = "bicubic",
    flip: bool = True,
    mixed_list: Path | None = None,
    progress: bool = False,
) -> dict[str, Figures]:
    """The figures of one embedder by condition."""

    def rows(names: list[str], make: Make | None, what: str) -> NDArray[np.float64]:
        return _embedded(embed, images, names, make, flip, what if progress else "")

    names = listed.images
    place = {name: index for index, name in enumerate(names)}
    first, second = (
        np.array([place[name] for name in side]) for side in (listed.first, listed.second)
    )
    sharp = rows(names, None, "sharp")
    cosine = _cosine(sharp[first], sharp[second])
    threshold = _threshold(cosine, listed)
    found = {"sharp": figures(cosine, listed, threshold)}
    small_first = forms.small_is_first(listed.first, listed.second)[:, None]
    for size in sizes:
        small = rows(names, partial(forms.made, size=size, form=form, up=up), f"{size}")
        left = np.where(small_first, small[first], sharp[first])
        right = np.where(small_first, sharp[second], small[second])
        found[f"{size}, one side"] = figures(_cosine(left, right), listed, threshold)
        both = _cosine(small[first], small[second])
        found[f"{size}, both sides"] = figures(both, listed, threshold)
    if mixed_list is not None:
        unlike = mixed.read(mixed_list)
        of = unlike.images
        seen = rows(of, mixed.made, "mixed")
        at = {name: index for index, name in enumerate(of)}
        left, right = (seen[[at[name] for name in side]] for side in (unlike.first, unlike.second))
        found["mixed"] = figures(_cosine(left, right), unlike, threshold)
    return found


def _embedded(
    embed: embedders.Embed,
    images: Path,
    names: list[str],
    make: Make | None,
    flip: bool,
    what: str,
) -> NDArray[np.float64]:
    """Unit (N, D), of the picture and with ``flip`` its mirror image."""
    missing = [name for name in names if not (images / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{images}: {len(missing)} of {len(names)} images are missing, the first: "
            f"{', '.join(missing[:5])}; expected Name/Name_0001.jpg below this folder"
        )
    found = []
    for start in tqdm(range(0, len(names), BATCH), desc=what, disable=not what):
        part = names[start : start + BATCH]
        crops = stack((images / name, name) for name in part)
        if make is not None:
            crops = make(crops, part)
        views = [embed(crops)]
        if flip:
            views.append(embed(np.ascontiguousarray(crops[:, :, ::-1])))
        found.append(protocol.fuse([view.astype(np.float64) for view in views]))
    return np.concatenate(found)


def _cosine(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((left * right).sum(axis=1))


def _threshold(cosine: NDArray[np.float64], listed: pairs.Pairs) -> float | None:
    """That of FAR 1 % among the sharp pairs; None where they are too few to tell."""
    if FAR * listed.same.count(False) < 3 - 1e-9:
        return None
    return protocol.threshold_at_far(cosine, listed.same, FAR)
