"""A benchmark on a lesser processor: CPUID hides what is newer, from children as well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pocketvision.bench.machine import RESTRICTED
from pocketvision.errors import RunError
from pocketvision.runtime import shipped as models

from .peers import __main__ as bench
from .peers.race import processor

TARGETS = "from pocketvision.runtime import shipped; print(*shipped.host_targets())"
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {TARGETS!r}], check=True)"
REFUSED = 120
"""Exit status of cpuid.c."""

ROOT = Path(__file__).resolve().parents[2]
CPUID = """
import ctypes, mmap
# mov eax, 7; xor ecx, ecx; push rbx; cpuid; pop rbx; mov eax, edx; ret
code = bytes.fromhex("b807000000 31c9 53 0fa2 5b 89d0 c3")
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(code)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
print(ctypes.CFUNCTYPE(ctypes.c_uint32)(address)() >> %d & 1)
"""
FAULT = "import ctypes; ctypes.string_at(0)"


@pytest.fixture(scope="module")
def library() -> Path:
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if sys.platform == "linux" else ""
    if "cpuid_fault" not in flags or " avx2 " not in flags:
        pytest.skip("this processor has no AVX2, or cannot make CPUID fault")
    library = processor.library()
    if restricted(library, "", "avx2").returncode == REFUSED:
        pytest.skip("Linux refuses to let CPUID fault")
    return library


def restricted(library: Path, program: str, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "LD_PRELOAD": str(library), RESTRICTED: name},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("program", [TARGETS, CHILD])
def test_nothing_newer_is_left(library: Path, program: str) -> None:
    left = ["x86-64-avx2", "x86-64-portable"]
    assert restricted(library, program, "avx2").stdout.split() == left
    if "x86-64-avxvnni" in models.host_targets():
        left = ["x86-64-avxvnni", *left]
    assert restricted(library, program, "avxvnni").stdout.split() == left


@pytest.mark.parametrize("name", ["amx_tile", "amx_int8", "amx_bf16"])
def test_amx_alone_is_hidden(library: Path, name: str) -> None:
    """As libraries ask: by CPUID, which /proc/cpuinfo does not go through."""
    if name not in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        pytest.skip(f"this processor has no {name}")
    bit = {"amx_bf16": 22, "amx_tile": 24, "amx_int8": 25}[name]
    program = CPUID % (bit,)
    plain = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert plain.stdout.strip() == b"1"
    assert restricted(library, program, "avx512").stdout.strip() == "0"
    targets = " ".join(models.host_targets())
    assert restricted(library, TARGETS, "avx512").stdout.strip() == targets


def test_other_faults_still_end_the_process(library: Path) -> None:
    assert restricted(library, FAULT, "avx2").returncode == -signal.SIGSEGV


def test_the_benchmark_starts_anew_and_says_so(library: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", bench.MODULE, "facechain-25m", "--rounds", "2"]
    command += ["--skip", ",".join(bench.PEERS)]
    command += ["--processor", "avx2", "--work", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "x86-64-avx2" in done.stdout
    assert "CPUID shows avx2 and nothing newer" in done.stdout


def test_within_the_restriction_nothing_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RESTRICTED, "avx2")
    monkeypatch.setattr(processor, "library", lambda: pytest.fail("it would start anew"))
    processor.restrict("avx2", "nothing", [])


def test_without_a_compiler_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RunError, match="cc is absent; .*install gcc"):
        processor.library()
    with pytest.raises(SystemExit):
        bench.main(["--processor", "avx2", "--work", str(tmp_path)])
    assert "--processor avx2: building cpuid.c: cc is absent" in capsys.readouterr().err
