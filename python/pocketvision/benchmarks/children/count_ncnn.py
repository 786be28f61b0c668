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
    entry, leaving = net.input_names()[0], net.output_names()[0]

    def network(tensor: Any) -> Any:
        extractor = net.create_extractor()
        extractor.input(entry, ncnn.Mat(tensor[0]))
        return np.array(extractor.extract(leaving)[1])

    return network


if __name__ == "__main__":
    count(load)
