"""What every set of labelled face pictures is, and the checks before a run starts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SHOWN = 10


class CorruptImageError(ValueError):
    """One picture that cannot be decoded, or has another size; names the picture."""


class FaceSet(Protocol):
    """Labelled pictures by index; ``names`` are the classes' names, labels index them."""

    labels: NDArray[np.int64]
    names: list[str]

    @property
    def classes(self) -> int:
        """Number of people."""

    def __len__(self) -> int: ...

    def image(self, index: int) -> NDArray[np.uint8]:
        """RGB (H, W, 3).

        Raises:
            CorruptImageError: it cannot be decoded.
        """

    def size(self, index: int) -> tuple[int, int]:
        """(height, width) in pixels, from the header alone where the format allows.

        Raises:
            FileNotFoundError: the picture is not there.
            CorruptImageError: its header cannot be read.
        """

    def stamp(self) -> str:
        """Text that is another one where files have come, gone or changed their size."""


def stamp(files: Iterable[Path], *more: bytes) -> str:
    """SHA-256 over the names and sizes of ``files`` and over ``more``; absent ones have size -1.

    Times are left out, as a copy on another machine is the same set.
    """
    digest = hashlib.sha256()
    for file in files:
        size = file.stat().st_size if file.is_file() else -1
        digest.update(f"{file.parent.name}/{file.name}\0{size}\n".encode(errors="surrogateescape"))
    for part in more:
        digest.update(part)
    return digest.hexdigest()


def check(faces: FaceSet, *, size: int, classes: int | None = None, sample: int = 2000) -> None:
    """Stops a run at its start rather than after an hour.

    Every file's presence, every class, and the headers of ``sample`` pictures spread over the set
    are looked at. A corrupt picture is no reason to stop (it will be skipped); half of the sample
    is.

    Raises:
        FileNotFoundError: pictures are missing.
        ValueError: no picture, an empty class, another number of classes, another size.
    """
    count = len(faces)
    if count == 0:
        raise ValueError("the set holds no picture; is this the folder of aligned crops?")
    if classes is not None and faces.classes != classes:
        raise ValueError(
            f"the set holds {faces.classes} people, the recipe's data.classes says {classes}; "
            "correct the recipe or get the whole set"
        )
    present = np.bincount(faces.labels, minlength=faces.classes)
    if empty := [faces.names[label] for label in np.flatnonzero(present == 0)]:
        raise ValueError(
            f"{len(empty)} people have no picture: {', '.join(empty[:SHOWN])}; remove or fill them"
        )
    missing: list[str] = []
    wrong: list[str] = []
    corrupt: list[str] = []
    indices = np.unique(np.linspace(0, count - 1, min(count, sample)).astype(int))
    for index in indices:
        try:
            found = faces.size(int(index))
            if found != (size, size):
                wrong.append(f"picture {index}: {found[0]}x{found[1]}")
        except FileNotFoundError as error:
            missing.append(str(error))
        except CorruptImageError as error:
            corrupt.append(str(error))
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(indices)} pictures looked at are missing: "
            f"{'; '.join(missing[:SHOWN])}"
        )
    if wrong:
        raise ValueError(
            f"expected aligned {size}x{size} crops, {len(wrong)} of {len(indices)} looked at are "
            f"not: {'; '.join(wrong[:SHOWN])}; align them or correct data.size"
        )
    if 2 * len(corrupt) > len(indices):
        raise ValueError(
            f"{len(corrupt)} of {len(indices)} pictures looked at cannot be read: "
            f"{'; '.join(corrupt[:SHOWN])}"
        )
