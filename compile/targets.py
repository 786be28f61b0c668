"""The targets: what LLVM is told, which kernels are used, what the processor must have."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Any

from .errors import CompileError

ARCH_X86_64, ARCH_AARCH64, ARCH_ARM_M = 1, 2, 3
FEATURE_AVX2, FEATURE_AVX512_VNNI, FEATURE_AVX_VNNI = 1 << 0, 1 << 1, 1 << 2
FEATURE_NEON, FEATURE_DOTPROD, FEATURE_I8MM = 1 << 8, 1 << 9, 1 << 10
FEATURE_DSP, FEATURE_FPU, FEATURE_FPV5, FEATURE_MVE = 1 << 16, 1 << 17, 1 << 18, 1 << 19


@dataclass(frozen=True)
class Target:
    """One instruction set to compile for.

    ``arch`` and ``features`` are the numbers of csrc/include/pocketvision/model.h; ``kernels``
    names the module and class of compile/kernels/isa; ``triple`` prefixes the cross C compiler, and
    ``options`` choose the same processor there. A report's peak is that of csrc/tools/peak.c
    compiled with ``peak``, or on ARM ``products`` multiply-accumulates an instruction.
    """

    name: str
    arch: int
    features: int
    kernels: tuple[str, str]
    llvm: tuple[tuple[str, Any], ...]
    triple: str
    options: tuple[str, ...] = ()
    peak: tuple[str, ...] = ()
    products: int = 0

    @property
    def firmware(self) -> bool:
        """Whether models become static libraries for images without an operating system."""
        return self.arch == ARCH_ARM_M


def _x86(name: str, features: int, kernels: tuple[str, str], cpu: str, *attributes: str) -> Target:
    llvm: tuple[tuple[str, Any], ...] = (
        ("kind", "llvm"),
        ("mtriple", "x86_64-linux-gnu"),
        ("mcpu", cpu),
    )
    if attributes:
        llvm = (*llvm, ("mattr", attributes))
    peak = (f"-march={cpu}", *(f"-m{name.removeprefix('+')}" for name in attributes))
    return Target(name, ARCH_X86_64, features, kernels, llvm, "x86_64-linux-gnu", peak=peak)


def _aarch64(
    name: str, features: int, kernels: tuple[str, str], march: str, products: int, *attributes: str
) -> Target:
    llvm: tuple[tuple[str, Any], ...] = (
        ("kind", "llvm"),
        ("mtriple", "aarch64-linux-gnu"),
        ("mcpu", "generic"),
    )
    llvm = (*llvm, ("mattr", attributes))
    peak = (f"-march={march}",)
    return Target(
        name, ARCH_AARCH64, features, kernels, llvm, "aarch64-linux-gnu", (), peak, products
    )


def _cortex_m(
    core: str,
    features: int,
    kernels: tuple[str, str],
    architecture: str,
    fpu: str,
    products: int,
    *absent: str,
) -> Target:
    """``absent``: what LLVM takes the core to have and a small configuration of it lacks."""
    llvm: tuple[tuple[str, Any], ...] = (
        ("kind", "llvm"),
        ("mtriple", f"thumb{architecture}-none-eabihf"),
        ("mcpu", core),
        ("mfloat-abi", "hard"),
        ("vector-width", 128),
    )
    if absent:
        llvm = (*llvm, ("mattr", absent))
    options = (f"-mcpu={core}", "-mthumb", "-mfloat-abi=hard", f"-mfpu={fpu}")
    needs = FEATURE_DSP | FEATURE_FPU | features
    return Target(
        core, ARCH_ARM_M, needs, kernels, llvm, "arm-none-eabi", options, products=products
    )


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        _x86(
            "x86-64-vnni",
            FEATURE_AVX2 | FEATURE_AVX512_VNNI,
            ("vnni", "Vnni"),
            "x86-64-v4",
            "+avx512vnni",
        ),
        _x86(
            "x86-64-avxvnni",
            FEATURE_AVX2 | FEATURE_AVX_VNNI,
            ("avx_vnni", "AvxVnni"),
            "x86-64-v3",
            "+avxvnni",
        ),
        _x86("x86-64-avx2", FEATURE_AVX2, ("avx2", "Avx2"), "x86-64-v3"),
        _x86("x86-64-portable", 0, ("generic", "Generic"), "x86-64"),
        _aarch64(
            "aarch64-i8mm",
            FEATURE_NEON | FEATURE_DOTPROD | FEATURE_I8MM,
            ("i8mm", "I8mm"),
            "armv8.2-a+i8mm",
            32,  # SMMLA
            "+neon",
            "+rdm",
            "+dotprod",
            "+i8mm",
        ),
        _aarch64(
            "aarch64-dotprod",
            FEATURE_NEON | FEATURE_DOTPROD,
            ("dotprod", "DotProd"),
            "armv8.2-a+dotprod",
            16,  # SDOT
            "+neon",
            "+rdm",  # part of ARMv8.1; dot products came with ARMv8.2
            "+dotprod",
        ),
        _aarch64("aarch64-neon", FEATURE_NEON, ("neon", "Neon"), "armv8-a", 4, "+neon"),
        _cortex_m("cortex-m4", 0, ("dsp", "Dsp"), "v7em", "fpv4-sp-d16", 2),
        _cortex_m("cortex-m7", FEATURE_FPV5, ("dsp", "Dual"), "v7em", "fpv5-sp-d16", 2, "-fp64"),
        _cortex_m("cortex-m33", FEATURE_FPV5, ("dsp", "Dsp"), "v8m.main", "fpv5-sp-d16", 2),
        _cortex_m(
            "cortex-m55",
            FEATURE_FPV5 | FEATURE_MVE,
            ("mve", "Mve"),
            "v8.1m.main",
            "auto",
            16,  # VMLADAV; the others have SMLAD
            "-fp64",
        ),
    )
}

FAMILIES = {
    family: tuple(name for name in TARGETS if name.startswith(family))
    for family in ("x86-64", "aarch64", "cortex-m")
}
"""A family compiles to one file per member; of a host's, the runtime picks the best it can run."""

HOSTS = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "aarch64", "arm64": "aarch64"}


def resolve(name: str) -> list[Target]:
    """Targets that a name stands for: one, a family's, or with ``host`` this machine's family.

    Raises:
        CompileError: no such target; the message lists all.
    """
    if name == "host":
        machine = platform.machine().lower()
        if machine not in HOSTS:
            raise CompileError(f"target host: {machine} is not supported; name one of {choices()}")
        name = HOSTS[machine]
    if name in FAMILIES:
        return [TARGETS[member] for member in FAMILIES[name]]
    if name in TARGETS:
        return [TARGETS[name]]
    raise CompileError(f"target {name!r} is unknown; choose one of {choices()}")


def choices() -> str:
    """Every name that ``resolve`` takes."""
    return ", ".join((*TARGETS, *FAMILIES, "host"))
