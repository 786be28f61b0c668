"""A reader of pickles that runs nothing: what writers write is read, everything else is refused."""

from __future__ import annotations

import pickle
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvision.training.evaluate.faces import plain_pickle

BYTES = [bytes(range(256)), b"", b"a\\'\"\n\r\t\0", b"\xff\xd8\xff\xe0" * 90]
SAME = [True, False, True, False]
MARK_LISTS = b"(" * 10_000
CALL = b"cnumpy\nndarray\n"


def read(data: bytes):
    return plain_pickle.parse(data)


@pytest.mark.parametrize("protocol", range(6))
def test_what_python_3_writes_is_read(protocol: int) -> None:
    data = (BYTES, SAME, [0, 1, -5, 300, 70000, 1 << 40], 1.5, None, "text")
    assert read(pickle.dumps(data, protocol)) == data


def python_2(pictures: list[bytes], same: list[bool], protocol: int) -> bytes:
    """The pickle of ``(pictures, same)`` that Python 2 writes, byte strings and all."""
    if protocol == 0:

        def item(index: int, value: bytes) -> bytes:
            quoted = repr(value)[1:].encode()  # a byte string as Python 2's repr spells it
            return b"S%s\np%d\na" % (quoted, index + 3)

        texts = b"".join(item(index, value) for index, value in enumerate(pictures))
        truth = b"".join(b"I01\na" if value else b"I00\na" for value in same)
        return b"((lp1\n" + texts + b"(lp2\n" + truth + b"tp0\n."
    # Protocol 1 and 2: short and long byte strings, one batch of appends.
    strings = b"".join(
        (b"U" + bytes([len(p)]) if len(p) < 256 else b"T" + struct.pack("<i", len(p))) + p
        + b"q" + bytes([index + 3])
        for index, p in enumerate(pictures)
    )  # fmt: skip
    words = (b"\x89", b"\x88") if protocol == 2 else (b"I00\n", b"I01\n")
    truth = b"".join(words[value] for value in same)
    body = b"]q\x01(" + strings + b"e]q\x02(" + truth + b"e"
    return b"\x80\x02" + body + b"\x86q\0." if protocol == 2 else b"(" + body + b"tq\0."


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_what_python_2_writes_is_read(protocol: int) -> None:
    data = python_2(BYTES, SAME, protocol)
    assert read(data) == (BYTES, SAME)
    assert pickle.loads(data, encoding="bytes") == (BYTES, SAME)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("core", [b"numpy._core", b"numpy.core"])
def test_arrays_and_scalars_of_numpy(protocol: int, core: bytes) -> None:
    picture, same = np.arange(250, dtype=np.uint8), np.array(SAME)
    data = pickle.dumps(([picture, picture[::-1]], same, same[0], list(same)), protocol)
    if protocol < 4:  # later ones count the bytes of a name
        data = data.replace(b"numpy._core", core)
    pictures, array, first, scalars = read(data)
    assert [item.kind for item in pictures] == ["uint8"] * 2
    assert pictures[1].data == picture[::-1].tobytes()
    assert array.kind == "bool" and array.shape == (4,) and array.bools().tolist() == SAME
    assert first is True and scalars == SAME


def address(protocol: int) -> bytes:
    """``ndarray((1,), dtype("O"), b"A" * 8)``: an object at the address 0x4141414141414141."""

    class Attack:
        def __reduce__(self):
            return np.ndarray, ((1,), np.dtype("O"), b"A" * 8)

    return pickle.dumps(([b"x", b"y"], Attack()), protocol)


