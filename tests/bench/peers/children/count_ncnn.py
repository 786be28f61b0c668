"""ncnn in QEMU: counts a net of one thread; its options come as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import ncnn
import numpy as np
from count import count


def load(param: str, options: str) -> Callable[[Any], Any]:
    net = ncnn.Net()
    for name, value in json.loads(options).items():
        setattr(net.opt, name, value)
    net.load_param(param)
    net.load_model(param.removesuffix("param") + "bin")
    entry, leaving = net.input_indexes()[0], net.output_indexes()[0]
    found: list[Any] = []

    def network(tensor: Any) -> tuple[Callable[[], object], Callable[[], Any]]:
        mat = ncnn.Mat(tensor[0])  # without a copy: ``kept`` holds the memory

        def run(kept: object = tensor) -> None:
            extractor = net.create_extractor()
            extractor.input(entry, mat)
            found[:] = [extractor.extract(leaving)[1]]

        return run, lambda: np.array(found[0])

    return network


if __name__ == "__main__":
    count(load)
