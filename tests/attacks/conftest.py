"""Fixtures of the attacks: functions of the loader that it exports to nobody."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def c_library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """csrc/runtime/host/digest.c and what it calls, as the wheel compiles them."""
    out = tmp_path_factory.mktemp("digest") / "digest.so"
    sources = [ROOT / "csrc" / "runtime" / "host" / f"{name}.c" for name in ("digest", "elf")]
    subprocess.run(
        ["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O3", "-shared", "-fPIC",
         f"-I{ROOT / 'csrc' / 'include'}", *map(str, sources), "-o", str(out)],
        check=True,
    )  # fmt: skip
    library = ctypes.CDLL(str(out))
    library.pv_xxh64.restype = ctypes.c_uint64
    library.pv_xxh64.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return library
