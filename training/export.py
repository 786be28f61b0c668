"""Exports a float model to ONNX: one input, normalised float32, and one output or several."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

from pocketvision.files import write_whole

OPSET = 17


def export(model: nn.Module, out: Path, *, size: int = 112, dynamic_batch: bool = False) -> Path:
    """Writes ``model`` in inference mode to ``out`` and returns ``out``.

    Input ``input``: float32 (1, 3, size, size), already normalised; output ``embedding``: float32
    (1, D). With ``dynamic_batch`` the leading 1 becomes a free dimension, for fast evaluation.

    Raises:
        ValueError: as :func:`export_shape`.
    """
    free = {"input": {0: "batch"}, "embedding": {0: "batch"}} if dynamic_batch else None
    return export_shape(model, (3, size, size), out, ("input", "embedding"), free)


def export_shape(
    model: nn.Module,
    shape: tuple[int, ...],
    out: Path,
    names: tuple[str, ...],
    free: dict[str, dict[int, str]] | None = None,
) -> Path:
    """Writes a model of one input, float32 (1, *shape), and returns ``out``.

    Args:
        names: of the input, then of each output.
        free: names of the dimensions that are free, by tensor and axis.

    Raises:
        ValueError: a forward was replaced (``training.accelerate``); an exported file must hold
            the plain network, so build a fresh model and load the weights into it.
    """
    swapped = [name for name, module in model.named_modules() if "forward" in vars(module)]
    if swapped:
        raise ValueError(
            f"export: the forward of {swapped[0]!r} and {len(swapped) - 1} more modules is "
            "replaced (accelerate() was called); create a fresh model and load its weights"
        )
    was_training = model.training
    model.eval()
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            # The TorchScript exporter needs no onnxscript and keeps one node per module; its
            # deprecation notice is known.
            warnings.simplefilter("ignore")
            file = Path(folder, "float.onnx")
            torch.onnx.export(
                model,
                (torch.zeros(1, *shape),),
                file,
                dynamo=False,
                opset_version=OPSET,
                input_names=[names[0]],
                output_names=list(names[1:]),
                dynamic_axes=free,
            )
            exported = file.read_bytes()
    finally:
        model.train(was_training)
    onnx.checker.check_model(exported, full_check=True)
    write_whole(out, lambda file: file.write(exported))
    return out
