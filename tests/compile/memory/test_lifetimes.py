"""Lifetimes of the arena's pieces: whole ones, and those of strips laid on each other."""

from __future__ import annotations

from pocketvision.compile.graph import OpRef
from pocketvision.compile.lower.program import Call, Piece, Pointer
from pocketvision.compile.memory import lifetimes
from pocketvision.compile.memory.plan import Span

SIZES = {"a": 10, "b": 20, "c": 30, "in": 9, "out": 8}


def call(op: str, *names: str) -> Call:
    pieces = (Piece(name, SIZES[name], name) for name in names)
    return Call(0, OpRef(op), tuple(Pointer("arena", 8, piece) for piece in pieces))


def test_a_root_lives_from_its_first_call_to_its_last() -> None:
    calls = [call("op", "a"), call("op", "a", "b"), call("op", "b", "c"), call("op", "a", "c")]
    assert lifetimes.spans(calls) == [
        Span("a", 10, 0, 3), Span("b", 20, 1, 2), Span("c", 30, 2, 3),
    ]  # fmt: skip


def in_strips(count: int, *ops: tuple[str, list[str], list[str]]) -> list[Call]:
    """Operators (name, pieces of the strip, others) in ``count`` strips, each a byte larger."""
    found = []
    for number in range(count):
        for op, own, others in ops:
            parts = [Piece(f"{name} {number}", SIZES[name] + number, name) for name in own]
            parts += [Piece(name, SIZES[name], name) for name in others]
            pointers = tuple(Pointer("arena", 8, part) for part in parts)
            found.append(Call(0, OpRef(op, number), pointers))
    return found


def test_strips_of_a_chain_take_the_same_steps() -> None:
    chain = in_strips(3, ("p", ["a"], ["in"]), ("q", ["a", "b"], []), ("r", ["b"], ["out"]))
    calls = [call("first", "in"), *chain, call("last", "out")]
    assert lifetimes.steps(calls) == [0, *[1, 2, 3] * 3, 4]
    assert lifetimes.moments(calls) == ["first", "p", "q", "r", "last"]
    # What is read or written by every strip is there from the chain's start to its end.
    assert lifetimes.spans(calls) == [
        Span("in", 9, 0, 3), Span("a", 12, 1, 2), Span("b", 22, 2, 3), Span("out", 8, 1, 4),
    ]  # fmt: skip


def test_chains_that_follow_each_other_are_apart() -> None:
    calls = in_strips(2, ("p", ["a"], ["in"])) + in_strips(2, ("q", ["c"], ["out"]))
    assert lifetimes.steps(calls) == [0, 0, 1, 1]
    assert [(s.name, s.first, s.last) for s in lifetimes.spans(calls)] == [
        ("a", 0, 0), ("in", 0, 0), ("c", 1, 1), ("out", 1, 1),
    ]  # fmt: skip
