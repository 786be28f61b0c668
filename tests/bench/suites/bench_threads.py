"""pytest-benchmark: images per second on one thread and on two, in turn; prints their ratio.

Collected with --benchmark-only; see tests/bench/README.md. VarGFaceNet has weights of noise here,
which take as long as others.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest

from pocketvision import Embedder
from pocketvision.bench import threads
from pocketvision.compile import compile_file
from pocketvision.record import METADATA_KEY
from pocketvision.runtime.shipped import DEFAULT_MODEL
from pocketvision.training import models

from ...compile.quantised import quantised


@pytest.fixture(scope="module")
def vargfacenet(tmp_path_factory: pytest.TempPathFactory) -> str:
    entry, folder = models.entry("vargfacenet"), Path(tmp_path_factory.mktemp("vargfacenet"))
    file = quantised(entry.make(), folder / "vargfacenet.int8.onnx", entry.input_size)
    model = onnx.load(file)
    record = replace(
        Embedder(DEFAULT_MODEL).record, name="vargfacenet", tag="noise", embedding=entry.embedding
    )
    onnx.helper.set_model_props(model, {METADATA_KEY: record.to_json()})
    onnx.save(model, file)
    return str(compile_file(file, "host", folder)[0])


@pytest.mark.benchmark(group="threads")
@pytest.mark.parametrize("network", [DEFAULT_MODEL, "vargfacenet"])
def test_two_threads(
    benchmark: Any, network: str, request: pytest.FixtureRequest, capsys: Any
) -> None:
    file = request.getfixturevalue(network) if network == "vargfacenet" else network
    one, two = benchmark.pedantic(threads.run, ([file], 2, 10), rounds=1)
    benchmark.extra_info.update(one=one, two=two)
    with capsys.disabled():
        print(
            f"\n{network}: {one['images_per_second']:.0f} images/s on one thread, "
            f"{two['images_per_second']:.0f} on two, ratio {two['ratio_to_one']:.2f}"
        )
