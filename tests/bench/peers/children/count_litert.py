"""LiteRT in QEMU: counts a .tflite file on one thread, XNNPACK underneath."""

from __future__ import annotations

from count import count
from serve_litert import load

if __name__ == "__main__":
    count(load)
