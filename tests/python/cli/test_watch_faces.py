"""``watch --gallery``: a face that moves over a canvas keeps its track and its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pocketvision import Faces, Gallery
from pocketvision.cli import main
from pocketvision.cli.draw import SURE
from pocketvision.cli.watching.faces import Watcher
from pocketvision.faces.find.track import overlaps

from . import portraits
from .test_cli import error_of, json_of

SIZE, SIDE, FRAMES, STEP = (320, 200), 150, 8, 20


def place(number: int) -> tuple[int, int, int]:
    return 10 + STEP * number, 25, SIDE


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: an empty canvas, the astronaut who moves to the right, an empty one again."""
    folder = tmp_path_factory.mktemp("frames")
    portraits.canvas(folder / "00.png", SIZE)
    for number in range(FRAMES):
        portraits.canvas(folder / f"{number + 1:02}.png", SIZE, place(number))
    portraits.canvas(folder / "99.png", SIZE)
    return folder


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eileen, and somebody whom nobody looks like."""
    folder, faces = tmp_path_factory.mktemp("gallery"), Faces()
    photo = portraits.canvas(folder / "Eileen.png", SIZE, (80, 20, 170))
    with Gallery.open(folder / "people.pvdb", model=faces.embedder) as known:
        known.enrol("Eileen", faces.find(photo)[0].embedding)
        known.enrol("Somebody", np.random.default_rng(1).standard_normal(known.dimension))
    return folder / "people.pvdb"


def test_one_track_from_end_to_end(frames: Path, gallery: Path, capsys: Any) -> None:
    found = json_of(capsys, "watch", str(frames), "--gallery", str(gallery))
    assert found["frames"] == FRAMES + 2 and found["damaged"] == 0 and found["fps"] > 0
    (track,) = found["tracks"]
    assert track["name"] == "Eileen" and track["score"] >= track["threshold"]
    assert (track["first"], track["last"], track["frames"]) == (1, FRAMES, FRAMES)
    assert [answer["frame"] for answer in found["answers"]] == list(range(1, FRAMES + 1))
    for number, answer in enumerate(found["answers"]):
        (face,) = answer["faces"]
        assert face["track"] == 1 and face["name"] == "Eileen" and answer["fps"] > 0
        wanted = np.array([portraits.box(*place(number))])
        assert overlaps(np.array([face["box"]]), wanted)[0, 0] > 0.5


def test_lines_and_every(frames: Path, gallery: Path, capsys: Any) -> None:
    assert main(["watch", str(frames), "--gallery", str(gallery), "--every", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["frame 3", "frame 6"]
    assert all(": #1 Eileen 0." in line and line.endswith(" frames/s") for line in lines)


def test_a_stranger_has_no_name(frames: Path, gallery: Path, capsys: Any) -> None:
    found = json_of(
        capsys, "watch", str(frames), "--gallery", str(gallery), "--threshold", "0.9999"
    )
    (track,) = found["tracks"]
    assert track["name"] is None and track["nearest"] == "Eileen" and track["threshold"] == 0.9999
    assert main(["watch", str(frames), "--gallery", str(gallery), "--threshold", "0.9999"]) == 0
    assert ": #1 ? 0." in capsys.readouterr().out


def test_what_is_saved(frames: Path, gallery: Path, tmp_path: Path, capsys: Any) -> None:
    """From a video, with boxes in the colour of those who are known where the face is."""
    av = pytest.importorskip("av")
    video, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for path in sorted(frames.iterdir()):
            for packet in stream.encode(av.VideoFrame.from_image(Image.open(path))):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    found = json_of(capsys, "watch", str(video), "--gallery", str(gallery), "--save", str(out))
    assert [track["name"] for track in found["tracks"]] == ["Eileen"]
    with av.open(str(out)) as container:
        assert container.streams.video[0].average_rate == 10
        kept = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(kept) == FRAMES + 2 and kept[0].shape == (SIZE[1], SIZE[0], 3)
    green = [(np.abs(one.astype(int) - SURE).sum(axis=2) < 120) for one in kept]
    assert not green[0].any() and not green[-1].any()
    for number, seen in enumerate(green[1:-1]):
        left = np.array(found["answers"][number]["faces"][0]["box"])[0]
        assert abs(np.flatnonzero(seen.any(axis=0))[0] - left) < 4
    assert not list(tmp_path.glob(".*"))


def test_the_best_view_names_a_track(gallery: Path) -> None:
    """And no later one of lower quality, whatever its score."""
    faces = Faces()
    canvas = np.full((SIZE[1], SIZE[0], 3), 112, np.uint8)
    clear, dark = canvas.copy(), canvas.copy()
    head = np.asarray(portraits.head().resize((SIDE, SIDE)))
    clear[25 : 25 + SIDE, 80 : 80 + SIDE] = head
    dark[25 : 25 + SIDE, 80 : 80 + SIDE] = head // 3
    with Gallery.open(gallery, model=faces.embedder, create=False) as known:
        watcher = Watcher(faces, known, None, 0.01, None)
        ((_, first),) = watcher.look(dark)
        worse, answer = first.quality, first.answer
        ((_, second),) = watcher.look(clear)
        assert second is first and second.quality > worse and second.answer is not answer
        best = second.answer
        ((_, third),) = watcher.look(dark)
        assert third is first and third.answer is best and third.frames == 3


def test_nobody(gallery: Path, tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    portraits.canvas(folder / "0.png", SIZE)
    assert main(["watch", str(folder), "--gallery", str(gallery)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and "no face in 1 frames" in captured.err


def test_wrong_use(gallery: Path, frames: Path, tmp_path: Path, capsys: Any) -> None:
    where = str(frames)
    assert "one of the arguments --gallery --actions is required" in error_of(
        capsys, 2, "watch", where
    )
    both = error_of(capsys, 2, "watch", where, "--gallery", str(gallery), "--actions", where)
    assert "not allowed with" in both
    odd = error_of(capsys, 2, "watch", where, "--actions", where, "--min-face", "30")
    assert "--min-face: goes with --gallery" in odd
    assert "--every: expected at least 1" in error_of(
        capsys, 2, "watch", where, "--gallery", str(gallery), "--every", "0"
    )
    missing = str(tmp_path / "none.mp4")
    assert "no such video" in error_of(capsys, 2, "watch", missing, "--gallery", str(gallery))
    absent = str(tmp_path / "none.pvdb")
    assert "none.pvdb" in error_of(capsys, 2, "watch", where, "--gallery", absent)


def test_interrupted_before_a_camera(
    frames: Path, gallery: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C is how a camera ends: what was seen until then is told and saved."""
    pytest.importorskip("av")
    from pocketvision.clips.video import Video

    whole = Video.__iter__

    def cut(self: Video) -> Any:
        for number, frame in enumerate(whole(self)):
            if number == 4:
                raise KeyboardInterrupt
            yield frame

    monkeypatch.setattr(Video, "__iter__", cut)
    out = tmp_path / "out.mp4"
    found = json_of(capsys, "watch", str(frames), "--gallery", str(gallery), "--save", str(out))
    assert found["frames"] == 4 and found["tracks"][0]["name"] == "Eileen" and out.stat().st_size
