"""Reads a pickle of plain data by its opcodes: nothing is imported, nothing of the file is called.

Built are lists, tuples, bytes, text, numbers and arrays of one-byte elements; a few names, those by
which Python and numpy write bytes and arrays, are known by their spelling. All else is refused.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

DEPTH = 16
"""Groups within groups, and open marks; a pair set needs five."""

OPERATIONS = 4_000_000
"""Opcodes of a file; a pair of pictures takes 4 to 60."""

INTEGER = 8
"""Bytes of the longest integer."""

NUMPY = tuple(f"numpy.{core}" for core in ("core", "_core"))
ELEMENTS = {"b1": "bool", "?": "bool", "u1": "uint8", "B": "uint8"}

_ESCAPE = re.compile(rb"""\\(?:[\\'"nrt]|x[0-9a-fA-F]{2})""")


class MalformedError(ValueError):
    """What is wrong and at which offset of the file, without the file's name."""


class List(list[Any]):
    """A list that nothing is added to once something else holds it: no file builds a circle."""

    depth = 1
    closed = False


class Tuple(tuple[Any, ...]):
    """A tuple that knows how deep it is."""

    depth = 1


@dataclass(frozen=True)
class Name:
    """What a file would have imported, by its spelling."""

    module: str
    name: str


@dataclass
class Element:
    """An array's type of element: ``bool`` or ``uint8``."""

    kind: str


@dataclass(eq=False)
class Array:
    """An array of one-byte elements, its bytes as they stand in the file."""

    kind: str = ""
    shape: tuple[int, ...] = ()
    data: bytes = b""

    def bools(self) -> NDArray[np.bool_]:
        """The elements in order, (N,); what is not zero is true."""
        return np.frombuffer(self.data, np.uint8) != 0


def parse(data: bytes) -> Any:
    """The one value that ``data`` holds.

    Raises:
        MalformedError: it is cut off, deeper or longer than a set of pictures is, or asks for
            anything that is no plain data; the message is one line and names the offset.
    """
    return _Machine(data).run()


class _Machine:
    def __init__(self, data: bytes):
        self.data, self.at, self.opcode_at = data, 0, 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.encoded = 0

    def run(self) -> Any:
        """Every opcode up to STOP, which must be the last byte and leave one value."""
        for _ in range(OPERATIONS):
            self.opcode_at = self.at
            opcode = self.take(1)
            if opcode == b".":
                break
            act = _ACTS.get(opcode)
            if act is None:
                self.fail(f"opcode {opcode!r} is none that plain data needs")
            act(self)
        else:
            self.fail(f"more than {OPERATIONS:,} opcodes")
        if self.at != len(self.data):
            self.fail(f"the pickle ends here, {len(self.data) - self.at:,} bytes before the file")
        value = self.pop()
        if self.stack or self.marks:
            self.fail(f"{len(self.stack)} values are left over at the end")
        return value

    def fail(self, problem: str) -> NoReturn:
        raise MalformedError(f"offset {self.opcode_at}: {problem}")

    # ------------------------------------------------------------------------ arguments of opcodes

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            self.fail(f"{count:,} bytes announced, {len(self.data) - self.at:,} left: cut off")
        self.at += count
        return self.data[self.at - count : self.at]

    def unsigned(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.at)
        if end < 0:
            self.fail("a line without an end: cut off")
        start, self.at = self.at, end + 1
        return self.data[start:end]

    def decimal(self) -> int:
        text = self.line().removesuffix(b"L")
        if not re.fullmatch(rb"-?[0-9]{1,19}", text):
            self.fail(f"expected a whole number, got {text[:20]!r}")
        return int(text)

    def text(self, data: bytes, encoding: str) -> str:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            self.fail(f"text that is not {encoding}: {error.reason}")

    # --------------------------------------------------------------------------------------- stack

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            self.fail("a value is missing here")
        return self.stack.pop()

    def mark(self) -> None:
        if len(self.marks) == DEPTH:
            self.fail(f"more than {DEPTH} open marks")
        self.marks.append(len(self.stack))

    def to_mark(self) -> list[Any]:
        if not self.marks:
            self.fail("a mark is missing here")
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def depth_above(self, items: list[Any]) -> int:
        depth = 1
        for item in items:
            if isinstance(item, List | Tuple):
                depth = max(depth, item.depth + 1)
                if isinstance(item, List):
                    item.closed = True
        if depth > DEPTH:
            self.fail(f"groups are nested more than {DEPTH} deep")
        return depth

    def group(self, items: list[Any]) -> None:
        value = Tuple(items)
        value.depth = self.depth_above(items)
        self.push(value)

    def last(self, count: int) -> None:
        self.group([self.pop() for _ in range(count)][::-1])

    def new_list(self, items: list[Any]) -> None:
        self.push(List())
        self.extend(items)

    def extend(self, items: list[Any]) -> None:
        target = self.pop()
        if not isinstance(target, List):
            self.fail(f"items are added to {_kind(target)}, which is no list")
        depth = self.depth_above(items)
        if target.closed:
            self.fail("items are added to a list that is already part of something")
        target.extend(items)
        target.depth = max(target.depth, depth)
        self.push(target)

    def put(self, index: int) -> None:
        value = self.pop()
        self.memo[index] = value
        self.push(value)

    def get(self, index: int) -> None:
        if index not in self.memo:
            self.fail(f"nothing is kept under {index}")
        self.push(self.memo[index])

    # --------------------------------------------------------------------------- values by opcodes

    def small_text(self) -> None:
        """A Python 2 string in quotes, as ``repr`` writes it."""
        text = self.line()
        if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in b"'\"":
            self.fail("expected a string in quotes")
        inner = text[1:-1]
        if b"\\" in _ESCAPE.sub(b"", inner):
            self.fail("a string holds an escape that Python 2 does not write")
        self.push(inner.decode("unicode_escape").encode("latin1"))

    def integer(self) -> None:
        if self.data[self.at : self.at + 3] in (b"00\n", b"01\n"):
            self.push(self.line() == b"01")
        else:
            self.push(self.decimal())

    def long(self, size: int) -> None:
        length = self.unsigned(size)
        if length > INTEGER:
            self.fail(f"an integer of {length:,} bytes; expected at most {INTEGER}")
        self.push(int.from_bytes(self.take(length), "little", signed=True))

    def real(self) -> None:
        text = self.line()
        try:
            self.push(float(text))
        except ValueError:
            self.fail(f"expected a number, got {text[:20]!r}")

    def name_of_lines(self) -> None:
        module, name = self.text(self.line(), "ascii"), self.text(self.line(), "ascii")
        self.name(module, name)

    def name_of_stack(self) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            self.fail("a name is no text")
        self.name(module, name)

    def name(self, module: str, name: str) -> None:
        if (module, name) not in _CALLS and (module, name) != ("numpy", "ndarray"):
            spelt = ascii(f"{module}.{name}"[:80])[1:-1]
            self.fail(f"it asks for {spelt}, which no pair set needs")
        self.push(Name(module, name))

    # ------------------------------------------------------------------- what is called in a pickle

    def reduce(self) -> None:
        arguments, callee = self.pop(), self.pop()
        if not isinstance(callee, Name) or not isinstance(arguments, Tuple):
            self.fail(f"a call of {_kind(callee)} with {_kind(arguments)}")
        make = _CALLS.get((callee.module, callee.name))
        if make is None:
            self.fail(f"a call of {callee.module}.{callee.name}, which no pair set makes")
        self.push(make(self, *arguments[:4]) if len(arguments) <= 4 else self.misused(callee.name))

    def misused(self, name: str) -> NoReturn:
        self.fail(f"{name} has other arguments than a writer gives it")

    def bytes_of_text(self, *given: Any) -> bytes:
        if (
            len(given) != 2
            or not isinstance(given[0], str)
            or given[1] not in ("latin1", "latin-1")
        ):
            self.misused("_codecs.encode")
        # Every text is encoded once in an honest file, so the sum cannot exceed the file.
        self.encoded += len(given[0])
        if self.encoded > len(self.data):
            self.fail("texts make more bytes than the file holds")
        try:
            return given[0].encode("latin1")
        except UnicodeEncodeError:
            self.fail("text that stands for bytes holds other characters")

    def no_bytes(self, *given: Any) -> bytes:
        return b"" if not given else self.misused("bytes")

    def element(self, *given: Any) -> Element:
        code = given[0] if given else None
        text = code.decode("latin1") if isinstance(code, bytes) else code
        if not isinstance(text, str) or text not in ELEMENTS:
            self.fail(f"an array of {ascii(text)[:40]}; expected truth values or bytes (b1, u1)")
        return Element(ELEMENTS[text])

    def empty_array(self, *given: Any) -> Array:
        if not given or given[0] != Name("numpy", "ndarray"):
            self.misused("_reconstruct")
        return Array()

    def scalar(self, *given: Any) -> int:
        if len(given) != 2 or not isinstance(given[0], Element) or not _is_bytes(given[1], 1):
            self.misused("scalar")
        return given[1] != b"\0" if given[0].kind == "bool" else int(given[1][0])

    def from_buffer(self, *given: Any) -> Array:
        if len(given) != 4:
            self.misused("_frombuffer")
        data, element, shape, _ = given
        return self.filled(Array(), element, shape, data)

    def filled(self, array: Array, element: Any, shape: Any, data: Any) -> Array:
        sizes = shape if isinstance(shape, Tuple) else (shape,)
        whole = all(type(size) is int and size >= 0 for size in sizes)
        if not isinstance(element, Element) or not whole or len(sizes) > 4:
            self.misused("an array")
        if not _is_bytes(data, math.prod(sizes)):
            self.fail(f"an array of {math.prod(sizes):,} elements holds other bytes")
        array.kind, array.shape, array.data = element.kind, tuple(sizes), data
        return array

    def build(self) -> None:
        state, target = self.pop(), self.pop()
        if not isinstance(state, Tuple) or not isinstance(target, Array | Element):
            self.fail(f"a state is given to {_kind(target)}")
        if isinstance(target, Array):
            if target.kind or len(state) != 5:
                self.misused("an array's state")
            self.filled(target, state[2], state[1], state[4])
        self.push(target)  # an element of one byte has no state that matters


def _is_bytes(value: Any, length: int) -> bool:
    return isinstance(value, bytes) and len(value) == length


def _kind(value: Any) -> str:
    return type(value).__name__.lower()


def _sized(size: int, encoding: str = "") -> Callable[[_Machine], None]:
    """An opcode whose argument is a length of ``size`` bytes and that many bytes, or text."""

    def act(machine: _Machine) -> None:
        data = machine.take(machine.unsigned(size))
        machine.push(machine.text(data, encoding) if encoding else data)

    return act


_ACTS: dict[bytes, Callable[[_Machine], Any]] = {
    b"\x80": lambda m: m.unsigned(1) <= 5 or m.fail("a protocol above 5"),
    b"\x95": lambda m: m.take(8),
    b"(": _Machine.mark,
    b")": lambda m: m.group([]),
    b"t": lambda m: m.group(m.to_mark()),
    b"\x85": lambda m: m.last(1),
    b"\x86": lambda m: m.last(2),
    b"\x87": lambda m: m.last(3),
    b"]": lambda m: m.push(List()),
    b"l": lambda m: m.new_list(m.to_mark()),
    b"a": lambda m: m.extend([m.pop()]),
    b"e": lambda m: m.extend(m.to_mark()),
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": _Machine.integer,
    b"L": lambda m: m.push(m.decimal()),
    b"J": lambda m: m.push(int.from_bytes(m.take(4), "little", signed=True)),
    b"K": lambda m: m.push(m.unsigned(1)),
    b"M": lambda m: m.push(m.unsigned(2)),
    b"\x8a": lambda m: m.long(1),
    b"\x8b": lambda m: m.long(4),
    b"F": _Machine.real,
    b"G": lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    b"S": _Machine.small_text,
    b"U": _sized(1),
    b"T": _sized(4),
    b"C": _sized(1),
    b"B": _sized(4),
    b"\x8e": _sized(8),
    b"\x96": _sized(8),
    b"V": lambda m: m.push(m.text(m.line(), "raw-unicode-escape")),
    b"\x8c": _sized(1, "utf-8"),
    b"X": _sized(4, "utf-8"),
    b"\x8d": _sized(8, "utf-8"),
    b"g": lambda m: m.get(m.decimal()),
    b"h": lambda m: m.get(m.unsigned(1)),
    b"j": lambda m: m.get(m.unsigned(4)),
    b"p": lambda m: m.put(m.decimal()),
    b"q": lambda m: m.put(m.unsigned(1)),
    b"r": lambda m: m.put(m.unsigned(4)),
    b"\x94": lambda m: m.put(len(m.memo)),
    b"c": _Machine.name_of_lines,
    b"\x93": _Machine.name_of_stack,
    b"R": _Machine.reduce,
    b"b": _Machine.build,
}

_CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("_codecs", "encode"): _Machine.bytes_of_text,
    ("__builtin__", "bytes"): _Machine.no_bytes,
    ("builtins", "bytes"): _Machine.no_bytes,
    ("numpy", "dtype"): _Machine.element,
    **{(f"{core}.multiarray", "_reconstruct"): _Machine.empty_array for core in NUMPY},
    **{(f"{core}.multiarray", "scalar"): _Machine.scalar for core in NUMPY},
    **{(f"{core}.numeric", "_frombuffer"): _Machine.from_buffer for core in NUMPY},
}
