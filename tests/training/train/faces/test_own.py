"""A folder of one's own: what is said before the first step, what is kept, what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from pocketvision import Embedder, cli  # noqa: E402
from pocketvision.faces.template import ARCFACE_TEMPLATE  # noqa: E402
from pocketvision.record import Record  # noqa: E402
from pocketvision.training.data.folder import Folder  # noqa: E402
from pocketvision.training.distill import teacher  # noqa: E402
from pocketvision.training.models import registry  # noqa: E402
from pocketvision.training.models.stored import checkpoint  # noqa: E402
from pocketvision.training.train.faces import plan, read, train  # noqa: E402

from .test_loop import Tiny  # noqa: E402

TINY = """
model = "tiny"
steps = 4
batch = 4
precision = "float32"
[optimiser]
learning_rate = 0.01
[data]
root = "."
cache = true
"""
ARCFACE = '[margin]\nkind = "arcface"\n'
CACHED = '[embedding]\nteachers = ["facechain-25m"]\ncached = true\n'


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._ENTRIES, "tiny", registry.Entry("tiny", Tiny, "none", 16, 112))


def picture(path: Path, seed: int, side: int = 112) -> None:
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Three people of four pictures."""
    for person in range(3):
        for number in range(4):
            picture(tmp_path / "people" / f"p{person}" / f"{number}.png", 10 * person + number)
    return tmp_path / "people"


def recipe(folder: Path, tables: str = ARCFACE) -> Path:
    path = folder / "r.toml"
    path.write_text(TINY + tables)
    return path


def test_the_plan_names_what_is_used_and_what_is_not(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (people / "p0" / "notes.heic").write_bytes(b"x")
    (people / "p1" / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    (people / "loose.png").write_bytes(b"x")
    (people / ".hidden").mkdir()
    (people / "p0" / ".DS_Store").write_bytes(b"x")
    train(read(recipe(tmp_path)), people, tmp_path / "run")
    said = capsys.readouterr().err
    before = said.partition("step 4 ")[0]
    assert "pictures: 12 pictures of 3 people, 4 each\nleft out: 3 files\n" in before
    for name, why in (("p0/notes.heic", "not a picture of"), ("p1/cut.jpg", "cannot be decoded"),
                      ("loose.png", "lies in no person's folder")):  # fmt: skip
        assert re.search(rf"^  {people}/{name}: {why}", before, re.M), before
    assert "hidden" not in said and "DS_Store" not in said
    assert "model:    tiny, " in before and "from random weights" in before
    assert "learns:   who is who (arcface margin)" in before
    assert "length:   4 steps of 4 pictures, each picture about 1.33 times, on cpu" in before
    assert f"leaves:   {tmp_path / 'run' / 'model.safetensors'}, " in before
    assert "warning: 12 pictures of 3 people are too few to learn from" in before
    assert len(np.load(tmp_path / "run" / "crops.npy")) == 12  # and not one of zeros


def test_the_clock_tells_the_time_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(np.arange(0, 100, 2.0))
    monkeypatch.setattr(plan.time, "monotonic", lambda: float(next(now)))
    clock = plan.Clock(107, None)
    said = [clock.tick(step) for step in range(1, 20)]
    lines = [(step, line) for step, line in enumerate(said, start=1) if line]
    assert lines == [(8, "time:     2 s a step, about 3 min for 99 more")]


def test_too_few(people: Path, tmp_path: Path) -> None:
    for person in ("p1", "p2"):
        for file in (people / person).iterdir():
            file.unlink()
        (people / person).rmdir()
    with pytest.raises(ValueError, match="one person only, and nobody to tell that one from"):
        train(read(recipe(tmp_path)), people, tmp_path / "run")
    for file in (people / "p0").iterdir():
        file.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="4 of 4 pictures looked at cannot be read: .*0.png"):
        train(read(recipe(tmp_path)), people, tmp_path / "other")
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="the set holds no picture"):
        train(read(recipe(tmp_path)), tmp_path / "none", tmp_path / "third")


