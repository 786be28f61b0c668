"""ExecuTorch in its own environment: serves a .pte file on one thread, XNNPACK underneath.

python serve_executorch.py FILE.pte
"""

from __future__ import annotations

import sys

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

    def network(tensor: np.ndarray) -> np.ndarray:
        return program.forward((torch.from_numpy(tensor),))[0].numpy().ravel()

    return network


if __name__ == "__main__":
    serve(load(sys.argv[1]))
