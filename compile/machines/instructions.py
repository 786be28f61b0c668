"""Executed instructions, counted exactly by a QEMU plugin of our own (csrc/tools/icount.c)."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import CompileError
from ..files import workspace
from .programs import built

MARKS = {"aarch64": bytes.fromhex("ff2f03d5"), "thumb": bytes.fromhex("aff37f80")}
"""The marker instruction of csrc/tools/stamp.h in memory order."""

INTERFACE = "the counter needs plugin interface 1: QEMU 6 to 8, as in Debian 12's package qemu-user"


@dataclass(frozen=True)
class Instruction:
    """One instruction of a region: where it stands, how often it ran, its bytes."""

    address: int
    executed: int
    code: bytes


@dataclass(frozen=True)
class Region:
    """What ran between two markers; ``instructions`` only where a histogram was asked for."""

    executed: int
    instructions: tuple[Instruction, ...] = ()


def count(
    emulator: Sequence[str], program: Sequence[str], mark: bytes, *, histogram: bool = False
) -> list[Region]:
    """Runs ``emulator program`` and counts between its markers.

    Args:
        emulator: qemu-aarch64 or qemu-system-arm with its options.
        program: what follows: a program with arguments, or ``-kernel IMAGE``.
        mark: one of ``MARKS``.
        histogram: also list every executed instruction.

    Raises:
        CompileError: no host compiler for the plugin, QEMU takes no plugin, the program failed.
    """
    plugin = built("icount.c", ("-shared", "-fPIC", "-fvisibility=hidden"))
    with workspace() as work:
        out = work / "regions"
        parts = [str(plugin), f"mark={mark.hex()}", f"out={out}", *["histogram=on"] * histogram]
        parts += ["thumb=on"] * (mark == MARKS["thumb"])
        # QEMU splits its options at commas; a doubled one stands for itself.
        option = ",".join(part.replace(",", ",,") for part in parts)
        command = [*emulator, "-plugin", option, *program]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = (done.stderr.strip() or done.stdout.strip())[:500]
        if not out.exists():
            raise CompileError(f"{emulator[0]} does not take the plugin: {said}; {INTERFACE}")
        if done.returncode:
            raise CompileError(f"{program[-1]} ended with {done.returncode} in QEMU: {said}")
        return _read(out)


def _read(path: Path) -> list[Region]:
    found: list[tuple[int, list[Instruction]]] = []
    with path.open() as lines:
        for line in lines:
            first, second, third = line.split()
            if first == "region":
                found.append((int(third), []))
            else:
                code = bytes.fromhex(third)
                found[-1][1].append(Instruction(int(first, 16), int(second), code))
    return [Region(executed, tuple(instructions)) for executed, instructions in found]
