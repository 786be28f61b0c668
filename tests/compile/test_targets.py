"""The targets' names, their families, and processors that lack what a target needs."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import pytest

from pocketvision.compile import FAMILIES, TARGETS, CompileError, pipeline, targets
from pocketvision.compile.targets import ARCH_AARCH64

from .graphs import Builder
from .runners import Machines

HEADER = Path(__file__).resolve().parents[2] / "csrc/include/pocketvision/model.h"


@pytest.mark.parametrize("name", TARGETS)
def test_a_name_is_its_target(name: str) -> None:
    assert targets.resolve(name) == [TARGETS[name]]
    assert TARGETS[name].name == name
    isa = pipeline.instruction_set(TARGETS[name])
    module, kind = TARGETS[name].kernels
    assert type(isa).__name__ == kind and type(isa).__module__.endswith(f".{module}")


def test_families_hold_every_target_once() -> None:
    assert sorted(name for family in FAMILIES.values() for name in family) == sorted(TARGETS)
    for family, names in FAMILIES.items():
        assert targets.resolve(family) == [TARGETS[name] for name in names]


def test_host_is_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for machine, family in (("x86_64", "x86-64"), ("arm64", "aarch64"), ("AMD64", "x86-64")):
        monkeypatch.setattr(platform, "machine", lambda name=machine: name)
        assert targets.resolve("host") == targets.resolve(family)
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(CompileError, match="riscv64 is not supported; name one of .*x86-64-vnni"):
        targets.resolve("host")


def test_an_unknown_name_lists_all() -> None:
    with pytest.raises(CompileError) as caught:
        targets.resolve("cortex-m9")
    for name in ("'cortex-m9'", *TARGETS, *FAMILIES, "host"):
        assert name in str(caught.value)


def test_the_numbers_are_those_of_the_header() -> None:
    text = HEADER.read_text()
    assert f"PV_ARCH_X86_64 = {targets.ARCH_X86_64}," in text
    assert f"PV_ARCH_AARCH64 = {targets.ARCH_AARCH64}," in text
    assert f"PV_ARCH_ARM_M = {targets.ARCH_ARM_M} " in text
    for feature in (
        *("AVX2", "AVX512_VNNI", "AVX_VNNI", "NEON", "DOTPROD", "I8MM"),
        *("DSP", "FPU", "FPV5", "MVE"),
    ):
        found = re.search(rf"PV_FEATURE_{feature} = 1 << (\d+)", text)
        assert found
        assert getattr(targets, f"FEATURE_{feature}") == 1 << int(found[1])


def test_the_runtime_prefers_the_targets_in_their_order() -> None:
    """csrc/runtime/host/features.c lists each host target with the feature that it adds."""
    text = (HEADER.parents[2] / "runtime/host/features.c").read_text()
    listed = re.findall(r'\{"([\w-]+)", PV_ARCH_(\w+), (?:PV_FEATURE_(\w+)|0),', text)
    assert [name for name, _, _ in listed] == [n for n, t in TARGETS.items() if not t.firmware]
    for name, arch, feature in listed:
        assert TARGETS[name].arch == getattr(targets, f"ARCH_{arch}")
        if feature:
            assert TARGETS[name].features & getattr(targets, f"FEATURE_{feature}")
        else:
            assert TARGETS[name].features == 0


def test_a_processor_without_dot_products_is_told_so(machines: Machines, tmp_path: Path) -> None:
    target = TARGETS["aarch64-dotprod"]
    if machines.native == "aarch64":
        pytest.skip("the processor can be chosen in QEMU only")
    machines.require(target)
    build = Builder(1, (3, 3, 4))
    done = pipeline.compile_graph(build.graph(build.conv("input", 4)), target, tmp_path / "m.so")
    (tmp_path / "in.bin").write_bytes(bytes(3 * 3 * 4))
    arguments = [str(tmp_path / name) for name in ("m.so", "in.bin", "out.bin")]
    refused = machines.start(ARCH_AARCH64, arguments, cpu="cortex-a53")
    assert refused.returncode == 1
    assert str(done.path) in refused.stderr and "missing: dot product" in refused.stderr
    accepted = machines.start(ARCH_AARCH64, arguments, cpu="max")
    assert accepted.returncode == 0, accepted.stderr


def test_the_plain_variant_runs_on_that_processor(machines: Machines, tmp_path: Path) -> None:
    target = TARGETS["aarch64-neon"]
    if machines.native == "aarch64":
        pytest.skip("the processor can be chosen in QEMU only")
    machines.require(target)
    build = Builder(1, (3, 3, 4))
    pipeline.compile_graph(build.graph(build.conv("input", 4)), target, tmp_path / "m.so")
    (tmp_path / "in.bin").write_bytes(bytes(3 * 3 * 4))
    arguments = [str(tmp_path / name) for name in ("m.so", "in.bin", "out.bin")]
    done = machines.start(ARCH_AARCH64, arguments, cpu="cortex-a53")
    assert done.returncode == 0, done.stderr
