"""Facts that make a measurement repeatable: processor, system, load, date and versions."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

PACKAGES = ("pocketvision", "numpy")
RESTRICTED = "POCKETVISION_BENCH_PROCESSOR"
"""Environment variable that names what ``--processor`` of tests/bench/peers leaves of this one."""


def version(package: str) -> str | None:
    """Installed version of a package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def load() -> float | None:
    """Processes that wanted a processor over the last minute, on average; None: not told."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def facts(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Processor, instruction sets that matter here, system, load, date (UTC), versions, as text.

    ``packages``: distributions whose versions count, where they are installed.
    """
    versions = {name: version(name) for name in packages}
    busy = load()
    restricted = os.environ.get(RESTRICTED)
    return {
        "processor": _cpuinfo("model name") or platform.processor() or platform.machine(),
        "features": " ".join(
            name
            for name in (
                *("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8"),
                "asimddp",
            )
            if name in _flags()
        )
        + (f"; {_shown(restricted)}" if restricted else ""),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load": f"{busy:.2f} on {os.cpu_count()} processors" if busy is not None else "not told",
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "versions": ", ".join(f"{name} {found}" for name, found in versions.items() if found),
    }


def _shown(restricted: str) -> str:
    """What ``--processor`` leaves, in words."""
    if restricted == "avx512":
        return "CPUID hides AMX"
    return f"CPUID shows {restricted} and nothing newer"


def _flags() -> list[str]:
    return (_cpuinfo("flags") or _cpuinfo("Features") or "").split()


def _cpuinfo(key: str) -> str | None:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return None
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            family = _family() if key == "model name" else ""
            return value.strip() + family
    return None


def _family() -> str:
    """Family and model number, since cloud machines hide the marketing name."""
    return f" (family {_cpuinfo('cpu family')}, model {_cpuinfo('model')})"
