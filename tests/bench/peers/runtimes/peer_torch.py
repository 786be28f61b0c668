"""PyTorch as a peer: the traced and frozen float network, in both memory layouts."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

from ..candidate import Absent, Bound, Candidate, Example, Runner, Sources

RUNTIME = "torch"


def load(sources: Sources, channels_last: bool) -> Runner:
    """The network in inference mode through ``torch.jit.optimize_for_inference``.

    It sets torch to one thread for the whole process.
    """
    import torch

    from pocketvision.training.models.stored.checkpoint import load as load_weights

    assert sources.weights is not None
    torch.set_num_threads(1)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = load_weights(sources.name, sources.weights).eval().to(memory_format=layout)
    example = torch.zeros(1, 3, 112, 112).to(memory_format=layout)
    with torch.inference_mode(), warnings.catch_warnings():
        # Traced at one fixed size, the branch on the size of the map is a constant by intent.
        warnings.filterwarnings("ignore", message="Converting a tensor to a Python boolean")
        frozen = torch.jit.optimize_for_inference(torch.jit.trace(model, example))

    found: list[Any] = []

    def bind(example: Example) -> Bound:
        x = torch.from_numpy(example.tensor).to(memory_format=layout)

        def run() -> None:
            with torch.inference_mode():
                found[:] = [frozen(x)]

        return Bound(run, lambda: found[0].numpy().ravel())

    return bind


def candidates(sources: Sources) -> list[Candidate]:
    """The float network in NCHW and in NHWC."""
    if find_spec("torch") is None:
        raise Absent("not installed; pip install 'pocketvision[training]'")
    if sources.weights is None:
        raise Absent(f"no {sources.name}.safetensors to load")
    return [
        Candidate(RUNTIME, "float32", "frozen, NCHW", lambda: load(sources, False)),
        Candidate(RUNTIME, "float32", "frozen, NHWC", lambda: load(sources, True)),
    ]
