"""Several RAM banks: each tensor in one of them, or an error that says how many bytes lack."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

from ..errors import CompileError
from ..graph import Conv, conv_macs
from ..lower.program import Program, Served
from .plan import ALIGNMENT, SLACK, Plan, Span, aligned, first_free, live, plan

MOST = 8
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20}


def parse(text: str, what: str = "--ram") -> tuple[int, ...]:
    """Bytes of each bank in ``512K,288K``, fastest first.

    Raises:
        CompileError: no such list; says what one looks like.
    """
    found = []
    for part in text.split(","):
        size = re.fullmatch(r"\s*(\d+)\s*([KM]?)(?:i?B)?\s*", part, re.IGNORECASE)
        if size is None or int(size[1]) == 0:
            raise CompileError(
                f"{what}: expected sizes such as 512K,288K in order of speed (K and M are 1024 and "
                f"1024 x 1024 bytes), got {text!r}"
            )
        found.append(int(size[1]) * UNITS[size[2].upper()])
    if len(found) > MOST:
        raise CompileError(f"{what}: expected at most {MOST} banks, got {len(found)} in {text!r}")
    return tuple(found)


def heat(program: Program) -> dict[str, float]:
    """Accesses per byte: one for each call, and for convolutions the multiplications of a byte."""
    tensors = program.graph.tensors
    macs: dict[Served, int] = {
        op.ref: conv_macs(op, tensors[op.output])
        for op in program.graph.ops
        if isinstance(op, Conv)
    }
    found: dict[str, float] = {}
    for call in program.calls:
        for piece in call.pieces:
            own = 1 + macs.get(call.of, 0) / piece.bytes
            found[piece.whole] = found.get(piece.whole, 0.0) + own
    return found


def place(
    spans: Sequence[Span],
    banks: Sequence[int],
    *,
    steps: Sequence[str] = (),
    heat: Mapping[str, float] | None = None,
    attempts: int = 1500,
    seed: int = 2,
) -> Plan:
    """Offsets and banks of all spans, those with the most ``heat`` in the first banks.

    Everything is in the first bank where it fits there. Deterministic.

    Args:
        steps: what happens at each step of the spans' lifetimes, for errors.
        heat: accesses per byte of a span.

    Raises:
        CompileError: more bytes live at once than there are, a span is larger than any bank, or no
            placement was found.
    """
    single = plan(spans, enough=banks[0])
    if single.bytes <= banks[0]:
        return Plan(
            single.offsets, single.bytes, single.lower_bound, sizes=(single.bytes,),
        )  # fmt: skip
    _prove(spans, banks, steps)
    if len(banks) == 1:
        raise CompileError(
            f"RAM: the arena needs {single.bytes:,} bytes, the bank holds {banks[0]:,}: "
            f"{single.bytes - banks[0]:,} bytes are missing (no plan needs less than "
            f"{single.lower_bound:,})"
        )
    spans = aligned(spans)
    hot = heat or {}
    orders = [
        sorted(spans, key=lambda s: (-hot.get(s.name, 0.0), -s.size, s.name)),
        sorted(spans, key=lambda s: (-s.size, s.first, s.name)),
        sorted(spans, key=lambda s: (-s.size * (s.last - s.first + 1), s.name)),
    ]
    generator = random.Random(seed)
    left: list[Span] = []
    for order in orders:
        placed, left = _pack(order, banks)
        for _ in range(attempts // len(orders)):
            if not left:
                break
            # What found no room, or one that is in its way, gets an earlier turn.
            stuck = generator.choice(left)
            moved = generator.choice([stuck, *(s for s in order if s.meets(stuck))])
            trial = [span for span in order if span is not moved]
            trial.insert(generator.randrange(order.index(moved) + 1), moved)
            packed, without = _pack(trial, banks)
            if sum(s.size for s in without) <= sum(s.size for s in left):
                order, placed, left = trial, packed, without
        if not left:
            return _result(placed, banks, single.lower_bound)
    raise CompileError(
        f"RAM: no placement in banks of {_listed(banks)} bytes was found in {attempts} attempts; "
        f"the last one leaves out {left[0].name} ({left[0].size:,} bytes)"
    )


def _result(placed: list[tuple[int, int, Span]], banks: Sequence[int], bound: int) -> Plan:
    sizes = [0] * (1 + max(bank for bank, _, _ in placed))
    for bank, offset, span in placed:
        sizes[bank] = max(sizes[bank], offset + span.size)
    # Every bank up to the last one in use gets some bytes, so that C arrays of them are possible.
    held = tuple(min(size + SLACK, bank) for size, bank in zip(sizes, banks, strict=False))
    return Plan(
        {span.name: offset for _, offset, span in placed},
        sum(held),
        bound,
        {span.name: bank for bank, _, span in placed},
        held,
    )


def _prove(spans: Sequence[Span], banks: Sequence[int], steps: Sequence[str]) -> None:
    """No placement is possible where one of two simple bounds fails."""
    rounded = aligned(spans)
    largest = max(rounded, key=lambda s: s.size)
    if largest.size + SLACK > max(banks):
        raise CompileError(
            f"RAM: {largest.name} has {largest.size + SLACK:,} bytes, the largest bank "
            f"{max(banks):,}: {largest.size + SLACK - max(banks):,} bytes are missing"
        )
    held = {step: live(rounded, step) + SLACK for step in sorted({s.first for s in rounded})}
    fullest = max(held, key=lambda step: held[step])
    if held[fullest] > sum(banks):
        where = f" at {steps[fullest]}" if fullest < len(steps) else ""
        raise CompileError(
            f"RAM: {held[fullest]:,} bytes live at once{where}, the banks hold {sum(banks):,}: "
            f"{held[fullest] - sum(banks):,} bytes are missing"
        )


def _pack(
    order: Sequence[Span], banks: Sequence[int]
) -> tuple[list[tuple[int, int, Span]], list[Span]]:
    """First fit: (bank, offset, span) of what found room, and what did not."""
    placed: list[tuple[int, int, Span]] = []
    left = []
    for span in order:
        for bank, size in enumerate(banks):
            offset = first_free(
                [
                    (start - span.gap(other), start + other.gap(span))
                    for at, start, other in placed
                    if at == bank and other.meets(span)
                ]
            )
            if offset + span.size + SLACK <= size // ALIGNMENT * ALIGNMENT:
                placed.append((bank, offset, span))
                break
        else:
            left.append(span)
    return placed, left


def _listed(banks: Sequence[int]) -> str:
    return ", ".join(f"{size:,}" for size in banks)
