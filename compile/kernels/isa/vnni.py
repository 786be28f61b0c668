"""x86 AVX512-VNNI: VPDPBUSD multiplies four uint8 by four int8 into each of 16 int32 lanes."""

from __future__ import annotations

from tvm.script import tirx as T

from .base import Expr, shuffle
from .x86 import X86


class Vnni(X86):
    """Activations are stored as uint8 ``q + 128``: the unsigned operand of VPDPBUSD."""

    name = "vnni"
    lanes, group, registers, blocks = 16, 4, 16, 2
    offset = 128
    far = 65536
    families = {
        **X86.families,
        "depthwise": ("depthwise.dot4",),
        "table": ("lookup.words", "lookup.plain"),
    }
    pack_words, pack_bytes = "llvm.x86.avx512.packssdw.512", "llvm.x86.avx512.packuswb.512"
    bytes, product_words = 64, "llvm.x86.avx512.pmul.hr.sw.512"

    def fetch(self, buffer: Expr, index: Expr) -> None:
        """PREFETCHT1."""
        number = T.llvm_lookup_intrinsic_id("llvm.prefetch.p0")
        reads, near, data = T.int32(0), T.int32(2), T.int32(1)
        place = T.address_of(buffer[index])
        T.evaluate(T.call_llvm_intrin(number, place, reads, near, data, dtype="void"))

    def operand(self, buffer: Expr, index: Expr) -> Expr:
        word = T.reinterpret(buffer.vload([index], "uint8x4"), dtype="int32")
        return T.bind(T.reinterpret(T.broadcast(word, self.lanes), dtype=f"int8x{self.bytes}"))

    def weight(self, buffer: Expr, index: Expr) -> Expr:
        return T.bind(buffer.vload([index], f"int8x{self.bytes}"))

    def dot(self, acc: Expr, operand: Expr, weight: Expr) -> Expr:
        name = f"llvm.x86.avx512.vpdpbusd.{8 * self.bytes}"
        intrinsic = T.llvm_lookup_intrinsic_id(name)
        return T.call_llvm_pure_intrin(intrinsic, acc, operand, weight, dtype=f"int32x{self.lanes}")

    def transposed(self, pixels: list[Expr]) -> list[Expr]:
        """One VPERMD brings four channels of all pixels into each 128 bits, VPSHUFB orders them."""
        whole = shuffle(pixels, list(range(64))) if len(pixels) > 1 else pixels[0]
        words = T.bind(T.reinterpret(whole, dtype="int32x16"))
        words = shuffle([words], [pixel * 4 + quad for quad in range(4) for pixel in range(4)])
        order = [
            quad * 16 + pixel * 4 + byte
            for quad in range(4)
            for byte in range(4)
            for pixel in range(4)
        ]
        return [shuffle([T.bind(T.reinterpret(words, dtype="uint8x64"))], order)]
