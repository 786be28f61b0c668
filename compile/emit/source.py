"""The C text of a compiled model: kernel declarations, the list of calls, the exported struct."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Graph, Tensor
from ..lower.program import Call, Pointer, Program
from ..memory.plan import ALIGNMENT, Plan
from ..targets import Target
from .sources import HEADER, STAMP

SYMBOL = "pocketvision_model"
PARAMETERS = "const void *const *in, void *const *out, void *arena"
PROFILE = "pocketvision_profile"
"""``int (in, out, arena, uint64_t *table)`` of an instrumented model, whose first parameters are
those of ``run``: it runs the calls in order with a stamp (csrc/tools/stamp.h) after each. Two
stamps come before the first call, so that the interval between them is what a stamp itself costs:
the table has calls + 2."""

LAYERS = "pocketvision_layers"
"""``int (in, out, arena, void (*sink)(const void *, uint32_t))``: runs the calls in order and gives
``sink`` the arena's tensor that each operator has written."""

CONSTANTS = """\
  .section .rodata
  .balign 64
  .global pv_constants
pv_constants:
  .incbin "constants.bin"
  .balign 64
  .zero 64
  .section .note.GNU-stack,"",%progbits
"""


def source(
    program: Program,
    target: Target,
    memory: Plan,
    *,
    profile: bool = False,
    layers: bool = False,
    symbol: str = SYMBOL,
) -> str:
    """The C file: kernel declarations, ``run`` as a list of calls, and the struct.

    Args:
        profile: add the function ``PROFILE``.
        layers: add the function ``LAYERS``.
        symbol: name of the struct.
    """
    lines = [f"#include <{STAMP}>"] if profile else []
    lines += [f"#include <{HEADER}>", "", "extern const char pv_constants[];"]
    counts = {call.kernel: len(call.arguments) for call in program.calls}
    for index in range(len(program.kernels)):
        parameters = ", ".join(["const void *"] * (counts[index] - 1) + ["void *"])
        lines.append(f"int {program.kernel_name(index)}({parameters});")
    lines += ["", f"static int run({PARAMETERS}) {{", *_bases(memory)]
    calls = [_call(program, call, memory) for call in program.calls]
    lines += calls
    graph = program.graph
    lines += ["  return 0;", "}", ""]
    lines += _tensors("inputs", graph, graph.inputs, graph.input_names)
    lines += _tensors("outputs", graph, graph.outputs, graph.output_names)
    lines += [
        f'__attribute__((visibility("default"))) const pv_model {symbol} = {{',
        "  .magic = PV_MODEL_MAGIC,",
        "  .abi_version = PV_ABI_VERSION,",
        "  .struct_bytes = sizeof(pv_model),",
        f"  .arch = {target.arch},",
        f"  .features = {target.features},",
        f"  .arena_bytes = {memory.bytes},",
        f"  .arena_alignment = {ALIGNMENT},",
        f"  .banks = {memory.count},",
        f"  .input_count = {len(graph.inputs)},",
        f"  .output_count = {len(graph.outputs)},",
        "  .inputs = inputs,",
        "  .outputs = outputs,",
        f"  .target = {string(target.name)},",
        f"  .source_sha256 = {string(graph.sha256)},",
        f"  .record = {string(graph.record)},",
        "  .run = run,",
        "};",
        "",
    ]
    if profile:
        lines += [
            f'__attribute__((visibility("default"))) int {PROFILE}(',
            f"    {PARAMETERS}, uint64_t *table) {{",
            *_bases(memory),
            "  PV_STAMP(table, 0);",
            "  PV_STAMP(table, 1);",
            *(f"{call} PV_STAMP(table, {index});" for index, call in enumerate(calls, start=2)),
            "  return 0;",
            "}",
            "",
        ]
    if layers:
        lines += [
            f"int {LAYERS}({PARAMETERS},",
            "    void (*sink)(const void *, uint32_t)) {",
            *_bases(memory),
            *_with_sinks(program, calls, memory),
            "  return 0;",
            "}",
            "",
        ]
    return "\n".join(lines)


def _call(program: Program, call: Call, memory: Plan) -> str:
    return f"  {program.kernel_name(call.kernel)}({arguments(call, memory)});"


def arguments(call: Call, memory: Plan) -> str:
    """What ``call`` passes, where ``a`` is the arena."""
    return ", ".join(_argument(pointer, memory) for pointer in call.arguments)


def _bases(memory: Plan) -> list[str]:
    """Declarations of the arena's pieces ``a0``, ``a1`` and so on."""
    if memory.count == 0:
        return ["  char *a0 = arena;"]
    pieces = (f"*a{bank} = banks[{bank}]" for bank in range(memory.count))
    return ["  void *const *banks = arena;", f"  char {', '.join(pieces)};"]


def _with_sinks(program: Program, calls: list[str], memory: Plan) -> list[str]:
    """The calls, behind the last one of each operator its tensor."""
    last = {call.of: step for step, call in enumerate(program.calls)}
    lines = list(calls)
    for op in program.graph.ops:
        if op.ref in last:
            piece = program.piece(program.layout.places[op.output][0])
            start = f"a{memory.banks.get(piece.whole, 0)} + {memory.offsets[piece.whole]}"
            lines[last[op.ref]] += f" sink({start}, {piece.bytes});"
    return lines


def _argument(pointer: Pointer, memory: Plan) -> str:
    if pointer.piece is not None:
        name = pointer.piece.whole
        return f"a{memory.banks.get(name, 0)} + {memory.offsets[name] + pointer.offset}"
    if pointer.base == "constants":
        return f"pv_constants + {pointer.offset}"
    end = f"{ {'input': 'in', 'output': 'out'}[pointer.base] }[{pointer.number}]"
    return f"(const char *){end} + {pointer.offset}" if pointer.offset else end


def _tensors(array: str, graph: Graph, tensors: Sequence[str], names: Sequence[str]) -> list[str]:
    """The definition of one of the arrays that pv_model points to."""
    rows = (_tensor(graph.tensors[t], name) for t, name in zip(tensors, names, strict=True))
    return [f"static const pv_tensor {array}[] = {{", *(f"  {row}," for row in rows), "};", ""]


def _tensor(tensor: Tensor, name: str) -> str:
    return (
        f"{{{string(name)}, PV_DTYPE_{tensor.dtype.upper()}, 3, "
        f"{{{', '.join(map(str, tensor.shape))}}}, "
        f"{float(tensor.scale).hex()}f, {tensor.zero_point}}}"
    )


def string(text: str) -> str:
    """A C string literal; octal escapes, because hexadecimal ones swallow what follows."""
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{escaped}"'
