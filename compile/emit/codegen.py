"""Kernels to an object file with plain C functions and no TVM symbol (raw C ABI)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import tvm
from tvm import tirx
from tvm.target import Target as TvmTarget
from tvm.tirx import stmt

from ..kernels import families
from ..lower.program import Program
from ..targets import Target


def write_object(program: Program, target: Target, path: Path) -> None:
    """Builds every kernel of ``program`` for ``target`` and writes one relocatable object."""
    functions = {}
    for index, shape in enumerate(program.kernels):
        name = program.kernel_name(index)
        functions[name] = families.build(name, program.isa, shape)
    path.write_bytes(object_code(functions, target))


def object_code(functions: dict[str, tirx.PrimFunc], target: Target) -> bytes:
    """The code generator's relocatable object for functions of flat buffers.

    LLVM ends the process where it cannot write all of a file; a file in memory has room.
    """
    module = build(functions, target)
    descriptor = os.memfd_create("kernels.o", os.MFD_CLOEXEC)
    with open(descriptor, "rb") as file:
        module.write_to_file(f"/proc/self/fd/{descriptor}", "o")
        file.seek(0)
        return file.read()


def build(functions: dict[str, tirx.PrimFunc], target: Target) -> Any:
    """The code generator's module for functions of flat buffers."""
    description = {k: list(v) if isinstance(v, tuple) else v for k, v in target.llvm}
    tvm_target = TvmTarget(description)
    bound: Any = tirx.transform.BindTarget(tvm_target.with_host(tvm_target))
    module = bound(tvm.IRModule(functions))
    before = tvm.ir.transform.Sequential(
        [
            tirx.transform.FlattenBuffer(),
            tirx.transform.NarrowDataType(32),
            tirx.transform.StmtSimplify(),
        ]
    )
    module = before(module)
    generate: Any = tvm.get_global_func("target.build.llvm")
    raw = {name: _raw(function) for name, function in module.functions.items()}
    module = tirx.transform.LowerIntrin()(tvm.IRModule(raw, attrs=module.attrs))
    return generate(module, tvm_target)


def _raw(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """Typed pointers for the buffers, and no packed calling convention around them."""
    pointers, declarations = [], []
    for buffer in function.params:
        kind = tvm.ir.PointerType(tvm.ir.PrimType(buffer.dtype))
        pointer = tirx.Var(f"{buffer.name}_ptr", kind)
        pointers.append(pointer)
        declarations.append(stmt.DeclBuffer(buffer, data=pointer))
    end = stmt.Return(tirx.const(0, "int32"))
    return tirx.PrimFunc(
        pointers,
        stmt.SeqStmt([*declarations, function.body, end]),
        ret_type=tvm.ir.PrimType("int32"),
        attrs=function.attrs,
    )
