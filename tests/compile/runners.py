"""Runs compiled models where they belong: natively, or in QEMU for aarch64 and Cortex-M."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Graph
from pocketvision.compile.machines.execute import rows_of
from pocketvision.compile.pipeline import Compiled, compile_graph
from pocketvision.compile.targets import ARCH_AARCH64, ARCH_X86_64, FAMILIES, HOSTS, TARGETS, Target

from .boards import Boards, require_board

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "training" / "weights"
RUNTIME = [
    ROOT / "csrc" / "runtime" / f"{part}.c"
    for part in (
        *("core/status", "core/session", "host/digest", "host/elf", "host/features"),
        *("host/loader", "host/image"),
    )
]
SYSROOT = "/usr/aarch64-linux-gnu"


class Machines:
    """Builds one runner per architecture on first use; skips, with the remedy, what cannot run."""

    def __init__(self, folder: Path, native: str) -> None:
        self.folder = folder
        self.boards = Boards(folder)
        self.native = HOSTS.get(native, "")
        self._runners: dict[int, Path] = {}
        self._features: dict[int, int] = {}

    def require(self, target: Target) -> None:
        """Skips the calling test where ``target`` cannot run here."""
        if target.firmware:
            require_board()
            return
        if not self._is_native(target.arch):
            if target.arch == ARCH_X86_64:
                pytest.skip(f"{target.name}: runs on x86-64 hosts only")
            for tool, package in (
                ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
                (self._qemu(), "qemu-user"),
            ):
                if shutil.which(tool) is None:
                    pytest.skip(f"{target.name}: {tool} is absent; apt-get install {package}")
        missing = target.features & ~self._host_features(target.arch)
        if missing:
            pytest.skip(f"{target.name}: this processor lacks the features {missing:#x}")

    def best(self) -> str:
        """The first target of this machine's family that its processor supports."""
        for name in FAMILIES[self.native]:
            try:
                self.require(TARGETS[name])
            except pytest.skip.Exception:
                continue
            return name
        pytest.skip("no target for this machine")

    def check(self, graph: Graph, target_name: str, *inputs: np.ndarray) -> Compiled:
        """Compiles ``graph`` and asserts the reference's bytes on int8 (N, H, W, C) ``inputs``."""
        target = TARGETS[target_name]
        self.require(target)
        done = compile_graph(graph, target, self.folder / f"{target_name}.so")
        values = reference.run_all(graph, inputs)
        expected = [values[name] for name in graph.outputs]
        found = self.run(done.path, target, graph, *inputs)
        for name, wanted, got in zip(graph.outputs, expected, found, strict=True):
            expect_bytes(f"{target_name}: {name}", wanted, got, graph)
        return done

    def compare(
        self, path: Path, graph: Graph, target_name: str, inputs: np.ndarray, expected: np.ndarray
    ) -> None:
        """Asserts that a compiled file of one output gives ``expected`` byte for byte."""
        (found,) = self.run(path, TARGETS[target_name], graph, inputs)
        expect_bytes(target_name, expected, found, graph)

    def run(
        self, path: Path, target: Target, graph: Graph, *inputs: np.ndarray
    ) -> list[np.ndarray]:
        """(N, H, W, C) of each output; fails the test where the process fails."""
        source, result = self.folder / "inputs.bin", self.folder / "outputs.bin"
        source.write_bytes(rows_of(inputs))
        if target.firmware:
            self.boards.run(path, target, source.name, result.name)
            return split(graph, result.read_bytes(), len(inputs[0]))
        done = self.start(target.arch, [str(path), str(source), str(result)])
        if done.returncode:
            raise AssertionError(
                f"{target.name}: the runner ended with {done.returncode}: {done.stderr.strip()}"
            )
        return split(graph, result.read_bytes(), len(inputs[0]))

    def start(
        self, arch: int, arguments: list[str], cpu: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """The runner with ``arguments``, on the processor ``cpu`` of QEMU."""
        command = [str(self._runner(arch)), *arguments]
        if not self._is_native(arch):
            emulate = [self._qemu(), "-L", SYSROOT]
            command = [*emulate, *(["-cpu", cpu] if cpu else []), *command]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def _is_native(self, arch: int) -> bool:
        return self.native == {ARCH_X86_64: "x86-64", ARCH_AARCH64: "aarch64"}[arch]

    @staticmethod
    def _qemu() -> str:
        return "qemu-aarch64" if shutil.which("qemu-aarch64") else "qemu-aarch64-static"

    def _host_features(self, arch: int) -> int:
        if arch not in self._features:
            done = self.start(arch, ["--features"])
            if done.returncode:
                raise AssertionError(f"the runner does not start: {done.stderr.strip()}")
            self._features[arch] = int(done.stdout)
        return self._features[arch]

    def _runner(self, arch: int) -> Path:
        if arch not in self._runners:
            compiler = "cc" if self._is_native(arch) else "aarch64-linux-gnu-gcc"
            out = self.folder / f"runner-{arch}"
            subprocess.run(
                [compiler, "-O2", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                 f"-I{ROOT / 'csrc' / 'include'}", str(Path(__file__).with_name("runner.c")),
                 *map(str, RUNTIME), "-o", str(out), "-ldl"],
                check=True,
            )  # fmt: skip
            self._runners[arch] = out
        return self._runners[arch]


def split(graph: Graph, content: bytes, count: int) -> list[np.ndarray]:
    """What a runner wrote: (count, H, W, C) of each output."""
    rows = np.frombuffer(content, np.int8).reshape(count, -1)
    tensors = [graph.tensors[name] for name in graph.outputs]
    ends = np.cumsum([tensor.bytes for tensor in tensors])
    parts = np.split(rows, ends[:-1], axis=1)
    return [
        np.ascontiguousarray(part).view(tensor.dtype).reshape(count, *tensor.shape)
        for part, tensor in zip(parts, tensors, strict=True)
    ]


def expect_bytes(what: str, expected: np.ndarray, found: np.ndarray, graph: Graph) -> None:
    """Fails the test at the first value that differs in a bit."""
    assert found.dtype == expected.dtype and found.shape == expected.shape, what
    bits = np.int32 if found.dtype == np.float32 else np.int8
    differs = np.ascontiguousarray(found).view(bits) != np.ascontiguousarray(expected).view(bits)
    if not differs.any():
        return
    wrong = np.argwhere(differs)
    first = tuple(wrong[0])
    raise AssertionError(
        f"{what}: {len(wrong)} of {expected.size} values differ, first at "
        f"(n, y, x, c) = {tuple(map(int, first))}: expected {expected[first]}, "
        f"got {found[first]}\n{describe(graph)}"
    )


def describe(graph: Graph) -> str:
    """One line per operator with all that shapes its kernel."""
    x = graph.tensors[graph.inputs[0]]
    lines = [f"input {x.shape} zero {x.zero_point}"]
    for op in graph.ops:
        y = graph.tensors[op.output]
        sources = " ".join(
            f"{name}{graph.tensors[name].shape} zero {graph.tensors[name].zero_point}"
            for name in op.inputs
        )
        details = " ".join(
            f"{key}={getattr(op, key)}"
            for key in ("kind", "kernel", "stride", "pads", "groups", "sum", "activation", "add")
            if getattr(op, key, None) is not None
        )
        lines.append(
            f"{type(op).__name__} {op.name}: {sources} -> {y.name}{y.shape} zero {y.zero_point} "
            f"clamp [{op.low}, {op.high}] {details}"
        )
    return "\n".join(lines)
