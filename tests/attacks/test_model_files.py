"""Hostile model files: each is one clear error in this process, never a crash."""

from __future__ import annotations

import copy
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import Embedder, ModelFileError
from pocketvision.runtime.model import Model

_HEADER_BYTES = 64


def damaged(tmp_path: Path, content: bytes) -> Path:
    """A file with this content and the name of a model."""
    path = tmp_path / "damaged.so"
    path.write_bytes(content)
    return path


def test_truncated_at_every_kind_of_place(model_file: Path, tmp_path: Path) -> None:
    content = model_file.read_bytes()
    lengths = {*range(_HEADER_BYTES + 1), *range(_HEADER_BYTES, len(content), 61)}
    lengths |= {len(content) - step for step in (1, 2, 63, 64, 65)}
    for length in sorted(lengths):
        path = damaged(tmp_path, content[:length])
        with pytest.raises(ModelFileError, match="damaged.so: (not a compiled|the file is)"):
            Model(path)
    Model(damaged(tmp_path, content))


def test_damaged_tables(model_file: Path, tmp_path: Path, seal: Any) -> None:
    """Offsets and counts in the headers that point nowhere, one at a time, and a right digest."""
    content = model_file.read_bytes()
    (program_table,) = struct.unpack_from("<Q", content, 32)
    places = {
        "segment table": (32, "<Q", 2**63),
        "section table": (40, "<Q", 2**64 - 8),
        "segment size": (54, "<H", 8),
        "segment count": (56, "<H", 0xFFFF),
        "no segments": (56, "<H", 0),
        "section count": (60, "<H", 0xFFFE),
        "segment offset": (program_table + 8, "<Q", 2**64 - 1),
        "segment bytes": (program_table + 32, "<Q", 2**64 - 1),
    }
    loaded = []
    for name, (offset, form, value) in places.items():
        changed = bytearray(content)
        struct.pack_into(form, changed, offset, value)
        try:
            loaded.append((name, Model(damaged(tmp_path, seal(bytes(changed))))))
        except ModelFileError as error:
            assert "damaged.so: " in str(error) and "digest" not in str(error), name
    assert loaded == []


@pytest.mark.parametrize(
    "content",
    [b"", b"\x7f", b"\x7fELF", b"just some text\n" * 40, b"PK\x03\x04" + bytes(500), bytes(4096)],
)
def test_not_a_model(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ModelFileError, match="not a compiled model|truncated"):
        Model(damaged(tmp_path, content))


