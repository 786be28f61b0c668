"""Reader of verification pair lists in the format of LFW's ``pairs.txt``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pairs:
    """Pairs in file order.

    ``first`` and ``second`` are image paths relative to the data set's root
    (``Name/Name_0001.jpg``), ``same`` says which pairs show one person, ``folds`` is the number of
    equal contiguous folds.
    """

    first: list[str]
    second: list[str]
    same: list[bool]
    folds: int

    @property
    def images(self) -> list[str]:
        """Every image once, sorted."""
        return sorted({*self.first, *self.second})

    @property
    def people(self) -> int:
        """How many people (folders) the images come from."""
        return len({image.split("/")[0] for image in self.images})


def read(path: Path) -> Pairs:
    """Reads ``path``: a line ``folds<TAB>n``, then per fold n genuine and n impostor lines.

    Genuine: ``name i j``; impostor: ``name i other j``; fields separated by tabs or blanks, images
    numbered from 1.

    Raises:
        ValueError: names the file, the line, what was expected and what stands there.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    head = lines[0].split() if lines else []
    if len(head) != 2 or not all(field.isdigit() and int(field) > 0 for field in head):
        found = lines[0] if lines else "an empty file"
        raise ValueError(
            f"{path}: line 1: expected the number of folds and of pairs per class, such as "
            f"'10 300', got {found!r}; is this LFW's View 2 pairs.txt?"
        )
    folds, count = map(int, head)
    if len(lines) - 1 != folds * count * 2:
        raise ValueError(
            f"{path}: line 1 announces {folds} folds of {count} + {count} pairs "
            f"({folds * count * 2} lines), {len(lines) - 1} follow; get the whole file again"
        )
    first, second, same = [], [], []
    for number, line in enumerate(lines[1:]):
        genuine = number % (2 * count) < count
        fields = line.split("\t") if "\t" in line else line.split()
        if genuine and len(fields) == 3:
            left, right = (fields[0], fields[1]), (fields[0], fields[2])
        elif not genuine and len(fields) == 4:
            left, right = (fields[0], fields[1]), (fields[2], fields[3])
        else:
            expected = "name i j" if genuine else "name i other j"
            raise ValueError(f"{path}: line {number + 2}: expected '{expected}', got {line!r}")
        if not all(index.isdigit() for _, index in (left, right)):
            raise ValueError(f"{path}: line {number + 2}: expected image numbers, got {line!r}")
        first.append(_image(*left))
        second.append(_image(*right))
        same.append(genuine)
    return Pairs(first, second, same, folds)


def _image(name: str, index: str) -> str:
    return f"{name}/{name}_{int(index):04d}.jpg"
