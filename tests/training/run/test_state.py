"""Resume points: whole or absent, and what damaged ones say."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.run import state  # noqa: E402


def test_a_resume_point_comes_back(tmp_path: Path) -> None:
    assert state.load(tmp_path) is None
    state.save(tmp_path, {"step": 3, "model": {"w": torch.arange(4.0)}})
    found = state.load(tmp_path)
    assert found is not None and found["step"] == 3
    assert torch.equal(found["model"]["w"], torch.arange(4.0))
    assert [path.name for path in tmp_path.iterdir()] == [state.LAST]


def test_a_full_disk_keeps_the_last_one(tmp_path: Path, monkeypatch) -> None:
    state.save(tmp_path, {"step": 3})
    good = (tmp_path / state.LAST).read_bytes()

    def full(content, file) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(state.CheckpointError, match="No space left.*is whole.*resumes"):
        state.save(tmp_path, {"step": 4})
    assert (tmp_path / state.LAST).read_bytes() == good
    assert [path.name for path in tmp_path.iterdir()] == [state.LAST]


def test_a_disk_that_is_full_from_the_start(full_disk: Path) -> None:
    with pytest.raises(state.CheckpointError, match=f"{state.LAST}: cannot be .*none yet"):
        state.save(full_disk, {"model": {"w": torch.zeros(1 << 16)}})
    assert state.load(full_disk) is None and not list(full_disk.iterdir())


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04"])
def test_damage_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / state.LAST).write_bytes(content)
    with pytest.raises(state.CheckpointError, match="last.pt: not a resume point.*delete it"):
        state.load(tmp_path)


def test_another_format_is_named(tmp_path: Path) -> None:
    for content in ({"step": 1}, [1, 2], torch.zeros(3)):
        torch.save(content, tmp_path / state.LAST)
        with pytest.raises(state.CheckpointError, match="format None, expected 1"):
            state.load(tmp_path)


def test_weights_of_another_model_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a" / "w.safetensors"
    state.save_weights(path, torch.nn.Linear(3, 2))
    same = torch.nn.Linear(3, 2)
    state.load_weights(path, same)
    with pytest.raises(ValueError, match="do not fit.*weight"):
        state.load_weights(path, torch.nn.Linear(4, 2))
    with pytest.raises(FileNotFoundError, match="no such weights"):
        state.load_weights(tmp_path / "none", same)
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(ValueError, match="text: not a safetensors file"):
        state.load_weights(tmp_path / "text", same)
