"""LFW during a run: last and best are kept apart, and a resumed run forgets what it takes back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.train.faces import outcome, validate  # noqa: E402

OPTIONS = SimpleNamespace(images="lfw", pairs="pairs.txt", steps=10)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a pair list; the accuracy of a model is its only weight."""
    (tmp_path / "pairs.txt").write_text("")

    def evaluate(embed, images, pairs, flip):
        found = embed.__closure__[0].cell_contents.weight.item()
        return SimpleNamespace(accuracy=found, std=0.01)

    monkeypatch.setattr(validate.lfw, "evaluate", evaluate)
    return tmp_path


def weighing(value: float) -> torch.nn.Module:
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(model.weight, value)
    return model


def judge(data: Path) -> validate.Judge:
    return validate.Judge(SimpleNamespace(validate=OPTIONS), data, data)


def test_the_best_weights_stay(data: Path) -> None:
    one = judge(data)
    for step, accuracy in ((10, 0.5), (20, 0.75), (30, 0.625)):
        assert one(weighing(accuracy), step) == accuracy
    best = torch.nn.Linear(1, 1, bias=False)
    validate.state.load_weights(data / "best.safetensors", best)
    assert best.weight.item() == 0.75
    rows = outcome._reported(judge(data).scores)
    assert [(row["accuracy"], row["protocol"].split(", ")[2]) for row in rows] == [
        (0.625, "last (step 30)"),
        (0.75, "best (step 20)"),
    ]


def test_a_resumed_run_measures_again(data: Path) -> None:
    one = judge(data)
    one(weighing(0.5), 10)
    one(weighing(0.75), 20)
    again = judge(data)
    again(weighing(0.25), 20)
    assert [tuple(score) for score in judge(data).scores] == [(10, 0.5, 0.01), (20, 0.25, 0.01)]


def test_a_missing_list_is_named_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"pairs\.txt: no such list; validate\.pairs"):
        judge(tmp_path)
