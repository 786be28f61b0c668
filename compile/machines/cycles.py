"""Modelled cycles: counted instructions through llvm-mca's static model of a core, block by block.

A model and no measurement: every load hits the first cache, every branch is predicted.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import CompileError
from .instructions import Instruction, Region
from .programs import find


@dataclass(frozen=True)
class Core:
    """A core that LLVM has a schedule of, and how to read its assembly.

    ``cpu`` and ``triple`` are LLVM's names, ``name`` is what reports say. The expressions match an
    instruction at its beginning, operands and all: ``branch`` what ends a block, ``call`` what goes
    on after a callee, ``context`` what makes the next instructions conditional: in the text of a
    block these stand without condition, so that it stands for a no-operation there.
    """

    cpu: str
    name: str
    triple: str
    comment: str
    """What begins a comment in its assembly."""
    branch: re.Pattern[str]
    call: re.Pattern[str]
    context: re.Pattern[str] = re.compile(r"(?!)")
    fillers: tuple[bytes, ...] = ()
    """Instructions that take up such a condition: of the core, then of its vectors."""


def _mnemonics(*words: str) -> re.Pattern[str]:
    """Instructions that are called one of the expressions ``words``."""
    return re.compile(rf"({'|'.join(words)})\s")


CORTEX_A76 = Core(
    cpu="neoverse-n1",
    name="neoverse-n1 (Cortex-A76)",
    triple="aarch64",
    comment="//",
    branch=_mnemonics("b", r"b\.\w+", "bl", "blr", "br", "ret", "cbn?z", "tbn?z"),
    call=_mnemonics("bl", "blr"),
)
"""The Cortex-A76's core under its server name, for which LLVM has a schedule. By cortex-a76 LLVM
19 means that of the older Cortex-A57, which loads half as much and is less than half as wide."""


NOP = bytes.fromhex("00bf")
VECTOR_NOP = bytes.fromhex("20ef5001")
"""vmov q0, q0."""

THUMB_BRANCHES = (
    r"b(?!fi|fc|ic)\w*(\.[nw])?",  # b, bne, bl, bx, but no bit field
    *("cbn?z", "tb[bh]"),
    *("wls", "le", "letp", r"wlstp\.\d+"),
    r"pop\b.*pc\b.*",
)


def cortex_m(cpu: str) -> Core:
    """The core of a target ``cortex-m...``."""
    vectors = cpu == "cortex-m55"
    return Core(
        cpu=cpu,
        name=cpu,
        triple="thumbv8.1m.main" if vectors else "thumbv7em",
        comment="@",
        branch=_mnemonics(*THUMB_BRANCHES),
        call=_mnemonics("bl", "blx"),
        context=_mnemonics("it[te]*", "vpst", "vps[te]*", r"vpt[te]*(\.\w+)?"),
        fillers=(NOP, VECTOR_NOP) if vectors else (NOP,),
    )


SHARE = 0.995
"""Part of the executed instructions that is modelled; the rest takes the mean of it."""

REPEATS = ((32, 100), (128, 30), (512, 10))
"""(block length up to, repetitions): enough to forget that the pipeline was empty at first."""

Block = tuple[bytes, ...]


def modelled(regions: Sequence[Region], core: Core = CORTEX_A76) -> list[float]:
    """Cycles of each region on ``core``; the regions need their histograms.

    Raises:
        CompileError: llvm-mca is absent or does not know the core.
    """
    text = _disassembled({i.code for region in regions for i in region.instructions}, core)
    found = [_blocks(region.instructions, text, core) for region in regions]
    weight: Counter[Block] = Counter()
    for blocks in found:
        for block, executed in blocks.items():
            weight[block] += len(block) * executed
    hot: list[Block] = []
    total, covered = sum(weight.values()), 0
    for block, instructions in weight.most_common():
        if covered >= SHARE * total:
            break
        hot.append(block)
        covered += instructions
    cycles = _simulated(hot, text, core)
    # A block of instructions without a schedule has no answer; it takes the mean as well.
    spent = sum(one * weight[block] / len(block) for block, one in cycles.items())
    mean = spent / sum(weight[block] for block in cycles) if cycles else 1.0
    return [
        sum(n * cycles.get(block, mean * len(block)) for block, n in blocks.items())
        for blocks in found
    ]


def _blocks(
    instructions: Iterable[Instruction], text: dict[bytes, str], core: Core
) -> Counter[Block]:
    """Runs of instructions that follow each other equally often, up to a branch."""
    blocks: Counter[Block] = Counter()
    run: list[Instruction] = []
    for instruction in sorted(instructions, key=lambda i: i.address):
        last = run[-1] if run else None
        if last and (
            instruction.address != last.address + len(last.code)
            or instruction.executed != last.executed
            or core.branch.match(text[last.code])
        ):
            blocks[tuple(i.code for i in run)] += last.executed
            run = []
        run.append(instruction)
    if run:
        blocks[tuple(i.code for i in run)] += run[-1].executed
    return blocks


def _disassembled(codes: Iterable[bytes], core: Core) -> dict[bytes, str]:
    """Assembly of each instruction; ``nop`` for what LLVM does not know, and for fillers."""
    text = dict.fromkeys(codes, "nop ")
    # What makes the next four conditional is followed by four of no interest.
    rest = b"".join(4 * filler for filler in core.fillers)
    lines = "\n".join(" ".join(f"{byte:#04x}" for byte in code + rest) for code in text)
    for line in _llvm("llvm-mc", core, lines, "-disassemble", "-show-encoding").splitlines():
        assembly, _, encoding = line.partition(f"{core.comment} encoding: ")
        if encoding:
            code = bytes(int(byte, 16) for byte in encoding.strip("[]").split(","))
            if code not in core.fillers:
                words = " ".join(assembly.split()) + " "
                text[code] = "nop " if core.context.match(words) else words
    return text


def _simulated(blocks: Iterable[Block], text: dict[bytes, str], core: Core) -> dict[Block, float]:
    """Cycles of one pass through each block when it is repeated."""
    groups: dict[int, list[Block]] = {}
    for block in blocks:
        repeats = next((n for length, n in REPEATS if len(block) <= length), 4)
        groups.setdefault(repeats, []).append(block)
    cycles: dict[Block, float] = {}
    for repeats, group in groups.items():
        lines = []
        for number, block in enumerate(group):
            # The model takes a call for a hundred cycles; here the callee is counted by itself.
            body = ("nop" if core.call.match(text[code]) else text[code] for code in block)
            lines += [f"# LLVM-MCA-BEGIN {number}", *body, "# LLVM-MCA-END"]
        options = ("-json", f"-iterations={repeats}", "-instruction-info=0", "-resource-pressure=0",
                   "-skip-unsupported-instructions=lack-sched")  # fmt: skip
        answer = json.loads(_llvm("llvm-mca", core, "\n".join(lines) + "\n", *options))
        for region in answer["CodeRegions"]:
            cycles[group[int(region["Name"])]] = region["SummaryView"]["TotalCycles"] / repeats
    return cycles


def _llvm(program: str, core: Core, text: str, *options: str) -> str:
    path = find((f"{program}-19", program), "llvm-19", "modelled cycles")
    done = subprocess.run(
        [path, f"-mtriple={core.triple}" if program == "llvm-mca" else f"-triple={core.triple}",
         f"-mcpu={core.cpu}", *options],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode or "is not a recognized processor" in done.stderr:
        raise CompileError(f"modelled cycles: {path} failed: {done.stderr.strip()[:500]}")
    return done.stdout
