"""``pocketvision doctor``: what works on this machine, each shipped model by a known answer."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from ... import __version__
from ..common import Verbs, new_verb
from ..text import show, show_json

OK, NOTE, BAD = "ok", "note", "bad"
SECONDS = 60
"""Of one model's known answer; it takes a fraction of a second where all is well."""

TOOLS = (
    ("C compiler", ("cc", "gcc", "clang"), "gcc", "tune, report, train"),
    ("aarch64 compiler", ("aarch64-linux-gnu-gcc",), "gcc-aarch64-linux-gnu", "tests of aarch64"),
    ("aarch64 emulator", ("qemu-aarch64",), "qemu-user", "reports and tests of aarch64"),
    ("Cortex-M compiler", ("arm-none-eabi-gcc",), "gcc-arm-none-eabi", "firmware"),
    ("Cortex-M emulator", ("qemu-system-arm",), "qemu-system-arm", "reports of Cortex-M"),
    ("cycle model", ("llvm-mca-19", "llvm-mca"), "llvm-19", "modelled cycles of Cortex-M"),
)
"""What it is, its programs, Debian's package, and what is lacking without it."""


@dataclass(frozen=True)
class Finding:
    """One line: ``state`` is ok, note (absent, and only some need it) or bad (should work)."""

    check: str
    state: str
    text: str


def add(verbs: Verbs) -> None:
    """Register the verb."""
    new_verb(verbs, "doctor", run, "Check that this installation works on this machine.")


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; 1 where something that should work does not."""
    found = list(examine())
    bad = [finding for finding in found if finding.state == BAD]
    if arguments.json:
        show_json({"ok": not bad, "findings": [asdict(finding) for finding in found]})
        return 1 if bad else 0
    for finding in found:
        show(f"{finding.state.upper() if finding.state == BAD else finding.state:5}"
             f"{finding.check}: {finding.text}")  # fmt: skip
    show("", f"{len(bad)} of {len(found)} checks failed" if bad else "all that is installed works")
    return 1 if bad else 0


def examine() -> Iterator[Finding]:
    """All findings. A check that itself fails is a finding too, and the others go on."""
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("version", _versions),
        ("processor", _processor),
        ("targets", _targets),
        ("models", _models),
        ("extras", _extras),
        ("tools", _tools),
    )
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:
            yield Finding(name, BAD, f"{type(error).__name__}: {error}")


def _versions() -> Iterator[Finding]:
    import platform

    import numpy as np

    text = f"pocketvision {__version__}, numpy {np.__version__}, Python {platform.python_version()}"
    yield Finding("version", OK, f"{text}, {platform.system()} {platform.release()}")


def _processor() -> Iterator[Finding]:
    from ...bench.machine import facts

    known = facts()
    sets = known["features"] or "none of the instruction sets that kernels are written for"
    yield Finding("processor", OK, f"{known['processor']}; {sets}")
    usable = len(os.sched_getaffinity(0))
    there = os.cpu_count() or usable
    of = "" if there == usable else f" of {there}"
    yield Finding("threads", OK, f"{usable}{of} processors for this process")


def _targets() -> Iterator[Finding]:
    from ...runtime.shipped import TARGET_VARIABLE, host_targets, shipped

    runs = host_targets()
    forced = os.environ.get(TARGET_VARIABLE)
    built = {target for files in shipped().values() for target in files}
    taken = next((t for t in ([forced] if forced else runs) if t in built), None)
    text = f"this processor runs {', '.join(runs)}"
    if forced and forced not in runs:
        yield Finding("targets", BAD, f"{TARGET_VARIABLE} asks for {forced}, and {text}")
    elif taken is None:
        yield Finding(
            "targets", BAD, f"{text}; models are installed for {', '.join(built) or 'none'}"
        )
    else:
        why = f", as {TARGET_VARIABLE} says" if forced else ""
        yield Finding("targets", OK, f"{text}; {taken} is taken{why}")


def _models() -> Iterator[Finding]:
    from ...runtime.shipped import DEFAULT_MODEL, host_targets, shipped

    models = shipped()
    if DEFAULT_MODEL not in models:
        yield Finding("models", BAD, f"{DEFAULT_MODEL}, the default, is not installed; the wheel's "
                      "build compiles it: install anew")  # fmt: skip
    for name, files in models.items():
        right = []
        for target in host_targets():
            if target not in files:
                continue
            try:
                state, text = _answer(files[target])
            except Exception as error:
                state, text = BAD, str(error)
            if state == OK:
                right.append(target)
            else:
                yield Finding(name, state, f"{target}: {text} ({files[target]})")
        if right:
            yield Finding(name, OK, f"known answer on {', '.join(right)}")


def _answer(file: str) -> tuple[str, str]:
    """The state of a compiled file's answer, and what is wrong with it.

    In a process of its own: an instruction that the processor lacks ends that, not this.
    """
    from ...faces.known import expected
    from ...runtime.model import Model

    record = Model(file).record
    wanted = expected(record) if record else None
    if wanted is None:
        return NOTE, "no answer is known for these weights"
    own = {key: value for key, value in os.environ.items() if key != "POCKETVISION_TARGET"}
    command = [sys.executable, "-m", "pocketvision.faces.known", file]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=own)
    except subprocess.TimeoutExpired:
        return BAD, f"no answer within {SECONDS} s"
    if done.returncode < 0:
        return BAD, f"ended by signal {-done.returncode}"
    if done.returncode:
        return BAD, (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    right = done.stdout.strip() == wanted
    return (OK, "") if right else (BAD, "another answer than the known one")


def _extras() -> Iterator[Finding]:
    from ..extras import missing  # reads metadata, which no other verb's start pays for

    for extra, absent in missing().items():
        if absent:
            line = f"pip install 'pocketvision[{extra}]'"
            yield Finding(f"extra {extra}", NOTE, f"lacks {', '.join(absent)}: {line}")
        else:
            yield Finding(f"extra {extra}", OK, "installed")


def _tools() -> Iterator[Finding]:
    for what, programs, package, purpose in TOOLS:
        found = next(filter(None, map(shutil.which, programs)), None)
        if found:
            yield Finding(what, OK, found)
        else:
            yield Finding(what, NOTE, f"no {programs[0]}, which {purpose} need; on Debian: "
                          f"apt-get install {package}")  # fmt: skip
