"""Guest's half of counting: one embedding between two marks, under QEMU; it imports numpy alone.

python count_RUNTIME.py MARK.so FACE.npy OUT.npy ARGUMENT...
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import numpy as np


def count(load: Callable[..., Callable[[Any], Any]]) -> None:
    """Two regions: nothing, then one embedding of FACE, float32 (1, 3, H, W), which OUT takes.

    ``load``: of the arguments, gives a network as serve.py has it. Binding the face and reading the
    embedding lie outside. The first embedding makes plans and is not counted.
    """
    library, face, out, *arguments = sys.argv[1:]
    mark = ctypes.CDLL(library).mark
    run, read = load(*arguments)(np.load(face))
    run()
    mark()
    mark()
    run()
    mark()
    np.save(out, np.asarray(read(), np.float32).ravel())
