"""What a user says of a network's pictures and task, where no record says it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pocketvision.record import FaceEmbedding, Record

from .samples import Input, Look

Numbers = float | Sequence[float]


@dataclass(frozen=True)
class About:
    """``mean`` and ``std`` are in units of 8-bit pixels, one number or one a channel.

    ``size`` is (height, width) of a network whose own is free; ``template`` five [x, y] points of
    an aligned crop; ``task`` one of ``pocketvision.record.record.TASKS``, None for no record.
    """

    colour: str | None = None
    mean: Numbers | None = None
    std: Numbers | None = None
    size: tuple[int, int] | None = None
    template: list[list[float]] | None = None
    task: str | None = None

    def look(self, into: Input) -> Look:
        """How a picture becomes ``into``.

        Raises:
            ValueError: ``mean`` or ``std`` are missing, or do not fit its channels.
        """
        if self.mean is None or self.std is None:
            raise ValueError(
                f"input {into.name!r}: how does a pixel become its value? Give mean and std in "
                "units of 8-bit pixels: 0 and 255 for 0 to 1, 127.5 and 127.5 for -1 to 1, 0 and 1 "
                "for pixels as they are, or one number for each channel"
            )
        grey = into.channels == 1
        colour = self.colour or ("grey" if grey else "RGB")
        if colour not in (("grey",) if grey else ("RGB", "BGR")):
            raise ValueError(
                f"colour {colour!r}: input {into.name!r} has {into.channels} channels, expected "
                + ("grey" if grey else "RGB or BGR")
            )
        mean, std = (
            _each(what, given, into.channels)
            for what, given in (("mean", self.mean), ("std", self.std))
        )
        if min(std) <= 0:
            raise ValueError(f"std {list(std)}: expected positive numbers")
        return Look(colour, mean, std)

    def record(self, path: Path, into: Input, look: Look, outputs: list[tuple[int, ...]]) -> Record:
        """The record of a file of this task.

        Raises:
            ValueError: the network or its pictures are not of this task's kind.
        """
        if len(outputs) != 1 or len(outputs[0]) != 2 or outputs[0][0] != 1:
            raise ValueError(
                f"{path}: task {self.task!r} is for one output (1, D), the network's have the "
                f"shapes {', '.join(map(str, outputs))}; leave the task out"
            )
        name = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(\.float)?\.onnx$", "", path.name.lower()))
        return Record(
            name=name.strip("-") or "model",
            tag="untagged",
            task=self.task or "",
            preprocess={
                "size": list(into.size),
                "colour": look.colour,
                "mean": list(look.mean),
                "std": list(look.std),
                "template": self.template,
            },
            part=FaceEmbedding(outputs[0][1]),
        )


def _each(what: str, given: Numbers, channels: int) -> tuple[float, ...]:
    if isinstance(given, int | float):
        return (float(given),) * channels
    numbers = tuple(float(number) for number in given)
    if len(numbers) not in (1, channels):
        raise ValueError(f"{what} {list(numbers)}: expected one number, or {channels}")
    return numbers * channels if len(numbers) == 1 else numbers
