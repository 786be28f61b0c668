"""A Python for aarch64 with the peers' wheels, unpacked below a folder and run in QEMU."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ..candidate import Absent
from ..runtimes.environment import Environment, run

PACKAGES = ("python3.11-minimal", "libpython3.11-stdlib", "libstdc++6")
"""Debian's packages for arm64; what they need comes with them."""

WHEELS = {
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "ncnn": "ncnn",
    "litert": "ai-edge-litert",
    "openvino": "openvino",
}
"""Runtime to its wheel. Each is installed without requirements: what it imports beyond numpy is not
needed to run a model."""

PLATFORMS = tuple(f"--platform=manylinux_2_{minor}_aarch64" for minor in (35, 31, 28, 27, 24, 17))

CPU = "cortex-a76"

CPUINFO = """processor\t: 0
Features\t: fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1
"""
"""What a Cortex-A76 says. The host's says nothing of ARM, and onnxruntime crashes over that."""


@dataclass(frozen=True)
class Guest:
    """``folder/root`` holds Debian's files, ``folder/site`` the wheels."""

    folder: Path

    @property
    def root(self) -> Path:
        return (self.folder / "root").absolute()

    @property
    def site(self) -> Path:
        return (self.folder / "site").absolute()

    def version(self, runtime: str) -> str | None:
        """Installed version of a runtime's wheel, or None."""
        wheel = WHEELS.get(runtime, runtime)
        found = metadata.distributions(name=wheel, path=[str(self.site)])
        return next((one.version for one in found), None) if self.site.is_dir() else None

    def check(self) -> None:
        """Raises Absent that says what is missing."""
        if shutil.which("qemu-aarch64") is None:
            raise Absent("qemu-aarch64 is absent; apt-get install qemu-user")
        if not (self.root / "usr/bin/python3.11").exists() or self.version("numpy") is None:
            raise Absent(f"no Python for aarch64 in {self.folder}; run with --install")

    def has(self, runtime: str) -> None:
        """Raises Absent that says so where the wheel of a runtime is not installed."""
        if self.version(runtime) is None:
            wheel = WHEELS[runtime]
            raise Absent(f"no wheel of {wheel} for aarch64 in {self.site}; run with --install")

    def install(self, envs: Path, note: Callable[[str], None]) -> None:
        """Fetches what is missing, in the versions that this host has; notes wheels refused.

        Needs Debian's apt-get, whose own state it leaves alone, and pip. Raises Absent with a
        reason where Python itself could not be unpacked.
        """
        if not (self.root / "usr/bin/python3.11").exists():
            self._unpack()
        for file, text in (("proc/cpuinfo", CPUINFO), *_SYSTEM):
            path = self.root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", *PLATFORMS]
        command += ["--python-version=3.11", "--only-binary=:all:", f"--target={self.site}"]
        for runtime, wheel in WHEELS.items():
            if self.version(runtime) is None:
                try:
                    run([*command, _pinned(wheel, envs)])
                except Absent as reason:
                    note(f"{wheel} for aarch64 could not be installed: {reason}")

    def _unpack(self) -> None:
        if shutil.which("apt-get") is None:
            raise Absent("apt-get is absent: Python for aarch64 comes from Debian's packages")
        apt = (self.folder / "apt").absolute()
        for inner in ("state/lists/partial", "cache/archives/partial"):
            (apt / inner).mkdir(parents=True, exist_ok=True)
        (apt / "status").touch()
        options = ["APT::Architecture=arm64", "APT::Architectures::=arm64"]
        options += [f"Dir::State={apt / 'state'}", f"Dir::State::status={apt / 'status'}"]
        options += [f"Dir::Cache={apt / 'cache'}", "Debug::NoLocking=1"]
        command = ["apt-get", "-q", *(word for option in options for word in ("-o", option))]
        run([*command, "update"])
        only = ["--yes", "--download-only", "--no-install-recommends"]
        run([*command, "install", *only, *PACKAGES])
        partial = self.root.with_name("root.partial")
        shutil.rmtree(partial, ignore_errors=True)
        for package in sorted((apt / "cache/archives").glob("*.deb")):
            run(["dpkg-deb", "-x", str(package), str(partial)])
        partial.rename(self.root)
        shutil.rmtree(apt)

    def mark(self) -> Path:
        """The library with ``mark()``; raises Absent without a cross compiler."""
        from pocketvision.compile import CompileError
        from pocketvision.compile.machines.programs import built

        package = "gcc-aarch64-linux-gnu"
        try:
            return built("mark.c", ("-shared", "-fPIC"), ("aarch64-linux-gnu-gcc",), package)
        except CompileError as error:
            raise Absent(str(error)) from error

    def emulator(self) -> list[str]:
        """QEMU as a Cortex-A76, with what the guest's Python has to know."""
        words = [f"PYTHONPATH={self.site}", f"PYTHONHOME={self.root / 'usr'}"]
        settings = [part for word in words for part in ("-E", word)]
        return ["qemu-aarch64", "-cpu", CPU, "-L", str(self.root), *settings]

    def program(self, script: Path, *arguments: str) -> list[str]:
        """What follows the emulator: the guest's Python and a script."""
        return [str(self.root / "usr/bin/python3.11"), str(script), *arguments]


_CPUS = "sys/devices/system/cpu"
_IDENTITY = f"{_CPUS}/cpu0/regs/identification/midr_el1"
_SYSTEM = (
    *((f"{_CPUS}/{name}", "0\n") for name in ("possible", "present", "online")),
    (_IDENTITY, "0x00000000414fd0b1\n"),
)
"""One processor, and its identity: OpenVINO crashes where that cannot be read."""


def _pinned(name: str, envs: Path) -> str:
    try:
        version: str | None = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = Environment("litert", envs).version(name)
    return f"{name}=={version}" if version else name
