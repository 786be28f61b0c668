"""pytest-benchmark: what surrounds the network, from process start to the comparison.

Collected with --benchmark-only; see tests/bench/README.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pocketvision import Embedder, Faces, Gallery, similarity, top_k
from pocketvision.demo.faces import astronaut
from pocketvision.faces.alignment import align
from pocketvision.runtime.model import Model
from pocketvision.runtime.shipped import DEFAULT_MODEL, find

FIRST_EMBEDDING = (
    "import numpy, pocketvision;"
    f"pocketvision.Embedder({DEFAULT_MODEL!r}).embed(numpy.zeros((112, 112, 3), numpy.uint8))"
)


@pytest.mark.benchmark(group="start")
def test_process_start_to_first_embedding(benchmark, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FIRST_EMBEDDING]
    # With bytecode, which an installed wheel has too: the round that warms up writes it.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    benchmark.pedantic(
        lambda: subprocess.run(command, check=True, env=environment), rounds=10, warmup_rounds=1
    )


NAMES = """
import sys, pocketvision
faces = pocketvision.Faces()
with pocketvision.Gallery.open(sys.argv[1], model=faces.embedder, create=False) as gallery:
    found = [gallery.identify(face.embedding).name for face in faces.find(sys.argv[2])]
assert "Eileen" in found
"""


@pytest.mark.benchmark(group="start")
def test_process_start_to_names_of_a_photo(benchmark, tmp_path: Path) -> None:
    """A JPEG of 512 x 512 pixels, a gallery of one person; ``peak_mib`` is of memory."""
    photo, known, faces = tmp_path / "photo.jpg", tmp_path / "people.pvdb", Faces()
    Image.fromarray(astronaut().picture).save(photo, quality=92)
    with Gallery.open(known, model=faces.embedder) as gallery:
        gallery.enrol("Eileen", faces.find(photo)[0].embedding)
    command = [sys.executable, "-c", NAMES, str(known), str(photo)]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    peaks = []

    def start() -> None:
        process = subprocess.Popen(command, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
        assert status == 0
        peaks.append(used.ru_maxrss / 1024)

    benchmark.pedantic(start, rounds=15, warmup_rounds=1)
    benchmark.extra_info["peak_mib"] = max(peaks)


@pytest.mark.benchmark(group="start")
def test_load_a_model(benchmark) -> None:
    assert benchmark(Model, find(DEFAULT_MODEL)).arena_bytes > 0


@pytest.mark.benchmark(group="around the network")
def test_align_a_face(benchmark) -> None:
    face = astronaut()
    assert benchmark(align, face.picture, face.landmarks).shape == (1, 112, 112, 3)


@pytest.mark.benchmark(group="network")
def test_embed_a_batch_of_16(benchmark) -> None:
    face = astronaut()
    crops = np.repeat(align(face.picture, face.landmarks), 16, axis=0)
    assert len(benchmark(Embedder(DEFAULT_MODEL).embed, crops)) == 16


@pytest.mark.benchmark(group="around the network")
def test_compare_two_embeddings(benchmark) -> None:
    a, b = np.random.default_rng(1).standard_normal((2, 128)).astype(np.float32)
    assert -1 <= benchmark(similarity, a, b) <= 1


@pytest.mark.benchmark(group="around the network")
def test_best_of_ten_thousand(benchmark) -> None:
    gallery = np.random.default_rng(2).standard_normal((10_000, 128)).astype(np.float32)
    assert benchmark(top_k, gallery[7], gallery, 1)[0][0] == 7
