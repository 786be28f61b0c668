"""Environments of their own for peers whose requirements disagree with ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ..candidate import Absent

TORCH = "torch==2.13.0"
"""Pinned everywhere: another version, or an unpinned one, may be a build for GPUs."""

HERE = ("onnxruntime", "openvino", "nncf", "ncnn", "pnnx")
"""Peers that live beside pocketvision in its own environment."""

APART = {
    "litert": ("ai-edge-litert", "litert-torch", "ai-edge-quantizer"),
    "executorch": ("executorch", "torchao"),
}
"""Environment to the packages it needs, besides torch."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment ``folder/name`` with the packages of ``APART[name]``."""

    name: str
    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / self.name

    @property
    def python(self) -> Path:
        # Absolute, yet not resolved: the link inside the environment is what makes it one.
        return (self.home / "bin" / "python").absolute()

    def version(self, package: str) -> str | None:
        """Installed version of a package in the environment, or None."""
        sites = [str(path) for path in self.home.glob("lib/python*/site-packages")]
        found = metadata.distributions(name=package, path=sites) if sites else ()
        return next((one.version for one in found), None)

    def check(self) -> None:
        """Raises Absent that says which packages the environment lacks."""
        lacking = [name for name in APART[self.name] if self.version(name) is None]
        if lacking or not self.python.exists():
            raise Absent(f"{', '.join(lacking)} not installed in {self.home}; run with --install")

    def install(self) -> None:
        """Makes the environment and installs what it lacks; raises Absent with pip's reason."""
        try:
            self.check()
        except Absent:
            run([sys.executable, "-m", "venv", str(self.home)])
            run([str(self.python), "-m", "pip", "install", "-q", TORCH, *APART[self.name]])


def install(folder: Path, note: Callable[[str], None]) -> None:
    """Installs every peer that is missing: here, or below ``folder``; notes what pip refused."""
    lacking = [name for name in HERE if not _installed(name)]
    steps: list[tuple[str, Callable[[], None]]] = [
        (name, lambda name=name: run([sys.executable, "-m", "pip", "install", "-q", TORCH, name]))  # type: ignore[misc]
        for name in lacking
    ]
    steps += [(name, Environment(name, folder).install) for name in APART]
    for name, step in steps:
        try:
            step()
        except Absent as reason:
            note(f"{name} could not be installed: {reason}")


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def run(command: list[str]) -> None:
    """Runs an installer; raises Absent with what it said where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith(("ERROR", "E:"))]
        raise Absent(" ".join(said)[-300:] or f"{' '.join(command)} ended with {done.returncode}")
