"""The training and test clips that a recipe's ``[data]`` table names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import folds, lists, scenes
from .base import Clips, Reader, Row
from .frames import FlowFolders, FrameFolders
from .sheets import Sheets
from .video import Videos

READERS: dict[str, Callable[[], Reader]] = {
    "sheets": Sheets,
    "frames": FrameFolders,
    "videos": Videos,
}
LISTS = ("folder", "csv", "kinetics", "ucf101", "hmdb51")


@dataclass(frozen=True)
class Data:
    """Where the clips are, relative to $POCKETVISION_DATA.

    ``files``: what a clip is, ``sheets``, ``frames`` (folders) or ``videos``. ``lists``: whose
    format ``list`` has (``lists.py``); ``folder`` has none, its classes are folders. ``test_list``:
    of Kinetics, whose parts are files of their own. ``split``: of UCF-101 and HMDB-51. ``folds``:
    instead of a list's parts, so many parts of equal size, each the test set of a run of its own.
    ``scenes``: of folds, correlation of backgrounds above which clips stay in one (``scenes.py``;
    0 looks at none).
    ``aside``: share of the training clips that only the learning rate is chosen by. ``flow``: root
    of the optical flow. ``frames``, ``stride``: of a window; ``size``: pixels that a network sees.
    ``workers``: processes that decode.
    """

    root: str
    files: str = "videos"
    lists: str = "folder"
    list: str | None = None
    test_list: str | None = None
    split: int = 1
    folds: int = 0
    scenes: float = 0.0
    aside: float = 0.0
    flow: str | None = None
    frames: int = 16
    stride: int = 2
    size: int = 224
    workers: int = 0

    def __post_init__(self) -> None:
        if (self.lists == "folder") != (self.list is None):
            raise ValueError('data.list: goes with every data.lists but "folder", and they with it')
        if (self.lists == "kinetics" and not self.folds) != (self.test_list is not None):
            raise ValueError('data.test_list: goes with data.lists = "kinetics", and it with it')
        if self.lists == "folder" and not self.folds:
            raise ValueError("data.folds: a folder has no list of its test clips; give folds")
        for name, least in (("folds", 2 if self.folds else 0), ("split", 1), ("frames", 2),
                            ("stride", 1), ("size", 1), ("workers", 0)):  # fmt: skip
            if getattr(self, name) < least:
                raise ValueError(
                    f"data.{name}: expected {least} or more, got {getattr(self, name)}"
                )
        for name in ("aside", "scenes"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"data.{name}: expected 0 to below 1, got {getattr(self, name)}")
        if self.scenes and not self.folds:
            raise ValueError("data.scenes: only folds keep scenes together; a list has its parts")


class Sets(NamedTuple):
    """Clips to train on, to choose by (None without), and to judge by."""

    train: Clips
    choose: Clips | None
    test: Clips


def open_sets(options: Data, data: Path, fold: int = 0) -> Sets:
    """The three sets; of K folds, ``fold`` (from 0) is the test set and all others train.

    Raises:
        FileNotFoundError: the root, a list, or every clip of a list is not there.
        ValueError: a list is not of its format, a set is empty, or no such fold.
    """
    root = data / options.root
    names = lists.ucf101_names(data / str(options.list)) if options.lists == "ucf101" else None
    train = _set(options, data, root, "train", names)
    if options.folds:
        if not 0 <= fold < options.folds:
            raise ValueError(f"fold: expected 1 to {options.folds}, got {fold + 1}")
        groups = scenes.scenes(train, options.scenes) if options.scenes else None
        parts = folds.folds(train, options.folds, groups)
        test = train.chosen(np.flatnonzero(parts == fold))
        train = train.chosen(np.flatnonzero(parts != fold))
    else:
        test = _set(options, data, root, "test", train.names)
        if shared := {row.path for row in train.rows} & {row.path for row in test.rows}:
            raise ValueError(f"{root}: {min(shared)} is a training clip and a test clip")
    choose = None
    if options.aside:
        kept = folds.aside(train, options.aside)
        choose = train.chosen(np.flatnonzero(kept))
        train = train.chosen(np.flatnonzero(~kept))
    return Sets(train, choose, test)


def _set(options: Data, data: Path, root: Path, part: str, names: list[str] | None) -> Clips:
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder of clips")
    rows = _rows(options, data, root, part)
    there, skipped = lists.present(rows, root)
    if rows and not there:
        raise FileNotFoundError(
            f"{root}: none of the {len(rows)} clips of its list is there, the first is "
            f"{rows[0].path}; is this the right root?"
        )
    flow = (FlowFolders(), data / options.flow) if options.flow else None
    if flow and not flow[1].is_dir():
        raise FileNotFoundError(f"{flow[1]}: no such folder of optical flow")
    reader = READERS[options.files]()
    known = names or sorted({row.label for row in rows})
    return Clips(root, there, known, reader, flow, skipped)


def _rows(options: Data, data: Path, root: Path, part: str) -> list[Row]:
    if options.lists == "folder":
        return lists.folder(root, options.files)
    listed = data / str(options.list)
    if options.lists == "csv":
        parts = lists.PARTS if options.folds else (part,)
        rows = [row for one in parts for row in lists.table(listed, one)]
        return list(dict.fromkeys(rows))
    if options.lists == "kinetics":
        return lists.kinetics(listed if part == "train" else data / str(options.test_list))
    read = lists.ucf101 if options.lists == "ucf101" else lists.hmdb51
    parts = lists.PARTS if options.folds else (part,)
    return [row for one in parts for row in read(listed, one, options.split)]
