"""Conversions are made once: a file that exists is taken as it is, a refusal is remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from pocketvision.files import write_text

from ..candidate import Absent


def once(outputs: Sequence[Path], make: Callable[[], object]) -> None:
    """Calls ``make`` unless every one of ``outputs`` exists.

    What ``make`` raises as Absent is kept beside the first output and raised again by later calls:
    a converter may work for minutes before it gives up. Delete the ``.refused`` file to try again.
    """
    refused = outputs[0].with_name(f"{outputs[0].name}.refused")
    if refused.is_file():
        raise Absent(refused.read_text(encoding="utf-8").strip())
    if all(output.exists() for output in outputs):
        return
    try:
        make()
    except Absent as reason:
        write_text(refused, f"{reason}\n")
        raise
    missing = [output.name for output in outputs if not output.exists()]
    if missing:
        raise Absent(f"the converter wrote no {', '.join(missing)}")


def digest(files: Sequence[Path]) -> str:
    """Eight hexadecimal digits that change with the content of ``files``; names what is kept."""
    found = hashlib.sha256()
    for path in files:
        found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()[:8]
