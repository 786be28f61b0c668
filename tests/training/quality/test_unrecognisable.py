"""Where unrecognisable faces gather: directions, shares along them, and the record's field."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest

from pocketvision.training.data import spoil
from pocketvision.training.quality import unrecognisable
from pocketvision.training.quality.samples import Face


def test_directions_are_where_the_centres_lie() -> None:
    random = np.random.default_rng(0)
    axes = np.linalg.qr(random.normal(size=(32, 3)))[0].T
    centres = random.uniform(0.5, 1, (40, 3)) * [1, 0.7, 0.5] @ axes
    found = unrecognisable.directions(centres + random.normal(0, 0.01, (40, 32)), 3)
    assert found.dtype == np.int8 and np.abs(found).max(axis=1).tolist() == [127] * 3
    np.testing.assert_allclose(unrecognisable.shares(axes, found), 1, atol=0.03)
    aside = np.linalg.qr(np.vstack([axes, random.normal(size=(4, 32))]).T)[0].T[3:]
    np.testing.assert_allclose(unrecognisable.shares(aside, found), 0, atol=0.03)
    with pytest.raises(ValueError, match="at least 8, got 5"):
        unrecognisable.directions(centres[:5])


def test_the_level_leaves_most_clean_faces_alone() -> None:
    along = np.array([[127, 0, 0], [0, 127, 0]], np.int8)
    angles = np.linspace(0, np.pi / 2, 101)
    clean = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], axis=1)
    field = unrecognisable.entry(along, clean, "arc")
    beyond = (unrecognisable.shares(clean, along) > field["level"]).mean()
    assert beyond == pytest.approx(1 - unrecognisable.CLEAN_BELOW, abs=0.01)
    assert b64decode(field["directions"]) == along.tobytes() and field["count"] == 2


def test_centres_are_those_of_every_shown_way() -> None:
    seen: list[np.ndarray] = []

    def embed(pictures: np.ndarray) -> np.ndarray:
        seen.append(pictures)
        return pictures.reshape(len(pictures), -1)[:, :4].astype(np.float32) + 1

    pictures = np.random.default_rng(1).integers(0, 256, (2, 112, 112, 3), np.uint8)
    found = unrecognisable.centres(embed, pictures)
    shown = len(spoil.SHOWN) * 3 - 2 * len(spoil.NO_FACE & spoil.SHOWN.keys())
    assert found.shape == (shown, 4) and len(seen) == shown
    np.testing.assert_array_less(np.linalg.norm(found, axis=1), 1 + 1e-6)


def test_one_face_a_person_kept_or_not() -> None:
    faces = [Face(Path(f"p{i // 3}", f"{i}.jpg"), f"p{i // 3}/{i}.jpg") for i in range(120)]
    for kept in (False, True):
        chosen = unrecognisable.one_each(faces, kept=kept)
        people = [face.name.split("/")[0] for face in chosen]
        assert len(set(people)) == len(people)
        assert all(unrecognisable.aside(face.name) == kept for face in chosen)
    assert len(unrecognisable.one_each(faces, kept=False)) == 40
