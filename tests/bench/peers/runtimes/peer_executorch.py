"""ExecuTorch (XNNPACK) as a peer: float32 and int8 by torchao's quantiser, in a child."""

from __future__ import annotations

from ..candidate import Candidate, Sources
from .apart import Apart

FIRST = """
import torch
from executorch.extension.pybindings.portable_lib import _load_for_executorch
_load_for_executorch({path!r}).forward((torch.zeros(1, 3, 112, 112),))
"""

# Its binding imports torch, which its requirements do not name.
APART = Apart("executorch", ("executorch", "torch"), "pte", FIRST)


def candidates(sources: Sources) -> list[Candidate]:
    """The folded float files, PReLU as it is and as relus, in float32 and int8."""
    return APART.candidates(sources)
