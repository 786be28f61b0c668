"""Identification: names, thresholds at a rate, runners-up, examples of who is not meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pocketvision
from pocketvision import Gallery, InputError, Quality
from pocketvision.faces.embeddings import embeddings
from pocketvision.faces.gallery import search
from pocketvision.faces.gallery.contents import Contents, Model, Note
from pocketvision.faces.gallery.search import Index
from pocketvision.faces.open_set import OpenSet

Faces = Callable[..., np.ndarray]


def test_an_answer_carries_its_evidence(gallery: Gallery, faces: Faces) -> None:
    ada, grace, lise = faces(1, 3), faces(2, 2), faces(3)
    gallery.enrol("Ada", ada[:2])
    gallery.enrol("Grace", grace)
    gallery.enrol("Lise", lise)
    answer = gallery.identify(ada[2], fpir=0.001)
    scores = pocketvision.similarity(ada[2], np.concatenate([ada[:2], grace, [lise]]))[0]
    assert answer.name == answer.nearest == "Ada"
    assert answer.score == pocketvision.similarity(ada[2], ada[int(np.argmax(scores[:2]))])
    assert answer.runner_up == ["Grace", "Lise"][int(scores[2:4].max() < scores[4])]
    assert answer.runner_up_score == pytest.approx(scores[2:].max())
    assert [answer.threshold, answer.fpir, answer.interval] == [0.5, 0.001, (0.0005, 0.002)]
    assert [answer.size, answer.people, answer.dataset] == [5, 3, "noise"]
    assert answer.model == "fixture.sums.v1"
    assert answer.reliable is None and answer.reasons == ()
    assert str(answer) == (
        f"Ada: score {answer.score:.3f} >= threshold 0.500 (false positive identification rate "
        f"0.001, 0.0005 to 0.002, among 5 templates of 3 people on noise, fixture.sums.v1); "
        f"runner-up {answer.runner_up}, {answer.runner_up_score:.3f}"
    )
    stranger = gallery.identify(faces(9))
    assert stranger.name is None and stranger.score < 0.5 and stranger.nearest is not None
    assert str(stranger).startswith(f"unknown, most like {stranger.nearest}: score ")
    assert " < threshold 0.500 " in str(stranger)
    for one in (answer, stranger):
        with pytest.raises(TypeError, match="not a bare yes or no"):
            bool(one)
        assert set(one.to_dict()) == set(vars(one)) | {"reliable"}
    good = embeddings(ada[2], None, Quality(80))
    assert gallery.identify(good).reliable is True
    assert gallery.identify(good).to_dict()["quality"] == 80
    # A score of 1, and a threshold of 0.5: the one margin is passed and the other is not.
    assert gallery.identify(embeddings(ada[2], None, Quality(80, margin=0.4))).reliable is True
    doubted = gallery.identify(embeddings(ada[2], None, Quality(80, margin=0.6)))
    assert doubted.name == answer.name and doubted.reliable is False
    assert "strangers in such pictures come as near" in doubted.reasons[-1]


def test_several_queries_and_none(gallery: Gallery, faces: Faces) -> None:
    for seed in range(5):
        gallery.enrol(f"p{seed}", faces(seed))
    many = np.stack([faces(seed) for seed in (*range(7), *range(100))])
    answers = gallery.identify(many)
    assert [answer.name for answer in answers[:7]] == [
        *(f"p{seed}" for seed in range(5)),
        None,
        None,
    ]
    assert len(answers) == 107
    assert answers[3] == gallery.identify(many[3]) == gallery.identify(many[3:4])[0]
    assert gallery.identify(list(many[:2])) == answers[:2]
    assert gallery.identify(many[:0]) == []
    rows = embeddings(many[:2], None, np.array([Quality(9), Quality(3, ("blurred",))], object))
    assert [answer.reasons for answer in gallery.identify(rows)] == [(), ("blurred",)]


def test_an_empty_gallery_answers(gallery: Gallery, faces: Faces) -> None:
    answer = gallery.identify(faces(1))
    assert [answer.name, answer.score, answer.threshold, answer.fpir] == [None] * 4
    assert answer.size == 0 and answer.reasons == ("nobody is enrolled",)
    assert str(answer).startswith("unknown: nobody is enrolled (fixture.sums.v1)")
    assert answer.to_dict()["score"] is None and len(gallery.identify(np.ones((3, 128)))) == 3
    gallery.enrol("Ada", faces(1))
    alone = gallery.identify(faces(1))
    assert alone.name == "Ada" and alone.runner_up is None and alone.reliable is False
    assert "one person is enrolled" in alone.reasons[0]
    gallery.remove("Ada")
    assert gallery.identify(faces(1)).reasons == ("nobody is enrolled",)


def test_rates_and_thresholds(
    gallery: Gallery, faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(3):
        gallery.enrol(f"p{seed}", faces(seed))
    answer = gallery.identify(faces(1), threshold=np.float32(0.25))
    assert answer.name == "p1" and answer.threshold == 0.25 and answer.fpir is None
    assert "false positive identification rate unknown, among 3 templates" in str(answer)
    assert answer.reliable is False and "not calibrated" in answer.reasons[0]
    assert gallery.identify(faces(1), np.float64(0.1)).fpir == 0.1
    for wrong in (-0.1, 1.5, "0.01", None, True, np.nan, [0.1]):
        with pytest.raises(InputError, match="^fpir: expected a number from 0 to 1"):
            gallery.identify(faces(1), wrong)
    for wrong in (-2, "1", [0.1], np.nan):
        with pytest.raises(InputError, match="^threshold: expected a number from -1 to 1"):
            gallery.identify(faces(1), threshold=wrong)
    monkeypatch.undo()
    with pytest.raises(InputError, match="is not calibrated for identification"):
        gallery.identify(faces(1))


def test_what_is_extrapolated_is_said(
    gallery: Gallery, faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    def beyond(record: object, fpir: float, size: int, people: int) -> OpenSet:
        return OpenSet(0.5, fpir, (0.0, 1.0), size, people, "noise", extrapolated=True)

    monkeypatch.setattr(search, "open_set", beyond)
    gallery.enrol("Ada", faces(1))
    gallery.enrol("Grace", faces(2))
    assert gallery.identify(faces(1)).reasons == ("the threshold is extrapolated to 2 templates",)


def test_not_this_person(gallery: Gallery, faces: Faces) -> None:
    """A double of Ada is rejected once, and not taken for her again; she still is."""
    ada, double = faces(1, 4, 0.5), faces(1) + 0.7 * faces(50)
    gallery.enrol("Ada", ada[:3])
    gallery.enrol("Grace", faces(2))
    assert gallery.identify(double).name == "Ada"
    assert gallery.reject("Ada", double) == 1
    assert gallery.reject("Ada", np.stack([double, double])) == 0
    near = double + 0.1 * faces(51)
    answer = gallery.identify(near)
    assert answer.name is None and answer.nearest == "Grace" and answer.ruled_out == ("Ada",)
    assert "; not Ada, by example" in str(answer) and answer.runner_up is None
    assert gallery.identify(ada[3]).name == "Ada" and gallery.identify(ada[3]).ruled_out == ()
    assert gallery.size == 4 and gallery.people()[0].rejected == 1
    with pytest.raises(InputError, match="^embedding: is a template of 'Ada'"):
        gallery.reject("Ada", ada[0])
    with pytest.raises(InputError, match="nobody in this gallery is called 'Bob'"):
        gallery.reject("Bob", double)
    # The double is somebody of their own, whom the example leaves alone.
    gallery.enrol("Double", double, allow_duplicate=True)
    assert gallery.identify(near).name == "Double"
    gallery.remove("Ada")
    assert gallery.identify(near).ruled_out == ()


def test_two_who_reach_the_threshold(gallery: Gallery, faces: Faces) -> None:
    gallery.enrol("Ada", faces(1))
    gallery.enrol("Twin", faces(1, 1), allow_duplicate=True)
    gallery.enrol("Grace", faces(2))
    answer = gallery.identify(faces(1))
    assert answer.name == "Ada" and answer.runner_up == "Twin" and answer.reliable is False
    assert answer.reasons == ("the runner-up reaches the threshold too",)


@settings(max_examples=200, deadline=None)
@given(
    owners=st.lists(st.integers(1, 4), max_size=12), seed=st.integers(0, 2**32 - 1),
    gone=st.frozensets(st.integers(1, 4), max_size=2),
)  # fmt: skip
def test_a_ranking_is_that_of_every_person(owners: list, seed: int, gone: frozenset) -> None:
    """Against a plain reading of the rule, for any templates, examples and people who are gone."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(len(owners), 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    against = random.random(len(owners)) < 0.3
    contents = Contents(
        Model("m.v1", "0" * 64, 8), "0" * 32, names={1: "a", 2: "b", 3: "c", 4: "d"}, gone=gone,
        vectors=rows, owners=np.array(owners, np.int64), against=against,
        notes=(Note(),) * len(owners),
    )  # fmt: skip
    probe = random.normal(size=8).astype(np.float32)
    probe /= np.linalg.norm(probe)
    best: dict[int, float] = {}
    worst: dict[int, float] = {}
    for row, owner, example in zip(rows, owners, against, strict=True):
        if owner not in gone:
            kept = worst if example else best
            kept[owner] = max(kept.get(owner, -2.0), float(row @ probe))
    left = {owner: s for owner, s in best.items() if worst.get(owner, -2.0) <= s}
    wanted = sorted(left, key=lambda owner: -left[owner])[:2]
    index = Index(contents)
    (ranking,) = index.rank(probe[None])
    assert index.size == sum(not e and o not in gone for o, e in zip(owners, against, strict=True))
    assert [match.person for match in ranking.matches] == wanted
    for match in ranking.matches:
        assert match.score == pytest.approx(left[match.person], abs=1e-6)
        assert owners[match.face] == match.person and not against[match.face]
    least = left[wanted[0]] if wanted else -2.0
    out = {owner for owner, score in best.items() if owner not in left and score > least}
    assert {match.person for match in ranking.ruled_out} == out


def test_the_scores_are_those_of_verify(
    model_file: Path, crops: np.ndarray, tmp_path: Path
) -> None:
    with pocketvision.Embedder(model_file) as embedder:
        rows = embedder.embed(crops)
        gallery = Gallery.open(tmp_path / "g.pvdb", model=embedder)
        gallery.enrol("Ada", rows[0])
        for row in rows:
            wanted = pocketvision.verify(row, rows[0], model=embedder).score
            assert gallery.identify(row).score == pytest.approx(wanted, abs=1e-7)
