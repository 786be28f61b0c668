"""x86 AVX-VNNI: VPDPBUSD on 256 bits, for processors that have it and no AVX-512."""

from __future__ import annotations

from tvm.script import tirx as T

from .base import Expr, shuffle
from .vnni import Vnni


class AvxVnni(Vnni):
    """Half the width and half the registers of AVX-512: eight int32 lanes."""

    name = "avx_vnni"
    lanes, registers = 8, 12
    vector = 8
    families = {**Vnni.families, "table": ("lookup.nibbles", "lookup.plain")}
    pack_words, pack_bytes = "llvm.x86.avx2.packssdw", "llvm.x86.avx2.packuswb"
    bytes, product_words = 32, "llvm.x86.avx2.pmul.hr.sw"

    def depthwise_registers(self, taps: int) -> int:
        """A row of four outputs of 16 channels."""
        return 8

    def transposed(self, pixels: list[Expr]) -> list[Expr]:
        """Even pixels over odd ones, interleaved by VPUNPCKLBW, then VPERMQ and VPSHUFB."""
        even, odd = (shuffle(pixels, self._pair(first)) for first in (0, 1))
        found = []
        for half in (0, 8):
            places = [lane + half + i // 2 + i % 2 * 32 for lane in (0, 16) for i in range(16)]
            bytes_ = shuffle([even, odd], places)
            quads = T.bind(T.reinterpret(bytes_, dtype="int64x4"))
            quads = shuffle([quads], [0, 2, 1, 3])
            mixed = T.bind(T.reinterpret(quads, dtype="uint8x32"))
            order = [
                lane + pair * 8 + channel * 2 + of_pair
                for lane in (0, 16)
                for channel in range(4)
                for pair in (0, 1)
                for of_pair in (0, 1)
            ]
            found.append(shuffle([mixed], order))
        return found

    def _pair(self, first: int) -> list[int]:
        """Pixel ``first`` and the second next, side by side."""
        return [(first + pixel) * self.chunk + channel for pixel in (0, 2) for channel in range(16)]
