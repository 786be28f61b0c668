"""ExecuTorch in its own environment: serves a .pte file on one thread, XNNPACK underneath.

python serve_executorch.py FILE.pte
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import torch
from executorch.extension.pybindings.portable_lib import (
    _load_for_executorch,
    _unsafe_reset_threadpool,
)
from serve import Network, serve


def load(path: str) -> Network:
    torch.set_num_threads(1)
    _unsafe_reset_threadpool(1)
    program = _load_for_executorch(path)

    found: list[torch.Tensor] = []

    def network(tensor: np.ndarray) -> tuple[Callable[[], object], Callable[[], np.ndarray]]:
        given = (torch.from_numpy(tensor),)

        def run() -> None:
            found[:] = program.forward(given)

        return run, lambda: found[0].numpy().ravel()

    return network


if __name__ == "__main__":
    serve(load(sys.argv[1]))
