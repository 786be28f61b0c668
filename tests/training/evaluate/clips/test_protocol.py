"""Video@1: every video once, intervals, confusion, comparison, and the files that runs leave."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.data.clips.base import Clips, Row  # noqa: E402
from pocketvision.training.data.clips.frames import FrameFolders  # noqa: E402
from pocketvision.training.evaluate.clips import __main__ as command  # noqa: E402
from pocketvision.training.evaluate.clips import protocol, stored  # noqa: E402
from pocketvision.training.evaluate.clips.protocol import Seen, Videos  # noqa: E402


class Counting:
    """Clips whose frame n is n grey; ``lengths`` of each."""

    def __init__(self, lengths: list[int]):
        self.lengths = {Path(f"/r/{n}"): length for n, length in enumerate(lengths)}

    def length(self, path: Path) -> int:
        return self.lengths[path]

    def read(self, path: Path, indices) -> np.ndarray:
        return np.broadcast_to(
            np.asarray(indices, np.uint8)[:, None, None, None], (len(indices), 6, 8, 3)
        ).copy()


def numbered(lengths: list[int]) -> Clips:
    rows = [Row(str(n), "ab"[n % 2]) for n in range(len(lengths))]
    return Clips(Path("/r"), rows, ["a", "b"], Counting(lengths))


def test_every_video_is_scored_by_the_mean_of_its_windows() -> None:
    """33 videos of up to three windows: the last batch is not a whole one."""
    lengths = [30 + n for n in range(33)]
    batches: list[int] = []

    def score(clips):
        batches.append(len(clips))
        first = clips[:, 0, 0, 0, 0].double()
        return torch.stack([first, clips[:, -1, 0, 0, 0].double()], 1)

    found = protocol.video_logits(score, numbered(lengths), Seen(4, 2, 4, 0.875, 3))
    assert found.names == [str(n) for n in range(33)] and not found.unreadable
    assert batches == [16] * 6 + [3]
    starts = [np.round(np.linspace(0, length - 8, 3)) for length in lengths]
    np.testing.assert_allclose(found.logits[:, 0], [s.mean() for s in starts])
    np.testing.assert_allclose(found.logits[:, 1], [s.mean() + 6 for s in starts])
    assert found.clip_accuracy == pytest.approx(16 / 33)


def test_what_cannot_be_read_is_named(tmp_path: Path, capsys) -> None:
    clips = Clips(tmp_path, [Row("a/x", "a")], ["a"], FrameFolders())
    with pytest.raises(ValueError, match="none of 1 clips can be read.*a/x"):
        protocol.video_logits(lambda x: x, clips, Seen(4, 1, 4, 1.0, 1))
    assert "not scored: " in capsys.readouterr().err


def test_wilsons_interval() -> None:
    found = protocol.share(8, 10)  # the textbook's example: 0.49 to 0.94
    assert (found.value, found.count) == (0.8, 10)
    assert (round(found.low, 3), round(found.high, 3)) == (0.490, 0.943)
    assert protocol.share(10, 10).high == 1.0


def test_confusion_counts_true_by_given() -> None:
    logits = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1.0]])
    found = protocol.confusion(logits, np.array([0, 0, 1, 1]))
    assert found.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert protocol.video_at_1(logits, np.array([0, 0, 1, 1])).value == 0.5


def test_two_models_on_the_same_videos() -> None:
    first = np.array([True] * 80 + [False] * 20)
    second = np.array([True] * 75 + [False] * 5 + [True] * 15 + [False] * 5)
    found = protocol.difference(first, second)
    assert (found.value, found.gained, found.lost) == (pytest.approx(0.1), 15, 5)
    assert found.low == pytest.approx(0.02, abs=0.015) and found.high == pytest.approx(
        0.18, abs=0.02
    )
    assert found.p == pytest.approx(0.0414, abs=1e-3)
    same = protocol.difference(first, first)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def run(folder: Path, right: list[int], classes: tuple[str, ...] = ("calm", "fight")) -> Path:
    """A run of as many folds, ten videos each, so many of which are right."""
    for fold, count in enumerate(right, 1):
        labels = np.arange(10) % 2
        given = np.where(np.arange(10) < count, labels, 1 - labels)
        names = [f"{fold}-{n}" for n in range(10)]
        part = folder / f"fold-{fold}"
        part.mkdir(parents=True)
        stored.write(
            part / stored.PREDICTIONS, Videos(np.eye(2)[given], labels, names, []), [*classes]
        )
    return folder


def test_folds_together_and_apart(tmp_path: Path) -> None:
    found = stored.result(run(tmp_path / "r", [9, 7, 8]))
    assert found.video_at_1.value == 0.8 and found.video_at_1.count == 30
    assert [fold.value for fold in found.folds] == [0.9, 0.7, 0.8]
    assert found.std == pytest.approx(0.1)
    assert found.confusion.sum() == 30 and found.confusion.trace() == 24
    stored.picture(tmp_path / "c.png", found, "title")
    assert (tmp_path / "c.png").stat().st_size > 3000


def test_ten_folds_are_in_order(tmp_path: Path) -> None:
    assert [p.parent.name for p in stored.files(run(tmp_path / "r", [5] * 11))][-2:] == [
        "fold-10",
        "fold-11",
    ]


def test_the_command(tmp_path: Path, capsys, monkeypatch) -> None:
    runs = [run(tmp_path / "plain", [5, 6]), run(tmp_path / "taught", [9, 8])]
    picture = str(tmp_path / "c.png")
    monkeypatch.setattr(sys, "argv", ["x", *map(str, runs), "--plot", picture])
    command.main()
    told = " ".join(capsys.readouterr().out.split())
    assert "55.0 % of 20" in told and "85.0 % of 20" in told and "+30.0" in told
    assert Path(picture).is_file()
    monkeypatch.setattr(sys, "argv", ["x", str(runs[0]), str(run(tmp_path / "few", [5]))])
    with pytest.raises(SystemExit):
        command.main()
    assert "its test videos are not those of" in capsys.readouterr().err


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no predictions\.csv"):
        stored.files(tmp_path)
    path = tmp_path / stored.PREDICTIONS
    for text in (
        "a,b\n1,2\n",
        "path,label,x\n",
        "path,label,x\nv,y,1\n",
        "path,label,x\nv,x,one\n",
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"predictions\.csv: not the predictions of a run"):
            stored.read(path)
