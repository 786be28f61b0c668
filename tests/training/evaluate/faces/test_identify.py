"""Ranks, FNIR at FPIR and MegaFace on cases worked by hand."""

import numpy as np
import pytest

from pocketvision.training.evaluate.faces import identify


def at(*degrees):
    """Unit vectors in the plane."""
    angle = np.deg2rad(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def test_ranks_count_people_not_pictures():
    # Probe at 0: c at 5 is first, then a's better picture at 10; b at 40 is third.
    gallery, people = at(10, 60, 40, 5), ["a", "a", "b", "c"]
    found = identify.ranks(at(0, 0, 0), ["a", "b", "c"], 3 * gallery, people)
    assert found.tolist() == [2, 3, 1]
    assert [identify.rank_accuracy(found, k) for k in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 1])


def test_a_tie_is_not_a_hit():
    assert identify.ranks(at(0), ["a"], at(10, 10), ["a", "b"]).tolist() == [2]


def test_ranks_need_every_person():
    with pytest.raises(ValueError, match=r"1 people of the probes are not in the gallery.*'z'"):
        identify.ranks(at(0, 5), ["a", "z"], at(0), ["a"])


def test_fnir_at_fpir_by_hand():
    # Strangers lie 60, 50, 40, 30, 80 and 85 degrees from a: with FPIR 1/2 three may pass, so the
    # threshold is just above cos 60. Probes: a at 10 passes; a at 70 is below it; b's picture at
    # 20 is nearer to a: wrong first candidate.
    gallery, people = at(0, 180), ["a", "b"]
    strangers = at(60, 50, 40, 30, 80, 85)
    fnir, threshold = identify.fnir_at_fpir(
        at(10, 70, 20), ["a", "a", "b"], strangers, gallery, people, 0.5
    )
    assert fnir == pytest.approx(2 / 3)
    assert threshold == pytest.approx(np.cos(np.deg2rad(60)))
    assert threshold > (strangers @ gallery.T).max(1)[0]


def test_fpir_needs_probes():
    with pytest.raises(ValueError, match="needs at least 30 non-mated probes"):
        identify.fnir_at_fpir(at(1), ["a"], at(5, 6), at(0), ["a"], 0.1)


def test_megaface_rank1_by_hand():
    # a at 0, 10 and 40; b at 90 and 95; a distractor at 25. Distance to it: 25, 15, 15 and 65, 70.
    # (0, 10) and (10, 0) are right; 40's distances 40 and 30 exceed 15, and 0 to 40 exceeds 25,
    # 10 to 40 exceeds 15: 2 of 6. b: both right. 4 of 8.
    faces, people = at(0, 10, 40, 90, 95), list("aaabb")
    assert identify.megaface_rank1(faces, people, at(25)) == 0.5


def test_refined_distractors_never_match_and_noisy_probes_follow_their_person():
    faces, people = at(0, 10, 170, 90), list("aaab")
    clean, others = identify.refined(faces, people, [2], at(5, 100), [0])
    assert clean.shape == (4, 3) and others.shape == (2, 3)
    assert clean[2, :2] == pytest.approx(at(5)[0], abs=2e-3)
    assert np.abs(clean @ identify.unit(others).T)[:, 0].max() < 0.02
    assert identify.megaface_rank1(clean, people, others) == 1.0


def test_refined_needs_one_good_picture():
    with pytest.raises(ValueError, match="every picture of 'b' is on the noise list"):
        identify.refined(at(0, 10, 90), list("aab"), [2], at(5), [])
