"""embed_files: every file has its rows, bytes are the same for any workers, a restart goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pocketvision import Embedder, Faces, InputError, faces
from pocketvision.faces.bulk.run import _settings, embed_files
from pocketvision.faces.bulk.shards import Settings, Shard, missing, split, without
from pocketvision.faces.bulk.worker import Worker

parquet = pytest.importorskip("pyarrow.parquet")
data = pytest.importorskip("skimage.data")
MODEL = "pocketnet-s-128"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two of one face, one of none, one that is cut off, one that is text, one that is absent."""
    folder = tmp_path_factory.mktemp("photos")
    face = Image.fromarray(data.astronaut())
    face.save(folder / "a.png")
    Image.fromarray(np.full((90, 120, 3), 90, np.uint8)).save(folder / "b.png")
    face.save(folder / "whole.jpg")
    (folder / "c.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:9000])
    (folder / "d.jpg").write_text("no picture")
    face.crop((100, 0, 400, 300)).save(folder / "f.png")
    return [folder / name for name in ("a.png", "b.png", "c.jpg", "d.jpg", "e.png", "f.png")]


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Eight of the right size, but the third, and the last, which is none."""
    folder = tmp_path_factory.mktemp("crops")
    random = np.random.default_rng(1)
    for number in range(8):
        size = 64 if number == 2 else 112
        pixels = random.integers(0, 256, (size, size, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "7.png").write_bytes(b"")
    return sorted(folder.iterdir())


def made(shards: list[Shard], settings: Settings, out: Path) -> list[dict[str, Any]]:
    """What the workers of a run do, without Ray."""
    work = Worker(settings, str(out))
    return [
        work({"number": shard.number, "paths": json.dumps(shard.paths)})
        for shard in missing(shards, out, settings)
    ]


def shard_bytes(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def test_photos(photos: list[Path], tmp_path: Path) -> None:
    settings = _settings(MODEL, "facefinder-160", None)
    wanted = [
        (path, number, face)
        for path in (photos[0], photos[5])
        for number, face in enumerate(Faces(MODEL).find(path))
    ]
    assert len({path for path, _, _ in wanted}) == 2
    (told,) = made(split(photos, 10), settings, tmp_path)
    assert told == {"number": 0, "files": 6, "faces": len(wanted), "without": 4}
    rows = parquet.read_table(tmp_path / "shard-000000.parquet").to_pylist()
    assert list(dict.fromkeys(Path(row["path"]) for row in rows)) == photos
    found = [row for row in rows if row["reason"] is None]
    for row, (path, number, face) in zip(found, wanted, strict=True):
        assert Path(row["path"]) == path and row["face"] == number
        assert row["embedding"] == face.embedding.tolist()
        assert face.quality is not None and row["quality"] == face.quality.score
        np.testing.assert_allclose(row["box"], face.box, rtol=1e-6)
        np.testing.assert_allclose(row["landmarks"], face.landmarks.ravel(), rtol=1e-6)
    reasons = dict(without(tmp_path))
    assert list(reasons) == [str(path) for path in photos[1:5]]
    for path, said in zip(
        photos[1:5], ("no face found", "cut off", "not a picture", "no such picture"), strict=True
    ):
        assert said in reasons[str(path)] and not reasons[str(path)].startswith(str(path))


def test_aligned_crops(crops: list[Path], tmp_path: Path) -> None:
    (told,) = made(split(crops, 10), _settings(MODEL, None, None), tmp_path)
    assert told == {"number": 0, "files": 8, "faces": 6, "without": 2}
    rows = parquet.read_table(tmp_path / "shard-000000.parquet").to_pylist()
    assert [Path(row["path"]) for row in rows] == crops
    good = [path for number, path in enumerate(crops) if number not in (2, 7)]
    found = [row["embedding"] for row in rows if row["embedding"]]
    assert np.array_equal(np.array(found, np.float32), Embedder(MODEL).embed(good))
    assert "112x112 pixels, got 64x64" in rows[2]["reason"] and "empty" in rows[7]["reason"]


def test_a_name_that_is_not_utf8(crops: list[Path], tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")
    (tmp_path / "out").mkdir()
    made(split([odd, crops[0]], 10), _settings(MODEL, None, None), tmp_path / "out")
    ((name, reason),) = without(tmp_path / "out")
    assert name.endswith("xff.png") or name.endswith("udcff.png")
    assert reason == "its name is not UTF-8; rename it"


def test_only_what_is_missing_is_made(crops: list[Path], tmp_path: Path) -> None:
    settings = _settings(MODEL, None, None)
    shards = split(crops, 3)
    assert [len(shard.paths) for shard in shards] == [3, 3, 2]
    assert len(made(shards, settings, tmp_path)) == 3
    whole = shard_bytes(tmp_path)
    (tmp_path / "shard-000001.parquet").unlink()
    assert [told["number"] for told in made(shards, settings, tmp_path)] == [1]
    assert shard_bytes(tmp_path) == whole and made(shards, settings, tmp_path) == []
    longer = split([*crops, crops[0]], 3)  # more files: the last shard is another
    assert [told["number"] for told in made(longer, settings, tmp_path)] == [2]


def test_what_does_not_mix(crops: list[Path], tmp_path: Path) -> None:
    settings = _settings(MODEL, None, None)
    made(split(crops, 4), settings, tmp_path)
    with pytest.raises(InputError, match="shard-000000.parquet: was made with another model"):
        missing(split(crops, 4), tmp_path, _settings("facechain-25m", None, None))
    with pytest.raises(InputError, match="shard-000001.parquet: is of more files"):
        missing(split(crops[:4], 4), tmp_path, settings)
    (tmp_path / "shard-000000.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="not a shard that embed_files wrote"):
        missing(split(crops, 4), tmp_path, settings)
    with pytest.raises(InputError, match="other weights on this machine"):
        Worker(Settings(MODEL, "0" * 64, None, None, None, 128), "")


def test_bad_arguments(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="paths: expected a list"):
        embed_files([], tmp_path)
    with pytest.raises(InputError, match="paths: expected a list"):
        embed_files("a.png", tmp_path)
    with pytest.raises(InputError, match="shard_files"):
        embed_files(["a.png"], tmp_path, shard_files=0)
    with pytest.raises(InputError, match="workers"):
        embed_files(["a.png"], tmp_path, workers=0)


@pytest.fixture
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.full
def test_a_local_ray(
    cluster: None, photos: list[Path], tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    """Two workers write what one writes; what an ended run left out is made, and nothing else."""
    paths, settings = photos * 3, _settings(MODEL, "facefinder-160", None)
    (tmp_path / "one").mkdir()
    made(split(paths, 4), settings, tmp_path / "one")
    two = tmp_path / "two"
    done = embed_files(paths, two, model=MODEL, shard_files=4, workers=2)
    assert done._replace(faces=0) == (5, 18, 0, 12, 0) and done.faces >= 6
    assert shard_bytes(two) == shard_bytes(tmp_path / "one")
    times = {path.name: path.stat().st_mtime_ns for path in two.iterdir()}
    (two / "shard-000003.parquet").unlink()
    again = embed_files(paths, two, model=MODEL, shard_files=4, workers=2)
    assert again.shards == 1 and again.kept == 4 and again.files == 4
    assert shard_bytes(two) == shard_bytes(tmp_path / "one")
    changed = {one.name for one in two.iterdir() if one.stat().st_mtime_ns != times[one.name]}
    assert changed == {"shard-000003.parquet"}

    page = Path(faces.__file__).parent / "bulk" / "README.md"
    block = page.read_text(encoding="utf-8").rpartition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(photos[0].parent.parent)
    capsys.readouterr()
    exec(block.replace('"photos"', f'"{photos[0].parent.name}"'), {"__name__": "__main__"})
    told = capsys.readouterr().out
    assert "Done(shards=1, files=3, " in told and "d.jpg not a picture" in told
