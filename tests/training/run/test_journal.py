"""Logs that a resumed run reads again: whole rows go on, others are named."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from pocketvision.training.run.journal import Journal, read_rows  # noqa: E402


def test_rows_past_the_resume_point_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("step,loss\r\n1,0.5\r\n2,0.4\r\n3,0.3\r\n")
    journal = Journal(tmp_path, 2)
    journal.add(3, {"loss": 0.25})
    journal.board.close()
    rows = read_rows(tmp_path / "log.csv", float, "step", "loss")
    assert [(row["step"], row["loss"]) for row in rows] == [
        ("1", "0.5"),
        ("2", "0.4"),
        ("3", "0.25"),
    ]


def test_a_line_that_was_being_written_is_left_out(tmp_path: Path) -> None:
    """Its step could read 1 where 12 was meant."""
    (tmp_path / "log.csv").write_text("step,loss\r\n11,0.5\r\n1")
    assert [row["step"] for row in read_rows(tmp_path / "log.csv", int, "step")] == ["11"]


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", b"step,loss\nten,1\n", b"step,loss\n1\n", b"step\n1,2\n", b"\xff\n"]
)
def test_other_files_are_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"log\.csv: expected numbers in the columns step"):
        Journal(tmp_path, 5)
