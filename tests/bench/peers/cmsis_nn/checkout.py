"""A user's checkout of CMSIS-NN: compiled for a core, and one layer of it counted in QEMU."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pocketvision.compile import TARGETS, CompileError
from pocketvision.compile.emit.library import compiler
from pocketvision.compile.machines import board
from pocketvision.compile.machines.instructions import MARKS, count
from pocketvision.errors import InputError, RunError

HEADER = Path("Include", "arm_nnfunctions.h")
ROOMS = ("Source/ConvolutionFunctions", "Source/NNSupportFunctions")
PROGRAM = Path(__file__).with_name("layers.c")
ENDED = re.compile(r"ended with (\d+) in QEMU")
MEANING = {
    "1": "its results are more than 1 off the layer's definition",
    "4": "its function failed, or needs more scratch memory than layers.c has",
}
"""Exit codes of layers.c."""

LAYERS = ("1x1 28x28x64 to 64", "depthwise 3x3 28x28x64", "stem 3x3 /2 112x112x3 to 16")
"""By the number that layers.c knows them by."""

OPTIMISATIONS = ("-O2", "-O3", "-Ofast")
"""What the sources are compiled with: the fewest instructions count. Their build takes -Ofast."""

NEEDLESS = re.compile(r"_f(16|32)\.c$")
"""Sources of floats, which some versions have and some compilers refuse."""


@dataclass(frozen=True)
class Checkout:
    """``folder``: of CMSIS-NN. ``includes``: further folders of headers, as old versions need."""

    folder: Path
    includes: tuple[Path, ...] = ()

    def check(self) -> None:
        """Raises InputError that says what is missing."""
        for needed in (HEADER, *map(Path, ROOMS)):
            if not (self.folder / needed).exists():
                raise InputError(
                    f"{self.folder}: expected a checkout of CMSIS-NN with {needed}, and it is not "
                    "there; git clone https://github.com/ARM-software/CMSIS-NN"
                )

    def version(self) -> str:
        """What git calls the checkout, or what its header says of itself."""
        command = ["git", "-C", str(self.folder), "describe", "--tags", "--always"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        top = subprocess.run(
            ["git", "-C", str(self.folder), "rev-parse", "--show-toplevel"],
            capture_output=True,
            text=True,
            check=False,
        )
        own = top.stdout.strip() and Path(top.stdout.strip()) == self.folder.resolve()
        if done.returncode == 0 and own:
            return done.stdout.strip()
        text = (self.folder / HEADER).read_text(encoding="utf-8", errors="replace")
        found = re.search(r"\$Revision:\s*(\S+)", text)
        return found[1] if found else "unknown"

    def compiled(self, core: str, optimisation: str, work: Path) -> list[str]:
        """Object files of its int8 functions in ``work``.

        Raises:
            InputError: the compiler refuses a source; names it and what to do.
        """
        sources = [
            str(path.resolve())
            for room in ROOMS
            for path in sorted((self.folder / room).glob("*.c"))
            if not NEEDLESS.search(path.name)
        ]
        target = TARGETS[core]
        command = [compiler(target), "-c", optimisation, "-ffunction-sections", "-w"]
        command += [*target.options, *self.options(), *sources]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr)
            hint = "; old versions need --include CMSIS_5/CMSIS/Core/Include"
            raise InputError(f"{self.folder} for {core}: {said.strip()[:300]}{hint}")
        return [f"{Path(source).stem}.o" for source in sources]

    def options(self) -> Sequence[str]:
        """Where its headers are."""
        return [f"-I{path.resolve()}" for path in (self.folder / "Include", *self.includes)]

    def counted(self, layer: str, core: str, objects: Sequence[str], work: Path) -> int:
        """Executed instructions of one layer by the objects in ``work``.

        Raises:
            RunError: the function failed, or computes something else.
            CompileError: a tool is absent, or the image does not link.
        """
        target = TARGETS[core]
        options = [f"-DLAYER={LAYERS.index(layer)}", *self.options()]
        image = board.build(target, work, [PROGRAM], options, objects)
        try:
            regions = count(board.emulator(target), ["-kernel", str(image)], MARKS["thumb"])
        except CompileError as error:
            ended = ENDED.search(str(error))
            why = MEANING.get(ended[1]) if ended else None
            raise RunError(f"{layer} on {core}: {why or error}") from error
        if len(regions) != 1:
            raise RunError(f"{layer} on {core}: expected one counted region, got {len(regions)}")
        return regions[0].executed