@pytest.mark.parametrize("protocol", range(6))
def test_no_array_over_bytes_of_the_file(protocol: int) -> None:
    with pytest.raises(plain_pickle.MalformedError, match=r"^offset \d+: an array of 'O8?'"):
        read(address(protocol))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (CALL + b"(K\x01\x85C\x01AtR.", "call of numpy.ndarray"),
        (b"cposix\nsystem\n.", "offset 0: it asks for posix.system"),
        (b"\x8c\x05posix\x8c\x06system\x93.", "asks for posix.system"),
        (b"c\x1b[31m\nx\n.", r"asks for \\x1b\[31m.x"),
        (b"c__builtin__\nbytes\nK\x09\x85R.", "bytes has other arguments"),
        (b"c_codecs\nencode\nX\x01\0\0\0aX\x05\0\0\0utf16\x86R.", "_codecs.encode has other"),
        (b"cnumpy.core.multiarray\n_reconstruct\n)R.", "_reconstruct has other"),
        (b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02b1\x85RU\x00\x86R.", "scalar has"),
        (b"cnumpy\ndtype\nU\x02i8\x85R.", "an array of 'i8'; expected truth values"),
        (b"}.", "opcode b'}'"),
        (b"Pid\n.", "opcode b'P'"),
        (b"\x82\x01.", "opcode"),
        (b"\x80\x09.", "protocol above 5"),
        (b"", "offset 0: 1 bytes announced, 0 left: cut off"),
        (b".", "a value is missing"),
        (b"NN.", "1 values are left over"),
        (b"N.N", "ends here, 1 bytes before"),
        (b"(N.", "value"),
        (b"t.", "a mark is missing"),
        (b"a.", "a value is missing"),
        (b"N(a.", "a value is missing"),
        (b"Na.", "a value is missing"),
        (b"NNa.", "added to nonetype"),
        (b"NNb.", "a state is given to nonetype"),
        (b"NNR.", "a call of nonetype"),
        (b"h\x05.", "nothing is kept under 5"),
        (b"g123456789012345678901234567890\n.", "expected a whole number"),
        (b"Ifive\n.", "expected a whole number, got b'five'"),
        (b"L" + b"9" * 1_000_000 + b"L\n.", "expected a whole number"),
        (b"\x8b\xff\xff\xff\x7f.", "integer of 2,147,483,647 bytes"),
        (b"\x8b\xff\xff\xff\xff.", "integer of 4,294,967,295 bytes"),
        (b"\x8e" + b"\xff" * 8 + b".", "18,446,744,073,709,551,615 bytes announced"),
        (b"\x96" + b"\xff" * 7 + b"\x7f.", "bytes announced"),
        (b"B\xff\xff\xff\xffabc.", "4,294,967,295 bytes announced, 4 left"),
        (b"X\x02\0\0\0\xff\xff.", "text that is not utf-8"),
        (b"S'\\q'\n.", "an escape that Python 2 does not write"),
        (b"Sabc\n.", "a string in quotes"),
        (b"Fx\n.", "expected a number"),
        (b"I01", "a line without an end"),
        (MARK_LISTS, "offset 16: more than 16 open marks"),
        (b"]" * 100 + b"a" * 99 + b".", "nested more than 16 deep"),
        (b"N" + b"\x85" * 100_000 + b".", "nested more than 16 deep"),
        (b"]q\0h\0a.", "already part of something"),
        (b"]q\0]q\x01h\0ah\0h\x01a0.", "already part of something"),
    ],
)  # fmt: skip
def test_refused(data: bytes, message: str) -> None:
    with pytest.raises(plain_pickle.MalformedError, match=r"^offset \d+: ") as caught:
        read(data)
    assert caught.match(message)


def test_many_references_to_one_text_make_no_more_than_the_file() -> None:
    text = b"X" + struct.pack("<I", 100_000) + b"x" * 100_000 + b"q\0X\x06\0\0\0latin1q\x01"
    again = b"c_codecs\nencode\nh\0h\x01\x86R" * 2000
    tracemalloc.start()
    with pytest.raises(plain_pickle.MalformedError, match="more bytes than the file holds"):
        read(b"(" + text + again + b"t.")
    assert tracemalloc.get_traced_memory()[1] < 3e6
    tracemalloc.stop()


def test_shared_groups_are_not_copied() -> None:
    """Fourteen levels of a thousand references each: 1e42 items if they were."""
    level = b"(" + b"h\0" * 1000 + b"tq\0"
    value = read(b"(Nq\0" + level * 14 + b"t.")[-1]
    assert len(value) == 1000 and value[0] is value[999]


def test_more_opcodes_than_any_set_has(monkeypatch) -> None:
    monkeypatch.setattr(plain_pickle, "OPERATIONS", 1000)
    with pytest.raises(plain_pickle.MalformedError, match="offset 999: more than 1,000 opcodes"):
        read(b"N" * 2000 + b".")


@pytest.mark.parametrize("protocol", range(6))
def test_cut_off_anywhere(protocol: int) -> None:
    whole = pickle.dumps(([b"abc", np.arange(3, dtype=np.uint8)], np.array([True])), protocol)
    for length in range(len(whole)):
        with pytest.raises(plain_pickle.MalformedError, match="^offset"):
            read(whole[:length])


OPCODES = sorted(plain_pickle._ACTS)
PARTS = st.one_of(
    st.sampled_from(OPCODES),
    st.binary(max_size=4),
    st.sampled_from(
        [CALL, b"cnumpy\ndtype\n", b"c_codecs\nencode\n", b"U\x02b1", b"1\n", b"K\x01"]
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PARTS, max_size=40).map(b"".join))
def test_any_bytes_end_in_a_value_or_one_error(data: bytes) -> None:
    try:
        read(data + b".")
    except plain_pickle.MalformedError as error:
        assert "\n" not in str(error) and str(error).startswith("offset ")


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(0, 5))
def test_changed_bytes_end_in_a_value_or_one_error(data, protocol: int) -> None:
    whole = bytearray(pickle.dumps((BYTES[:2], np.array(SAME), [np.True_]), protocol))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(whole))
    except plain_pickle.MalformedError as error:
        assert "\n" not in str(error)
