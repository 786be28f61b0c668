"""Faces of noise, and a small network as an ONNX file that teaches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from pocketvision.training.export import export  # noqa: E402
from pocketvision.training.models.inverted import Inverted  # noqa: E402

SIZE, PEOPLE, EACH = 32, 6, 12


@pytest.fixture(scope="session")
def data(tmp_path_factory, lively) -> Path:
    """``faces`` of a few people at 32 pixels, ``teacher.onnx`` and ``teacher.safetensors``."""
    root = tmp_path_factory.mktemp("search")
    random = np.random.default_rng(1)
    for person in range(PEOPLE):
        (root / "faces" / f"p{person}").mkdir(parents=True)
        face = random.integers(0, 256, (5, 5, 3))
        for picture in range(EACH):
            coarse = np.clip(face + random.normal(0, 25, face.shape), 0, 255).astype(np.uint8)
            whole = Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
            whole.save(root / "faces" / f"p{person}" / f"{picture}.png")
    net = lively(Inverted("8 k3e3, 12 k3e3", 8, 16, size=SIZE, embedding=8), SIZE)
    export(net, root / "teacher.onnx", size=SIZE, dynamic_batch=True)
    return root


@pytest.fixture(scope="session")
def tensors(data: Path) -> tuple[str, ...]:
    """Of the teacher: what the first block reads, what each of two blocks gives."""
    import onnx

    names = [node.output[0] for node in onnx.load(data / "teacher.onnx").graph.node]
    stem = next(name for name in names if "stem" in name and "Relu" in name)
    return (stem, *([n for n in names if f"blocks.{i}" in n][-1] for i in (0, 1)))


@pytest.fixture(scope="session")
def table(tensors: tuple[str, ...]) -> dict:
    """A block-wise recipe of some seconds."""
    return {
        "data": {"root": "faces", "cache": True, "size": SIZE},
        "teacher": {"model": "teacher.onnx", "tensors": list(tensors)},
        "space": {
            "stem": 8, "head": 16, "embedding": 8, "size": SIZE,
            "blocks": [
                {"widths": [8, 12], "depths": [1, 2], "kernels": [3, 5], "expansions": [3]},
                {"widths": [12], "depths": [2], "kernels": [3, 5], "expansions": [1, 3]},
            ],
        },
        "steps": 6, "batch": 8, "judged": 24, "calibrated": 16, "precision": "float32",
        "workers": 1, "checkpoint_steps": 2, "log_steps": 1, "best": 3,
    }  # fmt: skip
