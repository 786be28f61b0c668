"""Students of far faces: every form learns, resumes, and leaves one network to quantise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.record import Record  # noqa: E402
from pocketvision.training import models  # noqa: E402
from pocketvision.training.data.order import Order  # noqa: E402
from pocketvision.training.evaluate.faces import embedders  # noqa: E402
from pocketvision.training.models.stored.checkpoint import load, of_run, shipped  # noqa: E402
from pocketvision.training.models.stored.describe import describe  # noqa: E402
from pocketvision.training.quantize.trained import quantize_weights  # noqa: E402
from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.train.faces import loop, read, student, train  # noqa: E402

from . import test_loop, test_on_device  # noqa: E402
from .test_loop import SOFTMAX, TEACHER, log, recipe  # noqa: E402

data, tiny = test_loop.data, test_loop.tiny

FAR = "[far]\nshare = 0.75\nsmallest = 14\nnoise = 0.3\nmotion = 0.3\njpeg = 0.3\n"
LIVE = TEACHER.format(loss="regression", cached="false")
FORMS = {
    "cross-resolution": FAR + LIVE,
    "cached": FAR + TEACHER.format(loss="angular", cached="true"),
    "several sizes": FAR + SOFTMAX,
    "octuplet": FAR + "[octuplet]\nmargin = 0.5\n",
    "residual": FAR + LIVE + '\n[residual]\nassistant = "tiny"\n',
    "residual, octuplet": FAR
    + LIVE
    + '\n[residual]\nassistant = "tiny"\njoint = 1.0\n[octuplet]\n',
}
TOGETHER = "together = 4"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_learns(form: str, data: Path, tmp_path: Path) -> None:
    path = recipe(tmp_path, FORMS[form], steps=40, top=TOGETHER if "octuplet" in form else "")
    weights = train(read(path), data, tmp_path / "run")
    rows = log(tmp_path / "run")
    first, last = (np.mean([row["loss"] for row in part]) for part in (rows[:5], rows[-5:]))
    assert last < 0.85 * first
    if "agreement" in rows[0]:
        assert rows[-1]["agreement"] > rows[0]["agreement"] + 0.1
    entry, _ = of_run(weights)
    load(entry, weights)


def test_the_assistant_is_stepped_and_brings_the_sum_nearer(data: Path, tmp_path: Path) -> None:
    """The published code never steps it: what it starts with is what it would end with there."""
    options = read(recipe(tmp_path, FORMS["residual"], steps=60))
    train(dataclasses.replace(options, steps=1), data, tmp_path / "first")
    weights = train(options, data, tmp_path / "run")
    before, after = (
        dict(load(of_run(path)[0], path).named_parameters())
        for path in (tmp_path / "first" / "model.safetensors", weights)
    )
    for name, value in before.items():
        assert not torch.equal(value, after[name]), name
    rows = log(tmp_path / "run")
    assert {"embedding", "student", "assistant", "stages"} < rows[0].keys()
    first, last = (np.mean([row["assistant"] for row in part]) for part in (rows[:5], rows[-5:]))
    assert last < 0.8 * first
    record = Record.from_json(weights.with_suffix(".json").read_text())
    assert record.full_name == "tiny-residual.run.seed-1"
    assert record.architecture is not None and record.architecture["assistant"] == "tiny"


@pytest.mark.parametrize("form", ["residual, octuplet", "cross-resolution"])
def test_resumed_equals_uninterrupted(form: str, data: Path, tmp_path: Path) -> None:
    path = read(recipe(tmp_path, FORMS[form], steps=12, top=TOGETHER))
    train(path, data, tmp_path / "whole")
    train(path, data, tmp_path / "parts", 7)
    train(path, data, tmp_path / "parts")
    assert log(tmp_path / "parts") == log(tmp_path / "whole")
    one, two = (state.load(tmp_path / name) for name in ("whole", "parts"))
    assert one is not None and two is not None
    for part in ("model", *({"fits"} & one.keys())):
        for name, value in one[part].items():
            assert torch.equal(value, two[part][name]), name


def test_smaller_views_meet_averaged_stages(data: Path, tmp_path: Path, monkeypatch) -> None:
    """The student's maps of 56 pixels are 14 and 4 wide, the teacher's of 112 are 28 and 7."""

    class Wide(test_loop.Tiny):
        def forward(self, x):
            maps = self.body(x)
            return self.out(torch.nn.functional.interpolate(maps, (7, 7)).flatten(1))

    monkeypatch.setitem(
        test_loop.registry._ENTRIES, "tiny", test_loop.registry.Entry("tiny", Wide, "", 16, 112)
    )
    path = recipe(tmp_path, FORMS["residual"], steps=3, top="phases = [[1.0, 56]]")
    train(read(path), data, tmp_path / "run")
    assert all(np.isfinite(row["stages"]) for row in log(tmp_path / "run"))


def test_a_student_alone_starts_the_two(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(4)
    alone = test_loop.Tiny()
    state.save_weights(data / "alone.safetensors", alone)
    options = read(recipe(tmp_path, FORMS["residual"], steps=3, top='start = "alone.safetensors"'))
    both = student.entry(options).make()
    student.begin(both, data / "alone.safetensors")
    assert torch.equal(both.student.out.weight, alone.out.weight)
    assert not torch.equal(both.assistant.out.weight, alone.out.weight)
    weights = train(options, data, tmp_path / "run")
    student.begin(both, weights)
    again = load(of_run(weights)[0], weights)
    assert torch.equal(both.assistant.out.weight, again.assistant.out.weight)


@pytest.mark.full
def test_two_networks_leave_one_int8_file(tmp_path: Path, crops) -> None:
    entry = models.built(
        "pair", {"family": "residual", "student": "facechain_25m", "assistant": "facechain_25m"}
    )
    network = entry.make().eval()
    for part in (network.student, network.assistant):
        state.load_weights(shipped("facechain_25m"), part)
    weights = tmp_path / "model.safetensors"
    state.save_weights(weights, network)
    record = describe(entry, weights, tag="run.seed-1", teacher=None, data="", licence="")
    weights.with_suffix(".json").write_text(record.to_json())
    quantize_weights(weights, crops[:8], tmp_path / "pair.int8.onnx")
    found = embedders.load(str(tmp_path / "pair.int8.onnx"))(crops[8:16])
    wanted = embedders.load(str(weights))(crops[8:16])
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (found, wanted)]
    assert (units[0] * units[1]).sum(axis=1).min() > 0.95


def test_a_student_sees_far_and_its_teacher_sharp(data: Path, tmp_path: Path) -> None:
    options = read(recipe(tmp_path, FORMS["octuplet"]))
    whole = torch.rand(8, 3, 112, 112) * 2 - 1
    both = student.shown(options, whole, 3, 112)
    assert both.shape == (16, 3, 112, 112) and torch.equal(both[:8], whole)
    changed = [not torch.equal(a, b) for a, b in zip(both[8:], whole, strict=True)]
    assert 3 <= sum(changed) <= 8
    one = dataclasses.replace(options, octuplet=None)
    assert torch.equal(student.shown(one, whole, 3, 112), both[8:])
    assert student.shown(one, whole, 3, 56).shape == (8, 3, 56, 56)


def test_people_come_together() -> None:
    labels = np.repeat(np.arange(30), 7)
    plain, grouped = (Order(np.ones(210), 1, labels, count) for count in (1, 3))
    for epoch in range(2):
        rows = np.concatenate([grouped.rows(70, 3 * epoch + step) for step in range(3)])
        assert sorted(rows) == list(range(210))
        people = labels[rows]
        alike = np.mean(people[1:] == people[:-1])
        assert 0.5 < alike < 0.65  # groups of 3, 3 and 1: four of seven follow one of their own
    assert np.mean(np.diff(labels[plain.rows(210, 0)]) == 0) < 0.1
    with pytest.raises(ValueError, match="need labels"):
        Order(np.ones(4), 1, None, 2)


@pytest.mark.parametrize("form", ["residual, octuplet", "several sizes"])
def test_on_a_device(form, data, tmp_path, monkeypatch, request) -> None:
    request.getfixturevalue("away")
    options = read(recipe(tmp_path, FORMS[form], steps=4, top=TOGETHER))
    with test_on_device.OneDevice():
        loop.train(options, data, tmp_path / "run")


away = test_on_device.away


@pytest.mark.parametrize(
    ("tables", "top", "message"),
    [
        ("[octuplet]\n", "", "octuplet: needs a .far. table"),
        (FAR + "[octuplet]\nmargin = 0\n", "", "octuplet.margin: expected more than 0"),
        (FAR + SOFTMAX + '\n[residual]\nassistant = "tiny"', "", "residual: needs an .embedding."),
        (FORMS["residual"], "compiled = true", "residual: set compiled = false"),
        (FORMS["residual"] + "final = 0\nstages = 0", "", "assistant would learn nothing"),
        (FORMS["cached"] + '\n[residual]\nassistant = "tiny"', "", "residual.stages: needs one"),
        (FAR + LIVE, "together = 0", "together: expected more than 0"),
        ("[far]\nshare = 2\n" + LIVE, "", "far.share: expected a share"),
        (FAR, "", "nothing to learn"),
    ],
)
def test_wrong_recipes(tables: str, top: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read(recipe(tmp_path, tables, top=top))


def test_an_assistant_of_another_size_is_refused(data: Path, tmp_path: Path) -> None:
    options = read(recipe(tmp_path, FORMS["residual"].replace('= "tiny"', '= "iresnet18"')))
    with pytest.raises(ValueError, match=r"residual.assistant: .*sums need two alike"):
        train(options, data, tmp_path / "run")