def test_one_picture_each(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for person in people.iterdir():
        for file in sorted(person.iterdir())[1:]:
            file.unlink()
    with pytest.raises(ValueError, match="every picture of the set is a person of its own"):
        train(read(recipe(tmp_path)), people, tmp_path / "run")
    picture(people / "p0" / "9.png", 99)
    train(read(recipe(tmp_path)), people, tmp_path / "again")
    assert "warning: most people have one picture only" in capsys.readouterr().err


def test_a_teachers_work_stays_while_the_pictures_do(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    asked: list[int] = []
    real = teacher.CompiledTeacher.__call__

    def counting(self, planes):
        asked.append(len(planes))
        return real(self, planes)

    monkeypatch.setattr(teacher.CompiledTeacher, "__call__", counting)
    path = read(recipe(tmp_path, CACHED))

    def again() -> int:
        asked.clear()
        train(path, people, tmp_path / "run")
        (tmp_path / "run" / "model.safetensors").unlink()
        (tmp_path / "run" / "last.pt").unlink(missing_ok=True)
        return sum(asked)

    first = again()
    assert first >= 2 * 12
    assert again() <= 2  # the width, and one picture to see that it is the same teacher
    known = np.load(tmp_path / "run" / "teacher.npy")
    # As many files as before, the first of them the same: only another one is another picture.
    (people / "p1" / "2.png").unlink()
    picture(people / "p1" / "2.png", 1234, side=112)
    capsys.readouterr()
    assert again() == first
    assert "the pictures have changed: decoded anew" in capsys.readouterr().err
    found = np.load(tmp_path / "run" / "teacher.npy")
    changed = np.flatnonzero((found != known).any(axis=(0, 2)))
    assert changed.tolist() == [6]


def test_a_run_does_not_go_on_with_other_pictures(people: Path, tmp_path: Path) -> None:
    path = read(recipe(tmp_path))
    train(path, people, tmp_path / "run", stop_at=2)
    picture(people / "p3" / "0.png", 77)
    with pytest.raises(ValueError, match="began with other pictures than are there now"):
        train(path, people, tmp_path / "run")
    (people / "p3" / "0.png").unlink()
    (people / "p3").rmdir()
    assert train(path, people, tmp_path / "run").name == "model.safetensors"


def test_pictures_with_landmarks(people: Path, tmp_path: Path, capsys) -> None:
    """A picture twice as large with the template's points twice as far is the crop again."""
    large = tmp_path / "large"
    lines = []
    for person in sorted(people.iterdir()):
        for file in sorted(person.iterdir()):
            whole = Image.open(file).resize((224, 224), Image.Resampling.BICUBIC)
            (large / person.name).mkdir(parents=True, exist_ok=True)
            whole.save(large / person.name / file.name)
            points = 2 * np.asarray(ARCFACE_TEMPLATE) + 0.5
            row = ",".join(f"{value:.4f}" for value in points.ravel())
            lines.append(f"{person.name}/{file.name},{row}")
    lines[3:5] = [lines[3], lines[3]]  # two faces in one, none in the next
    (tmp_path / "points.csv").write_text("\n".join(lines) + "\n")
    path = recipe(tmp_path)
    arguments = ["train", str(path), "--data", str(large), "--out", str(tmp_path / "run")]
    assert cli.main(arguments) == 2
    assert "expected aligned 112x112 crops" in capsys.readouterr().err
    assert cli.main([*arguments, "--landmarks", str(tmp_path / "points.csv")]) == 0
    said = capsys.readouterr().err
    assert "p0/3.png: expected landmarks of one face, got 2 faces" in said
    assert "p1/0.png: the landmarks file has no line for this picture" in said
    crops = np.load(tmp_path / "run" / "crops.npy")
    assert crops.shape == (10, 112, 112, 3)
    plain = Folder(people)
    wanted = np.stack([plain.image(index) for index in (0, 1, 2, 5, 6, 7, 8, 9, 10, 11)])
    assert np.abs(crops.astype(int) - wanted)[:, 4:-4, 4:-4].mean() < 3


def test_a_picture_is_not_meant_by_a_name_that_others_share(people: Path) -> None:
    points = np.asarray(ARCFACE_TEMPLATE)[None]
    own = Folder(people, landmarks={"0.png": points})
    with pytest.raises(ValueError, match="no line for this picture"):
        own.image(0)
    picture(people / "p0" / "only.png", 5)
    one = Folder(people, landmarks={"only.png": points})
    assert one.image(one.files.index("p0/only.png")).shape == (112, 112, 3)


def test_a_shipped_model_teaches() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    planes = torch.from_numpy(crops.transpose(0, 3, 1, 2).astype(np.float32))
    found = teacher.open_teacher("facechain_25m", Path("/nowhere"))(planes + 0.2)
    np.testing.assert_array_equal(found.numpy(), Embedder("facechain-25m").embed(crops))
    with pytest.raises(FileNotFoundError, match="no such teacher.*facechain-25m"):
        teacher.open_teacher("facechain-26m", Path("/nowhere"))


def test_the_packages_recipe_by_name(tmp_path: Path) -> None:
    own = read(Path("own"))
    assert own == read(Path("own"), ["batch=64"]) and own.start == "shipped"
    changed = read(Path("own"), ["minutes=2", "data.size=96", "model=facechain_125m"])
    assert (changed.steps, changed.minutes, changed.data.size) == (None, 2.0, 96)
    assert changed.model == "facechain_125m"
    assert read(Path("gpu/facechain_25m")).minutes == 4
    with pytest.raises(FileNotFoundError, match="no recipe of the package: .*own"):
        read(Path("mine"))
    for change, message in (
        ("steps", "expected KEY=VALUE"), ("stepz=3", "stepz: no such key"),
        ("model.x=3", "model is no table"), ("steps=many", "expected int"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            read(Path("own"), [change])


def test_what_a_run_started_from_is_in_its_record(people: Path, tmp_path: Path) -> None:
    own = read(Path("own"), ["steps=1", "batch=2"])
    weights = train(own, people, tmp_path / "run")
    record = Record.from_json(weights.with_suffix(".json").read_text())
    before = checkpoint.shipped_record("facechain-25m")
    assert record.name == before.name and record.full_name != before.full_name
    assert record.data.startswith(f"people: 12 pictures of 3 people; from {before.full_name} (")
    assert record.licence.endswith(before.licence) and record.teacher.startswith("facechain-125m")


def test_weights_that_this_installation_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "facechain-25m.safetensors").touch()
    monkeypatch.setattr(checkpoint, "FOLDER", tmp_path)
    assert checkpoint.shipped("facechain_25m") == tmp_path / "facechain-25m.safetensors"
    with pytest.raises(FileNotFoundError, match="it has those of: facechain-25m"):
        checkpoint.shipped("pocketnet_s_128")


def test_a_run_that_is_through_says_so(people: Path, tmp_path: Path, capsys) -> None:
    weights = train(read(recipe(tmp_path)), people, tmp_path / "run")
    assert "is through" not in capsys.readouterr().err
    time = weights.stat().st_mtime_ns
    assert train(read(recipe(tmp_path)), people, tmp_path / "run") == weights
    said = capsys.readouterr().err
    assert (
        said
        == f"{tmp_path / 'run'}: this run is through; give --out another folder to train anew\n"
    )
    assert weights.stat().st_mtime_ns == time
