"""Constants that the compiler writes for firmware, read back from C as the host compiles it."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

from pocketvision.compile.emit import sources


def read_back(folder: Path, header: str, text: str, kind: type[Any], name: str) -> Any:
    """The constant ``name`` of ``text``, the ctypes structure ``kind``.

    Args:
        folder: an empty one; its ``main.c`` stays for other compilers.
        header: that of ``pocketvision/`` which declares ``pv_`` and the last words of ``name``.
        text: its definition, as ``face_recipe`` and ``detect_recipe`` write it.
    """
    declared = "pv_" + name.partition("_")[2]
    (folder / "main.c").write_text(
        f"#include <pocketvision/{header}>\n{text}"
        f"extern const {declared} *const found;\nconst {declared} *const found = &{name};\n"
    )
    subprocess.run(
        ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC",
         f"-I{sources.include_directory()}", "main.c", "-o", "main.so"],
        check=True, cwd=folder,
    )  # fmt: skip
    library = ctypes.CDLL(str(folder / "main.so"))
    return ctypes.POINTER(kind).in_dll(library, "found").contents
