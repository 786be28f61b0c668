"""The models that this installation ships: every variant gives the same bytes, and all is small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pocketvision
from pocketvision import Embedder, InputError, _runtime
from pocketvision.runtime import shipped as models
from pocketvision.runtime.model import Model

NAMES = sorted(models.shipped())
EMBEDDERS = sorted(models.of_task("face-embedding"))
pytestmark = pytest.mark.skipif(not NAMES, reason="this installation was built without models")


@pytest.mark.parametrize("name", NAMES)
def test_variants_give_the_same_bytes(name: str) -> None:
    files = models.shipped()[name]
    runnable = [target for target in models.host_targets() if target in files]
    assert set(models.host_targets()) - set(runnable) <= {"x86-64-avxvnni"}
    variants = [Model(files[target]) for target in runnable]
    (source,) = variants[0].inputs
    info = np.iinfo(source.dtype)
    random = np.random.default_rng(5)
    for _ in range(20):
        data = random.integers(info.min, info.max + 1, source.shape, dtype=source.dtype)
        results = [variant.run(data) for variant in variants]
        for result in results[1:]:
            np.testing.assert_equal(result, results[0])


@pytest.mark.parametrize("name", EMBEDDERS)
def test_the_record_serves_verification(name: str, crops: Any) -> None:
    embedder = Embedder(name.replace("-", "_"))
    assert embedder.record.name == name
    a = embedder.embed(crops[0])[0]
    for entry in embedder.record.thresholds:
        verdict = pocketvision.verify(a, a, far=entry["far"], model=name)
        assert verdict.same and verdict.threshold == entry["threshold"]
    assert embedder.record.thresholds, "a shipped embedder states at least one threshold"


@pytest.mark.parametrize("name", EMBEDDERS)
def test_full_names_are_names(name: str, crops: Any) -> None:
    embedder = Embedder(name)
    again = Embedder(embedder.name)
    assert again.name == embedder.name and again.model.path == embedder.model.path
    a, b = embedder.embed(crops[:2])
    verdict = pocketvision.verify(a, b, model=embedder)
    assert pocketvision.verify(a, b, model=embedder.name) == verdict
    assert pocketvision.verify(a, b, model=verdict.model) == verdict
    with pytest.raises(InputError, match=f"'{name}.other.v1' is not installed, but '{name}"):
        Embedder(f"{name}.other.v1")


def test_the_defaults_are_shipped() -> None:
    assert models.DEFAULT_MODEL in EMBEDDERS
    assert models.DEFAULT_DETECTOR in models.of_task("face-detection")
    assert set(EMBEDDERS) | set(models.of_task("face-detection")) == set(NAMES)


def test_the_record_of_the_detector_says_what_it_is_made_of() -> None:
    record = pocketvision.Detector().model.record
    assert record is not None and record.name == models.DEFAULT_DETECTOR
    assert "YuNet" in (record.teacher or "") and record.data and record.licence
    assert [score["precision"] for score in record.scores] == ["float32", "int8"]
    assert all(0 < score["average_precision"] < 1 for score in record.scores)


@pytest.mark.parametrize("name", EMBEDDERS)
def test_no_embedder_is_taken_for_a_detector(name: str) -> None:
    known = ", ".join(models.of_task("face-detection"))
    with pytest.raises(InputError, match=f"got '{name}', .* 'face-embedding'; shipped: {known}"):
        pocketvision.Detector(name)
    with pytest.raises(InputError, match="no shipped model is named 'nobody'; shipped: "):
        pocketvision.Faces(name, detector="nobody")
    with pytest.raises(ValueError, match="expected a face embedder"):
        Embedder(models.DEFAULT_DETECTOR)


def test_the_runtime_and_one_model_are_small() -> None:
    files = [Path(_runtime.__file__), *map(Path, models.shipped()[models.DEFAULT_MODEL].values())]
    package = Path(models.__file__).parents[1]
    files += package.glob("*.py")
    for folder in ("record", "runtime", "faces", "cli"):
        files += (package / folder).rglob("*.py")
    assert sum(file.stat().st_size for file in files) < 6_000_000


def test_a_fresh_process_embeds() -> None:
    code = (
        "import numpy, pocketvision\n"
        "face = numpy.arange(112 * 112 * 3, dtype=numpy.uint8).reshape(112, 112, 3)\n"
        "print(pocketvision.Embedder().embed(face).shape)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "(1, 128)\n"


def test_a_process_that_embeds_stays_small() -> None:
    code = (
        "import re, numpy, pocketvision\n"
        "pocketvision.Embedder().embed(numpy.zeros((112, 112, 3), numpy.uint8))\n"
        "print(re.search(r'VmHWM:\\s*(\\d+) kB', open('/proc/self/status').read())[1])"
    )
    peak = int(subprocess.check_output([sys.executable, "-c", code], text=True)) * 1024
    assert peak < 40e6


@pytest.mark.skipif(models.LOW_RESOLUTION_MODEL not in NAMES, reason="built without it")
def test_the_model_of_far_faces_says_how_small_they_may_be(crops: Any) -> None:
    far = Embedder(models.LOW_RESOLUTION_MODEL)
    assert far.record.face.smallest is not None
    assert all("or one of" in entry["protocol"] for entry in far.record.thresholds)
    # It began as another's weights, and still is of another space.
    sharp = Embedder("facechain-125m").embed(crops[0])[0]
    with pytest.raises(InputError, match="embedding"):
        pocketvision.similarity(far.embed(crops[0])[0], sharp)
