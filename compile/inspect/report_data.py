"""What a report holds: the cost of every operator, of every kind, and what is not accelerated."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MICROSECONDS, INSTRUCTIONS = "microseconds", "executed instructions"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """``cost`` is microseconds (a median, with its quartiles) or executed instructions.

    ``share`` is per cent of the operators' costs, ``peak`` per cent of the multiply-accumulates
    that the target could do at that cost; ``cycles`` are modelled.
    """

    macs: int
    cost: float
    share: float
    peak: float
    lower: float | None = None
    upper: float | None = None
    cycles: float | None = None


@dataclass(frozen=True, kw_only=True)
class Row(Cost):
    """One operator, or a border or copy. Operators without a call, which cost nothing, have none.

    ``fused``: what the operator does besides; ``shape``: (height, width, channels) of its output.
    """

    name: str
    kind: str
    fused: str
    shape: tuple[int, int, int] | None


@dataclass(frozen=True, kw_only=True)
class Kind(Cost):
    """All rows of one kind."""

    kind: str
    operators: int


@dataclass(frozen=True)
class Slow:
    """Operators that are not accelerated for one reason, and their share of all costs."""

    what: str
    why: str
    operators: tuple[str, ...]
    share: float


@dataclass(frozen=True)
class Report:
    """``unit`` says what the costs are, ``peak`` what 100 per cent of it are."""

    model: str
    source_sha256: str
    target: str
    unit: str
    peak: str
    total: Cost
    arena_bytes: int
    constants_bytes: int
    kernels: int
    calls: int
    operators: tuple[Row, ...]
    kinds: tuple[Kind, ...]
    unaccelerated: tuple[Slow, ...]
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
