"""Real faces from frame to name on the cores, and what int8 templates take from scores."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pocketvision import Embedder
from pocketvision.faces.gallery.firmware import templates
from pocketvision.faces.template import ARCFACE_TEMPLATE

from ..csrc.host import FORMATS
from .identify import NAME, answers, run
from .scenes import scene, write

PEOPLE = 20
PAIRS = 2000
LANDMARKS = np.array(ARCFACE_TEMPLATE)

pytestmark = pytest.mark.shared


def crop(path: Path) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(path).convert("RGB"))


@pytest.fixture(scope="module")
def people(shared_data: Path) -> list[list[Path]]:
    """Two pictures each of people spread over LFW."""
    folders = sorted(path for path in (shared_data / "lfw_112").iterdir() if path.is_dir())
    pairs = [pictures[:2] for f in folders if len(pictures := sorted(f.glob("*.jpg"))) > 1]
    chosen = np.linspace(0, len(pairs) - 1, PEOPLE).round().astype(int)
    return [pairs[index] for index in chosen]


@pytest.mark.parametrize("core", ["cortex-m7", "cortex-m55"])
def test_people_of_lfw_are_named(
    core: str, shipped: Callable[[str], Path], people: list[list[Path]], tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    """As often as the package names them that computes with the whole crops in float."""
    random, embedder = np.random.default_rng(4), Embedder(NAME)
    names = [first.parent.name[:31] for first, _ in people]
    lines = []
    for index, (name, (first, second)) in enumerate(zip(names, people, strict=True)):
        form = list(FORMATS)[1 + index % 3]  # grey costs what the package does not pay
        seen = [scene(random, crop(path), LANDMARKS, eyes=50, noise=1) for path in (first, second)]
        lines.append(f"enrol {name} {write(tmp_path, f'{index}.raw', seen[0], form)}")
        lines.append(f"identify {write(tmp_path, f'{name}.again', seen[1], form)}")
    lines.sort(key=lambda line: line.startswith("identify"))
    (tmp_path / "faces.txt").write_text("\n".join(lines))
    words = ("LIST=faces.txt", f"OUT={tmp_path}", "DEFINES=-DENROL_ALL=1")
    done = run(shipped(core), core, tmp_path, *words)
    assert done.returncode == 0, done.stdout
    found = answers(done.stdout)
    gallery, probes = (embedder.embed([crop(pair[i]) for pair in people]) for i in (0, 1))
    scores = probes @ gallery.T
    best = scores.argmax(axis=1)
    differences, named, agree = [], 0, 0
    for index, name in enumerate(names):
        answer, score, threshold = found[name]
        agree += answer.strip("?") == names[best[index]]
        named += answer == name
        if answer.strip("?") == names[best[index]]:
            differences.append(abs(score - scores[index, best[index]]))
    wanted = int(((best == np.arange(PEOPLE)) & (scores.max(axis=1) >= threshold)).sum())
    with capsys.disabled():
        print(
            f"\n{core}: {named} of {PEOPLE} people of LFW named and accepted, the package "
            f"{wanted}; {agree} times the same best, scores {np.mean(differences):.3f} apart"
        )
    assert named >= wanted - 2 and named >= PEOPLE // 2 and agree >= PEOPLE - 2
    assert np.mean(differences) < 0.05
    assert re.search(rf"^{PEOPLE} enrolled, stack ", done.stdout, re.MULTILINE)


def test_what_templates_take_from_scores(shared_data: Path, capsys: pytest.CaptureFixture) -> None:
    paths = sorted((shared_data / "lfw_112").rglob("*.jpg"))
    chosen = np.linspace(0, len(paths) - 1, PAIRS).round().astype(int)
    real = Embedder(NAME).embed([crop(paths[index]) for index in chosen]).astype(np.float64)
    rows = templates(real).astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    own = (rows * real).sum(axis=1)
    change = np.abs(rows @ rows.T - real @ real.T)[np.triu_indices(PAIRS, 1)]
    with capsys.disabled():
        print(
            f"\ntemplates of {PAIRS} faces: cosine with their embedding at least {own.min():.6f};"
            f" scores change by {np.median(change):.5f} in the median, {change.max():.5f} at most"
        )
    assert own.min() > 0.9998 and change.max() < 0.006 and np.median(change) < 0.001
