"""The sidecar: thresholds of one's own people, in a JSON file that says whose model it is for."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files import write_text
from ...record import Identification, Record, Threshold

FORMAT = "pocketvision calibration 1"
LARGEST = 1 << 20
"""Bytes of a file that is read: a hundred entries take 30,000."""

_COUNTS = ("people", "pictures", "genuine_pairs", "impostor_pairs")


@dataclass(frozen=True)
class Calibration:
    """What was measured of one model on one folder of people; no name of anybody.

    ``model``: its full name. ``source_sha256``: of the int8 file that was compiled, by which the
    model is known. ``folder``: the name alone. ``date``: YYYY-MM-DD. ``genuine_pairs``: of
    pictures; ``impostor_pairs``: of people. ``thresholds``, ``identification``: as in a record,
    which they take the place of.
    """

    model: str
    source_sha256: str
    folder: str
    date: str
    people: int
    pictures: int
    genuine_pairs: int
    impostor_pairs: int
    thresholds: list[Threshold]
    identification: list[Identification]

    def apply(self, record: Record, source_sha256: str, where: str = "calibration") -> Record:
        """``record`` with these thresholds; InputError, with ``where``, for another model's."""
        if source_sha256 != self.source_sha256:
            of = "other weights of it" if record.full_name == self.model else record.full_name
            raise InputError(
                f"{where}: is the calibration of {self.model}, and this model is {of}. Thresholds "
                "are a model's own: calibrate this one, pocketvision calibrate FOLDER --model "
                "FILE, or move the calibration away"
            )
        return record.with_(thresholds=self.thresholds, identification=self.identification)

    def to_json(self) -> str:
        """The text of the file."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"

    def write(self, path: str | os.PathLike[str]) -> None:
        """The file, whole or not at all."""
        write_text(Path(path), self.to_json())


def read(path: str | os.PathLike[str], record: Record) -> Calibration:
    """The calibration in ``path``; its entries are checked as those of ``record`` are.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: the file is something else, or damaged.
    """
    place = Path(path)
    with place.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InputError(f"{place}: is larger than any calibration")
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise InputError(f"{place}: is no calibration, which pocketvision calibrate writes")
    try:
        return _checked(values, record)
    except ValueError as error:
        raise InputError(f"{place}: {error}. Calibrate again: pocketvision calibrate") from None


def _checked(values: dict[str, Any], record: Record) -> Calibration:
    known = [item.name for item in fields(Calibration)]
    for key in known:
        if key not in values:
            raise ValueError(f"{key!r} is missing")
    for key in ("model", "folder", "date"):
        if not isinstance(values[key], str):
            raise ValueError(f"{key!r}: expected text")
    if not re.fullmatch(r"[0-9a-f]{64}", str(values["source_sha256"])):
        raise ValueError("'source_sha256': expected 64 hexadecimal digits")
    for key in _COUNTS:
        if not isinstance(values[key], int) or isinstance(values[key], bool) or values[key] < 0:
            raise ValueError(f"{key!r}: expected a count")
    entries = {key: values[key] for key in ("thresholds", "identification")}
    valid = record.with_(**entries)
    return Calibration(
        **{key: values[key] for key in known if key not in entries},
        thresholds=valid.thresholds,
        identification=valid.identification,
    )
