"""``watch``: what a stream says, frame by frame, of files, folders and damaged videos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pocketvision import ClipClassifier
from pocketvision.cli import main

from .test_cli import error_of, json_of

FRAMES = np.random.default_rng(5).integers(0, 256, (24, 48, 64, 3), dtype=np.uint8)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """24 frames without loss of their number."""
    av = pytest.importorskip("av")
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in FRAMES:
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def test_a_folder_of_frames(
    make_pair: Callable[..., Path],
    tmp_path: Path,
    capsys: Any,
) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(FRAMES):
        Image.fromarray(frame).save(folder / f"{number:03}.png")
    models = make_pair()
    found = json_of(capsys, "watch", str(folder), "--actions", str(models))
    assert found["frames"] == 24 and found["damaged"] == 0
    assert [answer["frame"] for answer in found["answers"]] == list(range(15, 24))
    classifier = ClipClassifier(models)
    scores = [classifier.push(frame) for frame in FRAMES][15:]
    for answer, wanted in zip(found["answers"], scores, strict=True):
        assert wanted is not None
        np.testing.assert_allclose(answer["scores"], wanted, rtol=1e-6)
        assert answer["label"] == classifier.classes[wanted.argmax()]
        assert answer["score"] == max(answer["scores"]) and answer["fps"] > 0
    assert main(["watch", str(folder), "--actions", str(models), "--every", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["frame 15", "frame 19", "frame 23"]


def test_a_video_and_what_is_saved(
    make_pair: Callable[..., Path],
    video: Path,
    tmp_path: Path,
    capsys: Any,
) -> None:
    import av

    out = tmp_path / "out.mp4"
    found = json_of(capsys, "watch", str(video), "--actions", str(make_pair()), "--save", str(out))
    assert found["frames"] == 24 and len(found["answers"]) == 9
    with av.open(str(out)) as container:
        kept = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(kept) == 24 and kept[0].shape == (48, 64, 3)
    assert not list(tmp_path.glob(".*"))
    corner = np.abs(kept[20][5:14, 5:60].astype(int) - FRAMES[20][5:14, 5:60]).mean()
    assert corner > 1.2 * np.abs(kept[2][5:14, 5:60].astype(int) - FRAMES[2][5:14, 5:60]).mean()


def test_a_change_of_size_is_said_and_begins_anew(
    make_pair: Callable[..., Path],
    tmp_path: Path,
    capsys: Any,
) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(FRAMES):
        Image.fromarray(frame[:, : 64 if number < 18 else 40]).save(folder / f"{number:03}.png")
    assert main(["watch", str(folder), "--actions", str(make_pair())]) == 0
    told = capsys.readouterr()
    assert "frame 18: the picture is 40x48 from here on, it was 64x48" in told.err
    assert [line.split(":")[0] for line in told.out.splitlines()] == [
        "frame 15", "frame 16", "frame 17"
    ]  # fmt: skip


def test_short_and_broken_videos(
    make_pair: Callable[..., Path],
    video: Path,
    tmp_path: Path,
    capsys: Any,
) -> None:
    models = str(make_pair())
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"not a video" * 100)
    assert "not a video" in error_of(capsys, 2, "watch", str(bad), "--actions", models)
    missing = error_of(capsys, 2, "watch", str(tmp_path / "none.mp4"), "--actions", models)
    assert "no such video" in missing
    cut = tmp_path / "cut.mkv"
    whole = video.read_bytes()
    cut.write_bytes(whole[: len(whole) // 3])
    assert "not a video" in error_of(capsys, 2, "watch", str(cut), "--actions", models)
    folder = tmp_path / "few"
    folder.mkdir()
    empty = error_of(capsys, 2, "watch", str(folder), "--actions", models)
    assert "no pictures" in empty
    Image.fromarray(FRAMES[0]).save(folder / "0.png")
    assert main(["watch", str(folder), "--actions", models]) == 0
    assert "1 frames are fewer than a window; 16 of every 1" in capsys.readouterr().err
    wrong = error_of(capsys, 2, "watch", str(folder), "--actions", models, "--every", "0")
    assert "--every: expected at least 1" in wrong
