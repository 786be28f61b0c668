"""Galleries: enrolment and its checks, changes, and that all of them are in the file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pocketvision
from pocketvision import Embedder, Gallery, InputError, Quality
from pocketvision.faces.embeddings import Identity, embeddings
from pocketvision.faces.gallery.answer import Person
from pocketvision.faces.gallery.enrolling import Enrolment

Faces = Callable[..., np.ndarray]

GOOD, BAD = Quality(90), Quality(12, ("the picture is blurred", "it is dark"))


def again(gallery: Gallery, key: bytes | None) -> Gallery:
    """As another process sees it."""
    return Gallery.open(gallery.path, key=key)


def test_people_are_enrolled_and_found(
    gallery: Gallery, key: bytes | None, faces: Faces, model_file: Path
) -> None:
    ada, grace = faces(1, 3), faces(2)
    assert gallery.enrol("Ada", ada[:2], picture=["1.jpg", "2.jpg"]) == Enrolment("Ada", 2)
    assert gallery.enrol("Grace", grace) == Enrolment("Grace", 1)
    assert gallery.enrol("Ada", ada[2]) == Enrolment("Ada", 1)
    for one in (
        gallery,
        again(gallery, key),
        Gallery.open(gallery.path, model=model_file, key=key),
    ):
        assert [len(one), one.size, one.generation] == [2, 4, 3]
        assert "Ada" in one and "Nobody" not in one and 3 not in one
        assert one.people() == [
            Person("Ada", 3, pictures=("1.jpg", "2.jpg", None)),
            Person("Grace", 1, pictures=(None,)),
        ]
        assert one.model == "fixture.sums.v1" and one.dimension == 128
        assert one.encrypted is (key is not None)
    assert gallery.identify(grace).name == "Grace"
    assert stat.S_IMODE(gallery.path.stat().st_mode) == 0o600
    assert os.listdir(gallery.path.parent) == ["people.pvdb"]


def test_a_gallery_is_of_one_model(
    gallery: Gallery, key: bytes | None, faces: Faces, model_file: Path
) -> None:
    embedder = Embedder(model_file)
    other = Identity("ab" * 32, embedder.record.with_(tag="other.v2"))
    theirs = embeddings(faces(1, 2), other)
    for call in (
        lambda: gallery.enrol("Ada", theirs), lambda: gallery.enrol("Ada", list(theirs)),
        lambda: gallery.reject("Ada", theirs), lambda: gallery.identify(theirs[0]),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            gallery.enrol("Ada", faces(1))
            call()
        said = str(caught.value)
        assert "fixture.other.v2 (source_sha256 abababababab" in said and "fixture.sums.v1" in said
    own = embeddings(faces(3, 2), Identity(gallery.source_sha256, embedder.record))
    assert gallery.enrol("Own", own).added == 2
    # An index of people may be opened without the model, whose record the embeddings bring.
    assert again(gallery, key).identify(own[0]).name == "Own"
    with pytest.raises(InputError, match="^model: thresholds are a model's own"):
        again(gallery, key).identify(faces(3))


def test_another_model_is_refused_at_opening(
    gallery: Gallery, key: bytes | None, make_model: Callable[..., Path], record_values: dict
) -> None:
    other = make_model(OUT_CHANNELS=64, RECORD={**record_values, "tag": "two.v1", "embedding": 64},
                       SHA='"' + "cd" * 32 + '"')  # fmt: skip
    with pytest.raises(InputError) as caught:
        Gallery.open(gallery.path, model=other, key=key)
    said = str(caught.value)
    assert said.startswith(f"{gallery.path}: is a gallery of fixture.sums.v1 (source_sha256")
    assert "the model given is fixture.two.v1 (source_sha256" in said


def test_the_same_picture_is_noticed(gallery: Gallery, faces: Faces) -> None:
    ada = faces(1, 3)
    assert gallery.enrol("Ada", ada[[0, 1, 0]]) == Enrolment("Ada", 2, already=1)
    generation = gallery.generation
    assert gallery.enrol("Ada", 7 * ada[1]) == Enrolment("Ada", 0, already=1)
    assert gallery.generation == generation
    assert gallery.enrol("Ada", ada) == Enrolment("Ada", 1, already=2)
    assert gallery.size == 3


def test_many_pictures_at_once(gallery: Gallery, faces: Faces) -> None:
    rows = np.random.default_rng(3).normal(size=(500, 128))
    assert gallery.enrol("Ada", np.concatenate([rows, rows[::-1]])) == Enrolment("Ada", 500, 500)
    with pytest.raises(InputError, match="^Bob: the picture is one of 'Ada'"):
        gallery.enrol("Bob", np.concatenate([-rows, rows[7:8]]))
    assert gallery.reject("Ada", np.concatenate([-rows, -rows])) == 500
    with pytest.raises(InputError, match="^embedding: is a template of 'Ada'"):
        gallery.reject("Ada", np.concatenate([-rows, rows[7:8]]))


def test_a_duplicate_is_noticed(
    gallery: Gallery, key: bytes | None, faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery.enrol("Ada", faces(1, 2))
    gallery.enrol("Grace", faces(2))
    with pytest.raises(InputError, match="^Bob: looks like 'Ada', who is enrolled .score 0.9"):
        gallery.enrol("Bob", faces(1, 3)[2])
    assert "Bob" not in gallery and gallery.generation == 2
    with pytest.raises(InputError, match="^Grace: looks like 'Ada'"):
        gallery.enrol("Grace", faces(1, 3)[2])
    done = gallery.enrol("Bob", faces(1, 3)[2], allow_duplicate=True)
    assert done.added == 1 and [name for name, _ in done.like] == ["Ada"]
    assert (
        0.5 < done.like[0][1] < 1
        and str(done) == f"Bob: 1 added, like 'Ada' ({done.like[0][1]:.3f})"
    )
    # Without a calibration, or a model, only the very picture is known again.
    plain = again(gallery, key)
    assert plain.enrol("Cleo", faces(2, 1)).added == 1
    with pytest.raises(InputError, match="^Dora: the picture is one of 'Grace', who is enrolled"):
        plain.enrol("Dora", faces(2))


def test_a_bad_picture_is_not_enrolled(gallery: Gallery, faces: Faces) -> None:
    rows = embeddings(faces(1, 2), None, np.array([GOOD, BAD], object))
    with pytest.raises(InputError) as caught:
        gallery.enrol("Ada", rows)
    assert str(caught.value).startswith(
        "Ada, face 1: not enrolled, as it is of too low quality (12 of 100): "
        "the picture is blurred; it is dark. Take a better picture"
    )
    with pytest.raises(InputError, match="^Ada: not enrolled"):
        gallery.enrol("Ada", rows[1])
    with pytest.raises(InputError, match="^Ada: not enrolled"):
        gallery.enrol("Ada", faces(1), quality=BAD)
    assert gallery.people() == []
    assert gallery.enrol("Ada", rows[0]).added == 1
    assert gallery.enrol("Ada", [rows[1]], allow_unreliable=True).added == 1
    assert [person.unreliable for person in gallery.people()] == [1]
    gallery.enrol("Eve", faces(3))
    answer = gallery.identify(rows[1])
    assert answer.name == "Ada" and answer.reliable is False and answer.quality is BAD
    assert answer.reasons == (
        *BAD.reasons, "the enrolled face: the picture is blurred", "the enrolled face: it is dark",
    )  # fmt: skip
    for quality in (3, [GOOD, GOOD], [3]):
        with pytest.raises(InputError, match="^quality: expected a Quality for each of 1"):
            gallery.enrol("Ada", faces(4), quality=quality)


def test_changes(gallery: Gallery, key: bytes | None, faces: Faces) -> None:
    for seed, name in enumerate(["Ada", "Grace", "Lise"]):
        gallery.enrol(name, faces(seed, 2))
    gallery.reject("Lise", faces(77))
    gallery.rename("Ada", "Ada Lovelace")
    gallery.merge("Lise", "Grace")
    gallery.remove("Ada Lovelace")
    for one in (gallery, again(gallery, key)):
        assert [(p.name, p.templates, p.rejected) for p in one.people()] == [("Grace", 4, 1)]
        gone = one.people(removed=True)[0]
        assert gone.name == "Ada Lovelace" and gone.removed and gone.templates == 2
        assert "Ada Lovelace" not in one and one.size == 4 and len(one) == 1
        assert one.identify(faces(0), threshold=0.5).name is None
    for call, said in (
        (lambda: gallery.enrol("Ada Lovelace", faces(9)), "is marked as removed; restore or"),
        (lambda: gallery.rename("Grace", "Ada Lovelace"), "already, marked as removed"),
        (lambda: gallery.remove("Ada Lovelace"), "is marked as removed"),
        (lambda: gallery.rename("Nobody", "X"), "nobody in this gallery is called 'Nobody'"),
        (lambda: gallery.merge("Grace", "Nobody"), "nobody in this gallery is called 'Nobody'"),
        (lambda: gallery.merge("Grace", "Grace"), "into: is the same person"),
        (lambda: gallery.forget("Ada"), "nobody in this gallery is called 'Ada'"),
        (lambda: gallery.rename("Grace", "\n"), "new: expected one line"),
    ):
        with pytest.raises(InputError, match=said):
            call()
    gallery.restore("Ada Lovelace")
    assert gallery.identify(faces(0)).name == "Ada Lovelace"
    with pytest.raises(InputError, match="somebody is called 'Grace' already; merge the two"):
        gallery.rename("Ada Lovelace", "Grace")
    gallery.rename("Grace", "Grace")
    assert gallery.forget("Ada Lovelace") == 2 and gallery.forget("Grace") == 5
    assert len(again(gallery, key)) == 0
    # A key is not given again, so nothing of a person can fall to the next one.
    gallery.enrol("Mary", faces(5))
    assert gallery.people() == [Person("Mary", 1, pictures=(None,))]


def test_another_process_changes_it(gallery: Gallery, key: bytes | None, faces: Faces) -> None:
    other = again(gallery, key)
    gallery.enrol("Ada", faces(1))
    assert other.people() == gallery.people()
    other.enrol("Grace", faces(2))
    assert gallery.identify(faces(2)).name == "Grace"
    with other.batch():
        other.rename("Ada", "Ada L.")
        other.enrol("Lise", faces(3))
        assert "Lise" in other and "Lise" not in gallery and "Ada" in gallery
        assert other.identify(faces(3), threshold=0.5).name == "Lise"
    assert "Lise" in gallery and "Ada" not in gallery and gallery.generation == 3
    with pytest.raises(ZeroDivisionError), gallery.batch():
        gallery.forget("Lise")
        raise ZeroDivisionError
    assert "Lise" in gallery and "Lise" in other
    nested = pytest.raises(InputError, match="^batch: there is one already")
    with gallery.batch(), nested, gallery.batch():
        pass
    assert gallery.generation == 3


@pytest.mark.parametrize(
    "name",
    [
        *("O'Brien", 'a "b"', "Robert'); DROP TABLE people;--", "Zoë 模型 😀", "👩‍👩‍👧", "a,b"),
        *("x" * 200, "Null", "%s", "..", "שלום", np.str_("numpy")),
    ],
)  # fmt: skip
def test_names_of_any_kind(gallery: Gallery, key: bytes | None, faces: Faces, name: str) -> None:
    gallery.enrol(name, faces(1))
    other = again(gallery, key)
    assert [person.name for person in other.people()] == [name] and name in other
    assert other.identify(faces(1), threshold=0.5).name == name
    assert type(other.people()[0].name) is str
    gallery.rename(name, "b")
    gallery.rename("b", name)
    assert gallery.forget(name) == 1


@pytest.mark.parametrize(
    "name", ["", " ", "a\nb", "a\tb", "\x1b[2J", "x" * 201, " a", "a ", "a\0", "\ud800", "a\u2028b"]
)
def test_names_that_are_none(gallery: Gallery, faces: Faces, name: str) -> None:
    with pytest.raises(InputError, match="^name: expected ") as caught:
        gallery.enrol(name, faces(1))
    assert str(caught.value).isprintable()
    for wrong in (None, 3, b"Ada", ["Ada"]):
        with pytest.raises(InputError, match="^name: expected a text"):
            gallery.enrol(wrong, faces(1))


def test_one_spelling_of_a_letter_is_one_name(gallery: Gallery, faces: Faces) -> None:
    gallery.enrol("Zoe\u0308", faces(1))
    assert gallery.enrol("Zoë", faces(1, 1)).added == 1
    assert [person.name for person in gallery.people()] == ["Zoë"] and "Zoe\u0308" in gallery


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.zeros(128), "row 0 is all zeros"), (np.ones(127), "expected 128 values"),
        (np.full(128, np.nan), "NaN or infinity"), ("text", "expected numbers"),
        (np.ones((1, 1, 128)), "expected embeddings of shape"), (None, "expected numbers"),
        (np.ones((0, 128)), "expected at least one face"),
    ],
)  # fmt: skip
def test_embeddings_that_are_none(gallery: Gallery, value: object, said: str) -> None:
    with pytest.raises(InputError, match=f"^embeddings: .*{said}"):
        gallery.enrol("Ada", value)
    assert gallery.generation == 0


def test_pictures_are_noted(gallery: Gallery, key: bytes | None, faces: Faces) -> None:
    gallery.enrol("Ada", faces(1, 2), picture=["\udcff.jpg", None])
    assert again(gallery, key).people()[0].pictures == ("\\udcff.jpg", None)
    for picture in (["a"], 3, ["a", 3], "x" * 5000):
        with pytest.raises(InputError, match="^picture: expected"):
            gallery.enrol("Ada", faces(2, 2), picture=picture)


def test_copies(gallery: Gallery, key: bytes | None, faces: Faces, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    gallery.enrol("Ada", faces(1))
    other = tmp_path / "other.pvdb"
    gallery.copy_to(other, key=b"\7" * 32)
    assert Gallery.open(other, key=b"\7" * 32).people() == gallery.people()
    with pytest.raises(FileExistsError, match="other.pvdb"):
        gallery.copy_to(other)
    gallery.copy_to(tmp_path / "same.pvdb")
    assert Gallery.open(tmp_path / "same.pvdb", key=key).people() == gallery.people()
    gallery.copy_to(tmp_path / "plain.pvdb", key=None)
    assert Gallery.open(tmp_path / "plain.pvdb").people() == gallery.people()


def test_opening(path: Path, model_file: Path, faces: Faces) -> None:
    with pytest.raises(InputError, match="^model: .* is not there, and a new gallery needs one"):
        Gallery.open(path)
    with pytest.raises(FileNotFoundError, match=r"people\.pvdb"):
        Gallery.open(path, model=model_file, create=False)
    assert not path.exists()
    for wrong in (None, 3, "", b"bytes"):
        with pytest.raises(InputError, match="^path: expected the name of a file"):
            Gallery.open(wrong, model=model_file)
    for wrong in (3, object()):
        with pytest.raises(InputError, match="^model: expected the embedder"):
            Gallery.open(path, model=wrong)
    with Embedder(model_file) as embedder, Gallery.open(path, model=embedder) as gallery:
        gallery.enrol("Ada", faces(1))
    for call in (gallery.people, lambda: gallery.enrol("Ada", faces(2)), lambda: len(gallery)):
        with pytest.raises(InputError, match="this gallery is closed; open it anew"):
            call()
    assert "closed" in repr(gallery)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        Gallery.open(path, create=False)


def test_nothing_shows_templates(
    gallery: Gallery, faces: Faces, caplog: pytest.LogCaptureFixture
) -> None:
    ada = faces(1)
    gallery.enrol("Ada", ada)
    answer = gallery.identify(ada)
    said = [repr(gallery), str(gallery), repr(gallery.people()), repr(answer), str(answer)]
    said += [repr(gallery.to_firmware()), str(gallery._now())]
    for wrong in (ada[:5], {"a": ada}, "Ada"):
        with pytest.raises(InputError) as caught:
            gallery.enrol("Bob", wrong)
        said.append(str(caught.value))
    digits = [f"{value:.4f}"[1:] for value in ada / np.linalg.norm(ada)]
    digits += [f"{value:.4f}"[1:] for value in ada]
    for text in said:
        assert not [d for d in digits if d in text and "score" not in text] and len(text) < 700
    assert "array" not in "".join(said) and caplog.text == ""


def test_export_to_firmware(gallery: Gallery, faces: Faces) -> None:
    for seed, name in enumerate(["Ada", "Grace"]):
        qualities = [Quality(score) for score in (70, 95, 80)]
        gallery.enrol(name, faces(seed, 3), quality=qualities)
    gallery.enrol("Lise", faces(7))
    gallery.reject("Lise", faces(8))
    gallery.enrol("Mary", faces(9))
    gallery.remove("Mary")
    whole = gallery.to_firmware()
    assert whole.names == ["Ada"] * 3 + ["Grace"] * 3 + ["Lise"]
    assert whole.source_sha256 == gallery.source_sha256
    few = gallery.to_firmware(per_person=np.int64(2), most=5)
    assert few.names == ["Ada"] * 2 + ["Grace"] * 2 + ["Lise"]
    np.testing.assert_array_equal(few.templates, whole.templates[[1, 2, 4, 5, 6]])
    unit = faces(7) / np.linalg.norm(faces(7))
    assert pocketvision.similarity(few.templates[4].astype(float), unit) > 0.99
    with pytest.raises(InputError, match="most: the gallery has 7 templates, and there is room"):
        gallery.to_firmware(most=5)
    for wrong in (0, -1, "2", 1.5, True):
        with pytest.raises(InputError, match="^per_person: expected a positive integer"):
            gallery.to_firmware(per_person=wrong)
    gallery.rename("Lise", "ä" * 16)
    gallery.rename("Ada", "x" * 32)
    with pytest.raises(InputError, match=f"31 bytes of UTF-8, and longer are '{'x' * 32}', 'ä"):
        gallery.to_firmware()
    for name in [person.name for person in gallery.people(removed=True)]:
        gallery.forget(name)
    assert gallery.to_firmware().templates.shape == (0, 128)
