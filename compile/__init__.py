"""The int8 compiler: an ONNX file in QDQ form to machine code with one C entry."""

from __future__ import annotations

from pathlib import Path

from .errors import CompileError
from .targets import FAMILIES, TARGETS

__all__ = ["FAMILIES", "TARGETS", "CompileError", "compile_file"]


def compile_file(
    model: Path,
    target: str,
    out: Path,
    dump: Path | None = None,
    *,
    ram: str | None = None,
    table: Path | None = None,
) -> list[Path]:
    """Compiles an int8 QDQ ONNX file; returns the files written below ``out``.

    Args:
        model: the ONNX file, as `pocketvision quantize`, onnxruntime or NNCF write it.
        target: a name of ``TARGETS``, a family of ``FAMILIES`` or ``"host"``.
        out: folder, made if absent; files are named ``MODEL.TARGET.so``, for firmware
            ``MODEL.TARGET.a``, ``MODEL.h`` and ``MODEL.TARGET.json`` (in folders by target if
            ``target`` is a family).
        ram: for firmware, sizes of the RAM banks that the arena may take, such as ``512K,288K``,
            in order of speed.
        dump: folder for the graph after each pass, as text.
        table: tiles that `pocketvision tune --table` found for this one target, in place of those
            that the package brings.

    Raises:
        CompileError: a ``ValueError`` that names the file, node and what to do next.
        ModuleNotFoundError: TVM or onnx is missing (``pip install 'pocketvision[compile]'``).
    """
    from .memory.banks import parse
    from .pipeline import compile_model

    banks = parse(ram) if ram is not None else ()
    done = compile_model(Path(model), target, Path(out), dump, ram=banks, table=table)
    return [file for compiled in done for file in compiled.files]
