"""OpenVINO in QEMU: counts a compiled model of one thread; its options come as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import openvino
from count import count


def load(path: str, options: str) -> Callable[[Any], Any]:
    model = openvino.Core().compile_model(path, "CPU", json.loads(options))
    request = model.create_infer_request()

    def network(tensor: Any) -> tuple[Callable[[], object], Callable[[], Any]]:
        request.set_input_tensor(openvino.Tensor(tensor, shared_memory=True))
        return partial(request.infer, share_outputs=True), lambda: request.get_output_tensor(0).data

    return network


if __name__ == "__main__":
    count(load)
