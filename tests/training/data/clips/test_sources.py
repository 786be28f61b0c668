"""Frames of videos, folders and contact sheets by their number, and errors that name the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from pocketvision.training.data.clips import video  # noqa: E402
from pocketvision.training.data.clips.base import Clips, CorruptClipError, Row  # noqa: E402
from pocketvision.training.data.clips.frames import FlowFolders, FrameFolders  # noqa: E402
from pocketvision.training.data.clips.sheets import Sheets  # noqa: E402
from pocketvision.training.data.clips.video import Videos  # noqa: E402

from . import made  # noqa: E402


def folder(
    path: Path, count: int, names: str = "{:05d}.png", size: tuple[int, int] = (8, 6)
) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        Image.fromarray(np.full((size[1], size[0], 3), n * 10, np.uint8)).save(
            path / names.format(n)
        )
    return path


def test_a_sheet_is_read_row_by_row(tmp_path: Path) -> None:
    clip = made.numbered(16)
    made.sheet(tmp_path / "a.png", clip)
    reader = Sheets()
    assert reader.length(tmp_path / "a.png") == 16
    np.testing.assert_array_equal(reader.read(tmp_path / "a.png", range(16)), clip)
    assert made.numbers(reader.read(tmp_path / "a.png", [1, 4, 4, 15])) == [1, 4, 4, 15]


def test_bad_sheets_are_named(tmp_path: Path) -> None:
    made.sheet(tmp_path / "a.jpg", made.numbered(16, 5, 5)[:, :4, :4][:9])
    with pytest.raises(CorruptClipError, match=r"a\.jpg: expected a grid of 5x5 .* got 12x12"):
        Sheets(5).read(tmp_path / "a.jpg", [0])
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    with pytest.raises(CorruptClipError, match=r"b\.jpg: cannot be decoded"):
        Sheets().read(tmp_path / "b.jpg", [0])
    with pytest.raises(FileNotFoundError, match=r"c\.jpg"):
        Sheets().length(tmp_path / "c.jpg")


def test_a_folder_of_frames(tmp_path: Path) -> None:
    clip = folder(tmp_path / "clip", 7)
    (clip / "notes.txt").write_text("no frame")
    reader = FrameFolders()
    assert reader.length(clip) == 7
    assert [int(f[0, 0, 0]) for f in reader.read(clip, [0, 3, 6])] == [0, 30, 60]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        reader.length(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorruptClipError, match="empty: holds no frame"):
        reader.length(tmp_path / "empty")
    Image.new("RGB", (3, 3)).save(clip / "00006.png")
    with pytest.raises(CorruptClipError, match=r"00006\.png: has 3x3 pixels"):
        reader.read(clip, [0, 6])


def test_flow_stands_after_the_colours(tmp_path: Path) -> None:
    folder(tmp_path / "rgb" / "a" / "clip", 5)
    for axis in "xy":
        folder(tmp_path / "flow" / "a" / "clip", 4, f"flow_{axis}_{{:05d}}.png")
    clips = Clips(tmp_path / "rgb", [Row("a/clip", "a")], ["a"], FrameFolders(),
                  (FlowFolders(), tmp_path / "flow"))  # fmt: skip
    frames = clips.frames(0, [0, 3, 4])
    assert frames.shape == (3, 6, 8, 5)
    assert frames[:, 0, 0, 0].tolist() == [0, 30, 40]
    assert frames[:, 0, 0, 3].tolist() == frames[:, 0, 0, 4].tolist() == [0, 30, 30]
    (tmp_path / "flow" / "a" / "clip" / "flow_y_00000.png").unlink()
    from pocketvision.training.data.clips import frames as module

    module._listed.cache_clear()
    with pytest.raises(CorruptClipError, match="as many pictures flow_x.* got 4 and 3"):
        clips.frames(0, [0])


@pytest.mark.parametrize("suffix", ["mp4", "avi"])
def test_any_window_of_a_video_is_the_one_asked_for(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("av")
    made.video(tmp_path / f"v.{suffix}", made.numbered(20))
    path, reader = tmp_path / f"v.{suffix}", Videos()
    assert reader.length(path) == 20
    for window in ([0, 1, 2], [3, 7, 19], [12, 12, 13], [19]):
        assert made.numbers(reader.read(path, window)) == window
    whole = reader.read(path, range(20))
    np.testing.assert_array_equal(reader.read(path, [13, 17]), whole[[13, 17]])


def test_frames_that_are_stored_out_of_order(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.height, stream.width, stream.pix_fmt = 24, 32, "yuv420p"
        stream.gop_size, stream.max_b_frames, stream.bit_rate = 12, 2, 2_000_000
        for frame in made.numbered(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    for first in range(18):
        window = [first, first + 1, 19]
        assert made.numbers(Videos().read(tmp_path / "v.mp4", window)) == window


def test_bad_videos_are_named(tmp_path: Path) -> None:
    pytest.importorskip("av")
    reader = Videos()
    with pytest.raises(FileNotFoundError, match=r"none\.mp4"):
        reader.length(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(CorruptClipError, match=r"text\.mp4: not a video"):
        reader.length(tmp_path / "text.mp4")
    noise = np.random.default_rng(1).integers(0, 256, (20, 24, 32, 3), dtype=np.uint8)
    made.video(tmp_path / "cut.avi", noise)
    data = (tmp_path / "cut.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(data[: len(data) // 2])
    count = reader.length(tmp_path / "cut.avi")
    assert 0 < count < 20
    with pytest.raises(CorruptClipError, match=r"cut\.avi: has \d+ frames, frame 19 is asked"):
        reader.read(tmp_path / "cut.avi", [0, 19])
    with pytest.raises(CorruptClipError, match=r"empty\.avi"):
        (tmp_path / "empty.avi").write_bytes(data[:200])
        reader.length(tmp_path / "empty.avi")


def test_pyav_is_asked_for_where_it_is_missing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    (tmp_path / "v.mp4").write_bytes(b"x")
    video._index.cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r"pocketvision\[video\]"):
        Videos().length(tmp_path / "v.mp4")


def test_a_set_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no clip"):
        Clips(tmp_path, [], ["a"], Sheets())
    with pytest.raises(ValueError, match="'b' is no class of a"):
        Clips(tmp_path, [Row("b/x", "b")], ["a"], Sheets())
