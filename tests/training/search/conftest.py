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


@pytest.fixture(scope="session")
def ratings(data: Path, table: dict, tmp_path_factory) -> Path:
    """The folder of a block-wise search that is through."""
    from pocketvision.training.search.blockwise.recipe import parse
    from pocketvision.training.search.blockwise.search import search

    out = tmp_path_factory.mktemp("ratings")
    search(parse(table), data, out)
    return out


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """LFW's place is taken by a figure that grows with the network; one entry a judgement."""
    from types import SimpleNamespace

    from pocketvision.training.train.faces import validate

    seen: list[int] = []

    def embedder(model):
        return sum(value.numel() for value in model.parameters())

    def evaluate(parameters, images, pairs, flip):
        seen.append(parameters)
        return SimpleNamespace(accuracy=0.5 + parameters / 1e5, std=0.01)

    monkeypatch.setattr(validate, "embedder", embedder)
    monkeypatch.setattr(validate.lfw, "evaluate", evaluate)
    return seen


@pytest.fixture
def short_recipe(tmp_path: Path, data: Path) -> Path:
    """A real training of two steps."""
    (data / "pairs.txt").write_text("")
    path = tmp_path / "short.toml"
    path.write_text(
        """
        model = "taken from the search"
        steps = 2
        batch = 4
        checkpoint_steps = 1
        precision = "float32"
        [optimiser]
        learning_rate = 0.01
        [data]
        root = "faces"
        size = 32
        cache = true
        [margin]
        kind = "softmax"
        [validate]
        images = "faces"
        pairs = "pairs.txt"
        steps = 2
        """
    )
    return path
