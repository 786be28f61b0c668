"""onnxruntime's own operators, as its optimiser writes them, in the standard's words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile.frontend.normalise import normalise

from ...small import MICROSOFT, kinds, model, node, same, saved

RANDOM = np.random.default_rng(2)
W = RANDOM.normal(0, 0.3, (5, 4, 3, 3)).astype(np.float32)
B = RANDOM.normal(0, 1, 5).astype(np.float32)
Z = RANDOM.normal(0, 1, (1, 5, 4, 4)).astype(np.float32)
ACTIVATIONS = {
    "Relu": [],
    "Sigmoid": [],
    "Tanh": [],
    "LeakyRelu": [0.3],
    "Clip": [-0.5, 1.0],
    "HardSigmoid": [0.25, 0.4],
}


@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_fused_convolution(tmp_path: Path, kind: str, added: bool) -> None:
    inputs = ["x", "w", "b", *(["z"] * added)]
    values = ACTIVATIONS[kind]
    parameters = {"activation_params": values} if values else {}
    conv = node("FusedConv", inputs, ["y"], domain=MICROSOFT, activation=kind, **parameters)
    after = same(tmp_path, model([conv], {"w": W, "b": B, "z": Z}), steps=1e-5)
    assert kinds(after) == ["Conv", *(["Add"] * added), kind]


@pytest.mark.parametrize("kind", ["Relu", "LeakyRelu"])
def test_fused_gemm(tmp_path: Path, kind: str) -> None:
    more = {"activation_alpha": 0.2} if kind == "LeakyRelu" else {}
    gemm = node("FusedGemm", ["x", "w", "b"], ["y"], domain=MICROSOFT, activation=kind, alpha=0.5,
                **more)  # fmt: skip
    made = model([gemm], {"w": W.reshape(-1, 5), "b": B}, x=(1, 36))
    assert kinds(same(tmp_path, made, steps=1e-5)) == ["Gemm", kind]


@pytest.mark.parametrize(
    "kind, inputs, expected",
    [
        ("Gelu", ["x"], ["Gelu"]),
        ("BiasGelu", ["x", "c"], ["Add", "Gelu"]),
        ("FastGelu", ["x"], ["Gelu"]),
        ("FastGelu", ["x", "c"], ["Add", "Gelu"]),
        ("QuickGelu", ["x"], ["Mul", "Sigmoid", "Mul"]),
    ],
)
def test_gelu(tmp_path: Path, kind: str, inputs: list[str], expected: list[str]) -> None:
    made = model([node(kind, inputs, ["y"], domain=MICROSOFT)],
                 {"c": np.linspace(-1, 1, 6, dtype=np.float32)})  # fmt: skip
    assert kinds(same(tmp_path, made, steps=2e-6, relative=1e-5)) == expected


def test_an_unknown_activation_stays(tmp_path: Path) -> None:
    conv = node("FusedConv", ["x", "w"], ["y"], domain=MICROSOFT, activation="Sinus")
    after, _ = normalise(saved(tmp_path, model([conv], {"w": W})))
    assert kinds(after) == ["FusedConv"]
