"""The package's extras, as its metadata lists them, and what of each is not installed."""

from __future__ import annotations

import re
from importlib import metadata

_REQUIREMENT = re.compile(r"([\w.-]+)(?:\[([^\]]*)\])?\s*([^;]*);\s*extra == ['\"]([\w-]+)['\"]")

EXTRAS = (
    *("image", "gallery", "plot", "groups", "video", "index", "compile", "training"),
    *("cluster", "demo", "bench", "dev"),
)
"""In the order in which they build on each other."""


def missing() -> dict[str, list[str]]:
    """By extra the distributions that are absent, or of another version than one that is pinned.

    Versions are compared where one is asked for exactly; of ranges pip itself takes care.
    """
    wanted = _wanted(metadata.requires("pocketvision") or [])
    return {extra: sorted(_absent(extra, wanted)) for extra in EXTRAS if extra in wanted}


def _wanted(lines: list[str]) -> dict[str, list[tuple[str, list[str], str]]]:
    """By extra: distribution, its own extras, and the versions that will do."""
    found: dict[str, list[tuple[str, list[str], str]]] = {}
    for line in lines:
        if match := _REQUIREMENT.fullmatch(line.strip()):
            name, inner, versions, extra = match.groups()
            inside = [part.strip() for part in (inner or "").split(",") if part.strip()]
            found.setdefault(extra, []).append((name, inside, versions.strip()))
    return found


def _absent(extra: str, wanted: dict[str, list[tuple[str, list[str], str]]]) -> set[str]:
    found: set[str] = set()
    for name, inside, versions in wanted.get(extra, ()):
        if name == "pocketvision":
            for other in inside:
                found |= _absent(other, wanted)
            continue
        try:
            there = metadata.version(name)
        except metadata.PackageNotFoundError:
            found.add(name)
            continue
        pinned = re.fullmatch(r"==\s*([\w.]+)", versions)
        if pinned and there.partition("+")[0] != pinned[1]:
            found.add(f"{name} {pinned[1]} (there is {there})")
    return found
