"""Damage anywhere in a compiled model is one error, before the dynamic linker sees the file."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash

from pocketvision import Model, ModelFileError, _runtime
from pocketvision.runtime import shipped

FLIPS = 10_000
BYTES = 1_500
TRAILER = 32


@pytest.fixture(scope="module")
def smallest(model_file: Path) -> Path:
    """The smallest model that is installed, or the fixture where none is."""
    files = [file for variants in shipped.shipped().values() for file in variants.values()]
    runnable = [file for file in files if any(f".{t}." in file for t in shipped.host_targets())]
    return Path(min(runnable, key=os.path.getsize)) if runnable else model_file


class InPlace:
    """A file that is changed byte by byte, which is faster than writing it anew."""

    def __init__(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        self.path, self.content = str(path), content
        self.file = os.open(path, os.O_WRONLY)

    def outcome(self, place: int, value: int) -> str:
        """What opening says with another byte at ``place``; empty if the file is accepted."""
        os.pwrite(self.file, bytes([value]), place)
        try:
            _runtime.Library(self.path)
            return ""
        except ModelFileError as error:
            return str(error)
        finally:
            os.pwrite(self.file, self.content[place : place + 1], place)


def test_every_changed_bit_and_byte_is_refused(smallest: Path, tmp_path: Path) -> None:
    """All of the headers and of the trailer, and places anywhere, so that 11,500 are tried."""
    content = smallest.read_bytes()
    model = InPlace(tmp_path / "model.so", content)
    random = np.random.default_rng(18)
    size = len(content)
    own = [(place, bit) for place in (*range(64), *range(size - TRAILER, size)) for bit in range(8)]
    anywhere = zip(random.integers(0, size, FLIPS - len(own)),
                   random.integers(0, 8, FLIPS - len(own)), strict=True)  # fmt: skip
    changes = [(int(p), content[p] ^ 1 << int(b)) for p, b in (*own, *anywhere)]
    others = random.integers(1, 256, BYTES)
    places = random.integers(0, size, BYTES)
    changes += [(int(p), content[p] ^ int(o)) for p, o in zip(places, others, strict=True)]
    assert len(changes) == FLIPS + BYTES
    start = time.monotonic()
    accepted = [change for change in changes if not model.outcome(*change)]
    print(f"{len(changes)} files refused in {time.monotonic() - start:.1f} s")
    assert accepted == []
    assert _runtime.Library(model.path).target


def test_what_is_said(smallest: Path, tmp_path: Path) -> None:
    content = smallest.read_bytes()
    model = InPlace(tmp_path / "model.so", content)
    middle = len(content) // 2
    damage = r"model.so: the file is damaged, or was changed after it was compiled \(its digest "
    damage += "does not match.. Compile the model again: pocketvision compile"
    for place in (middle, len(content) - TRAILER - 1, *range(len(content) - 24, len(content))):
        with pytest.raises(ModelFileError, match=damage):
            (tmp_path / "model.so").write_bytes(
                content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            )
            Model(tmp_path / "model.so")
    assert "does not end with a digest" in model.outcome(len(content) - TRAILER, 0)
    (tmp_path / "model.so").write_bytes(content + b"\0")
    with pytest.raises(ModelFileError, match="does not end with a digest"):
        Model(tmp_path / "model.so")


def test_strip_is_noticed(smallest: Path, tmp_path: Path) -> None:
    path = tmp_path / "stripped.so"
    shutil.copy(smallest, path)
    subprocess.run(["strip", "--strip-unneeded", path], check=True)
    with pytest.raises(ModelFileError, match=r"changed after .* tools such as strip cut off"):
        Model(path)


def test_a_file_of_abi_1(make_model: Any, tmp_path: Path) -> None:
    """Those have no digest; what helps is to compile again."""
    content = make_model(ABI=1).read_bytes()
    (tmp_path / "old.so").write_bytes(content[:-TRAILER])
    for path in (tmp_path / "old.so", make_model(ABI=1)):
        with pytest.raises(ModelFileError) as caught:
            Model(path)
        assert "its ABI version is 1, this runtime reads 2). Compile the model again" in str(
            caught.value
        )


@pytest.mark.parametrize("size", [*range(70), 255, 4096, 100_003])
def test_the_digest_is_xxh64(c_library: Any, size: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8).tobytes()
    assert c_library.pv_xxh64(data, size) == xxhash.xxh64_intdigest(data)


def test_the_whole_check_takes_less_than_2_ms(c_library: Any, capsys: Any) -> None:
    """Of the largest shipped model: the digest alone, at its best of many on a busy machine."""
    files = [file for variants in shipped.shipped().values() for file in variants.values()]
    if not files:
        pytest.skip("this installation was built without models")
    content = Path(max(files, key=os.path.getsize)).read_bytes()
    times = []
    for _ in range(50):
        start = time.perf_counter()
        c_library.pv_xxh64(content, len(content))
        times.append(time.perf_counter() - start)
    with capsys.disabled():
        print(f"\ndigest of {len(content):,} bytes: {min(times) * 1e6:.0f} us")
    assert min(times) < 2e-3


def test_the_symbol_has_the_size_that_its_description_says(
    make_model: Any, tmp_path: Path, seal: Any
) -> None:
    """A symbol that is too short for its struct, in a file with a right digest."""
    path = make_model()
    content = bytearray(path.read_bytes())
    listing = subprocess.run(["nm", "-DS", path], capture_output=True, text=True, check=True)
    line = next(line for line in listing.stdout.splitlines() if "pocketvision_model" in line)
    address, size = (int(word, 16) for word in line.split()[:2])
    place = content.index(address.to_bytes(8, "little") + size.to_bytes(8, "little")) + 8
    for other in (0, 8, 11, 12, size - 8, size + 8, 2**63):
        content[place : place + 8] = other.to_bytes(8, "little")
        (tmp_path / "short.so").write_bytes(seal(bytes(content)))
        with pytest.raises(ModelFileError, match=f"its symbol has {other} bytes, expected {size}"):
            Model(tmp_path / "short.so")
