"""The digest at the end of a compiled model, which the runtime checks before it links the file."""

from __future__ import annotations

import struct
from pathlib import Path

import xxhash

MAGIC = b"PVDIGEST"
TRAILER = struct.Struct("<8sQQQ")


def seal(path: Path) -> None:
    """Appends the digest; csrc/runtime/host/digest.c describes its 32 bytes and reads them.

    A program that writes the file anew, such as strip, cuts it off.
    """
    content = path.read_bytes()
    with path.open("ab") as file:
        file.write(TRAILER.pack(MAGIC, len(content), xxhash.xxh64_intdigest(content), 0))