def test_other_kinds_of_path(tmp_path: Path, model_file: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such compiled model"):
        Model(tmp_path / "absent.so")
    with pytest.raises(ModelFileError, match="got a folder"):
        Model(tmp_path)
    os.mkfifo(tmp_path / "pipe.so")
    with pytest.raises(ModelFileError, match="not a regular file"):
        Model(tmp_path / "pipe.so")
    with pytest.raises(ModelFileError, match="not a regular file"):
        Model("/dev/zero")
    (tmp_path / "net.onnx").touch()
    with pytest.raises(ModelFileError, match="Compile it first: pocketvision compile"):
        Embedder(tmp_path / "net.onnx")
    odd = tmp_path / "ein schöner Name é 模型.so"
    shutil.copy(model_file, odd)
    assert Model(odd).target == "test"


def test_elf_of_another_machine_or_kind(tmp_path: Path, model_file: Path) -> None:
    content = bytearray(model_file.read_bytes())
    struct.pack_into("<H", content, 18, 40)
    with pytest.raises(ModelFileError, match="another machine .it is for 32-bit ARM, this process"):
        Model(damaged(tmp_path, bytes(content)))
    content = bytearray(model_file.read_bytes())
    struct.pack_into("<H", content, 16, 1)
    with pytest.raises(ModelFileError, match="ELF type 1 instead of a shared object"):
        Model(damaged(tmp_path, bytes(content)))
    content = bytearray(model_file.read_bytes())
    content[4] = 1
    with pytest.raises(ModelFileError, match="another machine"):
        Model(damaged(tmp_path, bytes(content)))


@pytest.mark.qemu
def test_a_real_file_of_another_machine(make_model: Any) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the cross compiler targets this machine")
    path = make_model(cc="aarch64-linux-gnu-gcc", name="cross")
    with pytest.raises(ModelFileError, match="it is for aarch64, this process runs on x86-64"):
        Model(path)


def test_a_shared_object_that_is_no_model(make_model: Any) -> None:
    with pytest.raises(ModelFileError, match="exports no symbol pocketvision_model"):
        Model(make_model(SYMBOL="something_else"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"MAGIC": 1}, "wrong magic number"),
        ({"ABI": 99}, "its ABI version is 99, this runtime reads 2"),
        ({"STRUCT_BYTES": 8}, "8 bytes, expected"),
        ({"ARCH": 3}, "names architecture 3"),
        ({"TARGET": "0"}, "no null pointer"),
        ({"RUN": "0"}, "no null pointer"),
        ({"FEATURES": "(1u << 9)"}, "lacks instructions .*missing: dot product"),
        ({"FEATURES": "(1u << 31)"}, "feature bits 0x80000000"),
        ({"ARENA_BYTES": "(UINT64_C(1) << 62)"}, "arena"),
        ({"ARENA_BYTES": "UINT64_MAX"}, "18446744073709551615 bytes aligned to 64"),
        ({"ARENA_ALIGNMENT": 0}, "aligned to 0"),
        ({"ARENA_ALIGNMENT": 48}, "aligned to 48"),
        ({"ARENA_ALIGNMENT": "(1u << 30)"}, "arena"),
        ({"SCALE": "0.0f"}, "input or output is impossible"),
        ({"SCALE": "-1.0f"}, "input or output is impossible"),
        ({"SCALE": "__builtin_nanf(\"\")"}, "input or output is impossible"),
        ({"SCALE": "__builtin_inff()"}, "input or output is impossible"),
        ({"ZERO_POINT": 200}, "input or output is impossible"),
        ({"HEIGHT": 0, "RUN": "run_zeros"}, "input or output is impossible"),
        ({"HEIGHT": "16384", "RUN": "run_zeros"}, "input or output is impossible"),
    ],
)  # fmt: skip
def test_descriptions(make_model: Any, values: dict[str, Any], message: str) -> None:
    if values.get("FEATURES") == "(1u << 9)" and os.uname().machine != "x86_64":
        pytest.skip("this processor may have the dot product")
    with pytest.raises(ModelFileError, match=message):
        Model(make_model(**values))


RECORDS: list[tuple[Any, str]] = [
    ("{", "expected JSON text"),
    ("\xff\xfe", "record"),
    ("[" * 100000, "expected JSON text"),
    ("", "has no record"),
    ("{}", "has no record"),
    (" ", "has no record"),
    ("null", "expected a JSON object"),
    ({"name": "../../etc"}, "is missing"),
]


@pytest.mark.parametrize(("record", "message"), RECORDS, ids=range(len(RECORDS)))
def test_records(make_model: Any, record: Any, message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        Embedder(make_model(RECORD=record))


def test_the_command_refuses_with_2(tmp_path: Path, model_file: Path) -> None:
    path = damaged(tmp_path, model_file.read_bytes()[:5000])
    command = [sys.executable, "-m", "pocketvision", "info", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("pocketvision: error: ") and result.stderr.count("\n") == 1


def test_preprocessing_that_would_overflow(make_model: Any, record_values: Any) -> None:
    """Extreme but finite normalisation saturates; it is no undefined conversion."""
    record = copy.deepcopy(record_values)
    record["preprocess"].update(mean=[-1e30, 1e30, 0.0], std=[1e-6, 1e-6, 1.0])
    embedder = Embedder(make_model(SCALE="1e-30f", RECORD=record))
    stored = embedder._tables.apply(np.full((1, 1, 3), 7, np.uint8)).view(np.int8)
    assert stored.ravel().tolist() == [127, -128, 127]
