"""Folders of an encoder and a decoder written in C."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

RECORD = {
    "name": "fixture",
    "tag": "clips.v1",
    "task": "clips",
    "preprocess": {
        "size": [16, 16], "colour": "RGB",
        "mean": [127.5, 120.0, 110.0], "std": [64.0, 60.0, 50.0],
    },
    "classes": ["fight", "none", "dance"],
    "frames": 16,
    "stride": 1,
    "modality": "rgb",
}  # fmt: skip


@pytest.fixture
def make_pair(tmp_path: Path, seal: Callable[[bytes], bytes]) -> Callable[..., Path]:
    """``make_pair(FAILS=4, record={"stride": 2})`` -> a folder that ClipClassifier opens."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")

    def make(record: dict[str, Any] | None = None, **values: Any) -> Path:
        told = RECORD | (record or {})
        folder = tmp_path / f"models-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        modalities = str(told["modality"]).split("+")
        for number, modality in enumerate(modalities, 1):
            mark = f"-{number}" if len(modalities) > 1 else ""
            steps = values.get("STEPS", int(told["frames"]) - (modality == "difference"))
            for kind in ("encoder", "decoder"):
                defines = {**values, "STEPS": steps, "RECORD": json.dumps(json.dumps(told))}
                if kind == "encoder":
                    defines["ENCODER"] = 1
                path = folder / f"{kind}{mark}.x86-64-portable.so"
                subprocess.run(
                    [compiler, "-std=c11", "-O1", "-shared", "-fPIC", "-s",
                     f"-I{ROOT / 'csrc' / 'include'}",
                     *(f"-D{key}={value}" for key, value in defines.items()),
                     str(ROOT / "tests" / "csrc" / "fixture_clip.c"), "-o", str(path)],
                    check=True,
                )  # fmt: skip
                path.write_bytes(seal(path.read_bytes()))
        return folder

    return make
