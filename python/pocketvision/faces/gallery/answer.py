"""What an identification answers: a name or nobody, with all that it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn


@dataclass(frozen=True)
class Identification:
    """One probe's answer. It has no truth value: look at ``name``, and show the rest.

    ``name``: of the person with the highest score, where that reaches ``threshold``, else None.
    ``nearest``: of that person in either case. ``score``: cosine with the best of their templates,
    -1 to 1. ``fpir``: share of strangers' probes that reach ``threshold`` with any of the ``size``
    templates of ``people`` (false positive identification rate), ``interval`` its 95 % bounds,
    ``dataset`` what it was calibrated on. ``runner_up``: the next person, with
    ``runner_up_score``. ``ruled_out``: those who would have been nearest but for an example that is
    marked as not them. ``reasons``: why the answer is not ``reliable``. ``quality``: of the probe.
    What is not known is None.
    """

    name: str | None
    score: float | None
    threshold: float | None
    fpir: float | None
    interval: tuple[float, float] | None
    dataset: str | None
    model: str
    size: int
    people: int
    nearest: str | None = None
    runner_up: str | None = None
    runner_up_score: float | None = None
    ruled_out: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    quality: Any = None

    @property
    def reliable(self) -> bool | None:
        """Whether nothing speaks against the answer; None where the face's quality is unknown."""
        return False if self.reasons else None if self.quality is None else True

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "an Identification is not a bare yes or no: use answer.name, and show answer.score "
            "beside answer.threshold"
        )

    def __str__(self) -> str:
        if self.score is None or self.threshold is None:
            text = f"unknown: nobody is enrolled ({self.model})"
        else:
            who = f"unknown, most like {self.nearest}" if self.name is None else self.name
            sign = "<" if self.name is None else ">="
            text = (
                f"{who}: score {self.score:.3f} {sign} threshold {self.threshold:.3f} "
                f"({self._rate()}, {self.model})"
            )
        if self.runner_up_score is not None:
            text += f"; runner-up {self.runner_up}, {self.runner_up_score:.3f}"
        if self.ruled_out:
            text += f"; not {', '.join(self.ruled_out)}, by example"
        if self.reasons:
            text += f"; not reliable: {'; '.join(self.reasons)}"
        return text

    def _rate(self) -> str:
        among = f"among {self.size} template{'s' * (self.size != 1)}"
        if self.people != self.size:
            among += f" of {self.people} {'people' if self.people != 1 else 'person'}"
        if self.fpir is None:
            return f"false positive identification rate unknown, {among}"
        bounds = f", {self.interval[0]:.2g} to {self.interval[1]:.2g}" if self.interval else ""
        return (
            f"false positive identification rate {self.fpir:g}{bounds}, {among} on {self.dataset}"
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        quality = getattr(self.quality, "score", None)
        return {
            "name": self.name,
            "score": self.score,
            "threshold": self.threshold,
            "fpir": self.fpir,
            "interval": None if self.interval is None else list(self.interval),
            "dataset": self.dataset,
            "model": self.model,
            "size": self.size,
            "people": self.people,
            "nearest": self.nearest,
            "runner_up": self.runner_up,
            "runner_up_score": self.runner_up_score,
            "ruled_out": list(self.ruled_out),
            "quality": None if quality is None else int(quality),
            "reliable": self.reliable,
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True)
class Person:
    """One person of a gallery.

    ``templates``: how many faces of theirs are enrolled. ``rejected``: how many examples say who
    is not them. ``removed``: marked as gone, and not found. ``unreliable``: templates that were
    enrolled although something spoke against them. ``pictures``: where the templates came from.
    """

    name: str
    templates: int
    rejected: int = 0
    removed: bool = False
    unreliable: int = 0
    pictures: tuple[str | None, ...] = ()
