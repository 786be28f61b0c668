"""Three layers on Cortex-M: instructions of a user's checkout of CMSIS-NN, and ours beside them.

    git clone https://github.com/ARM-software/CMSIS-NN
    python -m tests.bench.peers.cmsis_nn --cmsis-nn CMSIS-NN --out build/bench/cortex-m.json

Nothing of CMSIS-NN is in this repository. Its sources are compiled by arm-none-eabi-gcc at each of
-O2, -O3 and -Ofast, its own functions of choice run in QEMU, and the fewest instructions count. A
layer whose results are more than 1 off its definition is an error and no figure.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from pocketvision.bench.machine import facts
from pocketvision.cli.common import new_file
from pocketvision.compile import TARGETS, CompileError
from pocketvision.compile.emit.library import compiler
from pocketvision.errors import InputError, RunError
from pocketvision.files import write_text

from ..race.report import aligned
from . import ours
from .checkout import LAYERS, OPTIMISATIONS, Checkout

MODULE = "tests.bench.peers.cmsis_nn"
CORES = ("cortex-m4", "cortex-m7", "cortex-m55")


def rows(checkout: Checkout, cores: list[str]) -> list[dict[str, Any]]:
    """One row a layer and core: instructions of ours and of CMSIS-NN's best, and its option."""
    found = []
    for core in cores:
        best: dict[str, tuple[int, str]] = {}
        for optimisation in OPTIMISATIONS:
            with tempfile.TemporaryDirectory(prefix="pocketvision-cmsis-") as folder:
                work = Path(folder)
                objects = checkout.compiled(core, optimisation, work)
                for layer in LAYERS:
                    one = checkout.counted(layer, core, objects, work), optimisation
                    best[layer] = min(best.get(layer, one), one)
        for layer in LAYERS:
            with tempfile.TemporaryDirectory(prefix="pocketvision-cmsis-") as folder:
                own = ours.counted(layer, core, Path(folder))
            cost, option = best[layer]
            row = {"layer": layer, "core": core, "ours": own, "cmsis_nn": cost, "option": option}
            found.append(row)
    return found


def table(found: list[dict[str, Any]]) -> str:
    """Aligned text, a line a layer and core."""
    body = [
        (
            row["layer"],
            row["core"],
            f"{row['ours'] / 1e6:.2f}",
            f"{row['cmsis_nn'] / 1e6:.2f}",
            f"{row['ours'] / row['cmsis_nn']:.2f}",
            row["option"],
        )
        for row in found
    ]
    head = ["layer", "core", "ours, M", "CMSIS-NN, M", "ours/CMSIS-NN", "CMSIS-NN's best at"]
    return aligned(head, body, range(2, 5))


def main(arguments: list[str] | None = None) -> int:
    """Prints the table and writes the JSON file; 0 done, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog=MODULE, description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cmsis-nn", type=Path, required=True, metavar="PATH", help="its checkout")
    parser.add_argument(
        "--include", type=Path, action="append", default=[], help="further headers that it needs"
    )
    parser.add_argument("--core", action="append", choices=CORES, help="default: all")
    parser.add_argument("--out", type=new_file, metavar="FILE.json", help="also write the counts")
    options = parser.parse_args(arguments)
    checkout = Checkout(options.cmsis_nn, tuple(options.include))
    try:
        checkout.check()
        found = rows(checkout, options.core or list(CORES))
    except InputError as reason:
        parser.error(str(reason))
    except (CompileError, RunError) as reason:
        print(f"{MODULE}: error: {reason}", file=sys.stderr)
        return 1
    print(table(found))
    machine = {
        "processor": "Cortex-M boards in QEMU",
        "compiler": _compiler(),
        "cmsis_nn": checkout.version(),
        "date": facts()["date"],
    }
    print("\n" + "\n".join(f"{name}: {text}" for name, text in machine.items()))
    if options.out:
        write_text(options.out, json.dumps({"machine": machine, "rows": found}, indent=1) + "\n")
    return 0


def _compiler() -> str:
    command = [compiler(TARGETS[CORES[0]]), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[
        0
    ]


if __name__ == "__main__":
    sys.exit(main())
