"""An analysis as text: the verdict, the sums, a table of layers and one of places in RAM."""

from __future__ import annotations

from .analyze import AROUND, Analysis
from .report_text import Table, aligned, shape_text, short


def plain(found: Analysis) -> str:
    """The verdict, the sums and the table of layers as text."""
    lines = [f"{found.model} for {found.target}: {'fits' if found.fits else 'does not fit'}"]
    lines += [f"  {line}" for line in found.missing]
    lines.append(
        f"  {found.macs:,} MACs; flash {found.flash_bytes:,} bytes; arena {found.arena_bytes:,} "
        f"bytes, RAM with {', '.join(AROUND)} {found.ram_bytes:,}"
    )
    if found.ram:
        pairs = zip((*found.bank_bytes, *[0] * len(found.ram)), found.ram, strict=False)
        used = ", ".join(f"{bank:,} of {size:,}" for bank, size in pairs)
        lines.append(f"  RAM banks: {used if found.bank_bytes else 'nothing placed'}")
    if found.instructions is not None:
        cycles = "" if found.cycles is None else f", {found.cycles:,.0f} modelled cycles"
        lines.append(f"  {found.instructions:,.0f} executed instructions{cycles}")
    if found.milliseconds is not None:
        lines.append(
            f"  {found.milliseconds:,.1f} ms at {found.clock_mhz:g} MHz by the model of the core, "
            "which knows no caches and no waits for flash: not measured"
        )
    lines += [f"  {remark}" for remark in found.remarks]
    rows = tuple(
        (
            short(layer.name), " + ".join(filter(None, (layer.kind, layer.fused))),
            shape_text(layer.shape), f"{layer.macs:,}", f"{layer.flash:,}", f"{layer.arena:,}",
            "-" if layer.instructions is None else f"{layer.instructions:,.0f}",
            "-" if layer.cycles is None else f"{layer.cycles:,.0f}",
        )
        for layer in found.layers
    )  # fmt: skip
    head = ("operator", "kind", "output", "MACs", "flash", "arena", "instructions",
            "modelled cycles")  # fmt: skip
    every = found.instructions or 0.0
    shares = tuple(100 * (layer.instructions or 0) / every if every else 0.0
                   for layer in found.layers)  # fmt: skip
    lines += ["", *aligned(Table("", head, rows, frozenset(range(3, 8)), shares))]
    if found.ram and found.placement:
        places = tuple(
            (short(t.name), str(t.bank), f"{t.offset:,}", f"{t.bytes:,}") for t in found.placement
        )
        table = Table("", ("tensor", "bank", "offset", "bytes"), places, frozenset({1, 2, 3}), ())
        lines += ["", *aligned(table)]
    return "\n".join(lines)
