"""The compiled model for firmware: a static library, a C header with its sizes, and their JSON."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..errors import CompileError
from ..files import workspace, write_text, write_whole
from ..graph import Graph
from ..lower.program import Program
from ..memory.plan import ALIGNMENT, Plan
from ..targets import FEATURE_DSP, FEATURE_FPU, FEATURE_MVE, Target
from . import detect_recipe, face_recipe
from .library import compiler, link, write_parts

COMPILED = ("-ffreestanding", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables")
"""Options of the C file of a model: it needs no C library, and no unwinder ever walks it."""

ENDS = ("input", "output")

UNUSED = (".comment", ".text.tvm.fp16.conv", ".ARM.exidx*", ".rel.ARM.exidx*")
"""Sections that objects come with: names of compilers, conversions of half floats, unwinding."""

MACROS = {
    FEATURE_DSP: "__ARM_FEATURE_DSP",
    FEATURE_FPU: "__ARM_FP",
    FEATURE_MVE: "__ARM_FEATURE_MVE",
}
"""What compilers define where the code they make may use a feature; there is none for FPv5."""


def identifier(name: str) -> str:
    """A model's name as part of C identifiers: ``facechain-25m`` gives ``facechain_25m``."""
    word = re.sub(r"[^A-Za-z0-9]", "_", name).lower()
    return f"m_{word}" if not word or word[0].isdigit() else word


def symbol(graph: Graph) -> str:
    """Name of the model's struct."""
    return f"{identifier(graph.name)}_model"


def files(graph: Graph, path: Path) -> tuple[Path, Path, Path]:
    """What ``emit`` writes for the library ``path``: itself, its header, its description."""
    return path, path.with_name(f"{graph.name}.h"), path.with_suffix(".json")


def emit(program: Program, target: Target, path: Path, memory: Plan | None = None) -> Plan:
    """Writes ``files(program.graph, path)``; returns the plan.

    Args:
        memory: as for ``write_parts``.

    Raises:
        CompileError: no cross compiler, or it failed.
        OSError: one of the files cannot be written; it names that.
    """
    graph = program.graph
    with workspace() as work:
        memory = write_parts(program, target, work, symbol=symbol(graph), memory=memory)
        archive(program, target, work)
        sizes = _sizes(program, target, memory, work / "model.o")
        made = (work / "model.a").read_bytes()
    pieces = list(memory.sizes) if memory.count else []
    library, header, description = files(graph, path)
    text = {
        "model": graph.name,
        "target": target.name,
        "source_sha256": graph.sha256,
        "symbol": symbol(graph),
        "bytes": sizes,
        "banks": pieces,
        "inputs": _tensors(graph, graph.inputs, graph.input_names),
        "outputs": _tensors(graph, graph.outputs, graph.output_names),
        "files": [library.name, header.name],
        "record": json.loads(graph.record) if graph.record else None,
    }
    write_whole(library, lambda file: file.write(made))
    write_text(header, _header(graph, target, sizes, pieces))
    write_text(description, json.dumps(text, indent=2, ensure_ascii=False) + "\n")
    return memory


def archive(program: Program, target: Target, work: Path) -> None:
    """Makes ``work/model.a``, one object with one global symbol, of the parts in ``work``."""
    name = symbol(program.graph)
    # Of the routines in assembly only those that kernels call are kept.
    called = ("-Wl,--gc-sections", f"-Wl,--undefined={name}")
    link(target, work, (*COMPILED, "-r", "-nostdlib", *called), "model.o")
    options = ["--strip-unneeded", f"--keep-global-symbol={name}"]
    options += [f"--remove-section={name}" for name in UNUSED]
    tool(target, "objcopy", work, *options, "model.o")
    tool(target, "ar", work, "rcsD", "model.a", "model.o")


