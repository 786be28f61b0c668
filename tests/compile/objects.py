"""Object files of kernels that this test session has compiled already, found by their content.

A network is compiled by several tests: for its bytes, its instructions, its size. What the code
generator is given is made anew each time; only where all of it is the same is its object reused.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tvm_ffi import structural_hash

from pocketvision.compile.emit import codegen
from pocketvision.compile.targets import Target

compiled_anew = codegen.object_code
"""The compiler's own, for tests of what it writes."""


def session_folder(factory: pytest.TempPathFactory) -> Path:
    """One folder for all processes of this session, and for no other session."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def key(functions: dict[str, Any], target: Target) -> str:
    """The kernels by name and structure, with constants and types, and what LLVM is told."""
    parts = [repr(target.llvm), *(f"{n} {structural_hash(f)}" for n, f in functions.items())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Objects:
    """``codegen.object_code`` with a memory in a folder that processes share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "objects"
        self.folder.mkdir(exist_ok=True)

    def __call__(self, functions: dict[str, Any], target: Target) -> bytes:
        kept = self.folder / key(functions, target)
        if kept.is_file():
            return kept.read_bytes()
        made = compiled_anew(functions, target)
        # Whole or not at all: another process may look for it now.
        partial = kept.with_suffix(f".{os.getpid()}")
        partial.write_bytes(made)
        partial.replace(kept)
        return made


@pytest.fixture(autouse=True, scope="session")
def _objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Kernels are compiled once in a session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codegen, "object_code", Objects(session_folder(tmp_path_factory)))
        yield