def tool(target: Target, name: str, work: Path, *arguments: str) -> str:
    """What a program of the cross binutils prints; they stand beside the compiler.

    Raises:
        CompileError: it is absent, or failed.
    """
    path = re.sub(r"gcc$", name, compiler(target))
    try:
        done = subprocess.run([path, *arguments], cwd=work, capture_output=True, text=True)
    except FileNotFoundError:
        raise CompileError(
            f"target {target.name}: {path} is absent; "
            "on Debian: apt-get install binutils-arm-none-eabi"
        ) from None
    if done.returncode:
        raise CompileError(f"target {target.name}: {path} failed:\n{done.stderr.strip()}")
    return done.stdout


def flash_bytes(target: Target, made: Path) -> int:
    """Bytes that an object adds to an image."""
    row = tool(target, "size", made.parent, "-B", "-d", made.name).splitlines()[1].split()
    return int(row[0]) + int(row[1])


def _sizes(program: Program, target: Target, memory: Plan, made: Path) -> dict[str, int]:
    graph = program.graph
    ends = {}
    for end, names in (("input", graph.inputs), ("output", graph.outputs)):
        for number, name in enumerate(names):
            each = end if len(names) == 1 else f"{end}{number}"
            ends[each] = graph.tensors[name].bytes
    return {
        "arena": memory.bytes,
        "arena_alignment": ALIGNMENT,
        "flash": flash_bytes(target, made),
        "constants": len(program.constants),
        **ends,
    }


def _tensors(graph: Graph, tensors: Sequence[str], names: Sequence[str]) -> list[dict[str, object]]:
    """Inputs or outputs as JSON data."""
    found = []
    for name, tensor in zip(names, (graph.tensors[t] for t in tensors), strict=True):
        form = {"name": name, "shape": list(tensor.shape), "dtype": tensor.dtype}
        found.append({**form, "scale": float(tensor.scale), "zero_point": tensor.zero_point})
    return found


def _header(graph: Graph, target: Target, sizes: dict[str, int], pieces: list[int]) -> str:
    word = identifier(graph.name)
    prefix = word.upper()
    needed = [macro for feature, macro in MACROS.items() if target.features & feature]
    lacking = " || ".join(f"!defined({macro})" for macro in needed)
    options = " ".join(target.options)
    recipes = {
        "recipe.h": face_recipe.text(word, graph),
        "detect.h": detect_recipe.text(word, graph),
    }
    headers = ("model.h", *(name for name, found in recipes.items() if found))
    constants = "".join(recipes.values())
    includes = "\n".join(f"#include <pocketvision/{name}>" for name in headers)
    macros = {
        "TARGET": f'"{target.name}"',
        "ARENA_BYTES": sizes["arena"],
        "ARENA_ALIGNMENT": sizes["arena_alignment"],
        "INPUTS": len(graph.inputs),
        "OUTPUTS": len(graph.outputs),
        **{f"{end.upper()}_BYTES": size for end, size in sizes.items() if end.startswith(ENDS)},
        "FLASH_BYTES": sizes["flash"],
        **({"BANKS": len(pieces)} if pieces else {}),
        **{f"BANK{bank}_BYTES": size for bank, size in enumerate(pieces)},
    }
    return f"""\
/* Written by the compiler together with {graph.name}.{target.name}.a, for which alone it holds. */
#ifndef POCKETVISION_MODEL_{prefix}_H
#define POCKETVISION_MODEL_{prefix}_H

{includes}

#if defined(__arm__) && ({lacking})
#error "{graph.name} was compiled for {target.name}, this file is not: {options}"
#endif

#ifdef __cplusplus
extern "C" {{
#endif

extern const pv_model {word}_model;

{constants}
#ifdef __cplusplus
}}
#endif

{_defines(prefix, macros)}
/* A firmware that knows how much RAM it can spare is told at once if that is too little. */
#if defined({prefix}_RAM_BYTES) && {prefix}_RAM_BYTES < {prefix}_ARENA_BYTES
#error "{graph.name} needs an arena of {sizes["arena"]} bytes, more than {prefix}_RAM_BYTES"
#endif

#endif
"""


def _defines(prefix: str, macros: dict[str, object]) -> str:
    return "".join(f"#define {prefix}_{name} {value}\n" for name, value in macros.items())
