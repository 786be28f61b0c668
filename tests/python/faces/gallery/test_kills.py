"""Writers that die and writers at once: what was acknowledged is there, and nothing half of it."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from pocketvision import Gallery, files
from pocketvision.faces.gallery import file as gallery_file

from .conftest import WIDE


def vector(number: int) -> np.ndarray:
    return np.random.default_rng(number).normal(size=WIDE)


def child(work: Callable[[], None]) -> int:
    """A process of its own, which never comes back into the tests."""
    number = os.fork()
    if number == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return number


def check(path: Path, key: bytes | None, acknowledged: set[str], started: set[str]) -> set[str]:
    """The people of a gallery that a writer was killed over."""
    now = Gallery.open(path, key=key)
    names = {person.name for person in now.people()}
    assert acknowledged <= names <= acknowledged | started
    for name in names:
        assert now.identify(vector(int(name)), threshold=0.9).name == name
    return names


@pytest.mark.parametrize("kills", [30, pytest.param(200, marks=pytest.mark.deep)])
def test_kills_at_random_points(
    gallery: Gallery, key: bytes | None, path: Path, kills: int, capsys: pytest.CaptureFixture
) -> None:
    """A writer enrols, and says so after each; all that it said is there, and at most one more."""
    rand, names, unsaid = random.Random(5), set(), 0
    for turn in range(kills):
        source, sink = os.pipe()

        def write(turn: int = turn, sink: int = sink) -> None:
            mine = Gallery.open(path, key=key)
            os.write(sink, b"ready\n")
            for step in range(10_000):
                mine.enrol(f"{turn}{step:05}", vector(int(f"{turn}{step:05}")))
                os.write(sink, f"{turn}{step:05}\n".encode())

        number = child(write)
        os.close(sink)
        with open(source, "rb") as pipe:
            assert pipe.readline() == b"ready\n"
            time.sleep(rand.uniform(0, 0.08))
            os.kill(number, signal.SIGKILL)
            assert os.WIFSIGNALED(os.waitpid(number, 0)[1])
            said = pipe.read().decode().split()
        started = {f"{turn}{len(said):05}"}
        before, names = names, check(path, key, names | set(said), started)
        unsaid += len(names) - len(before) - len(said)
        for name in sorted(names)[:-3]:  # small, so that much happens in a short time
            gallery.forget(name)
            names.discard(name)
    gallery.enrol("0", vector(0))
    assert len(os.listdir(path.parent)) == 1  # each change sweeps what killed writers left
    with capsys.disabled():
        print(f"\n{kills} kills, {gallery.generation} changes, {unsaid} on the disk and not said")


def lines(limit: int | None, work: Callable[[], None]) -> int:
    """Runs ``work``; how many lines of the files that write it took. At ``limit`` it is killed."""
    count = 0
    places = (gallery_file.__file__, files.__file__)

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if frame.f_code.co_filename not in places:
            return None
        if event == "line":
            if count == limit:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
    return count


@pytest.mark.parametrize("change", ["enrol", "forget", "create"])
def test_kills_at_every_line_of_a_write(
    path: Path, key: bytes | None, model_file: Path, change: str
) -> None:
    """The old state or the new one, and the next change sweeps what was left."""
    model = None
    if change != "create":
        model = Gallery.open(path, model=model_file, key=key)
        model.enrol("1", vector(1))

    def work() -> None:
        if change == "create":
            Gallery.open(path.with_name("new.pvdb"), model=model_file, key=key)
        elif change == "enrol":
            Gallery.open(path, key=key).enrol("2", vector(2))
        else:
            Gallery.open(path, key=key).forget("2")

    def prepare() -> None:
        if model is None:
            path.with_name("new.pvdb").unlink(missing_ok=True)
        elif change == "enrol" and "2" in model:
            model.forget("2")
        elif change == "forget" and "2" not in model:
            model.enrol("2", vector(2))

    prepare()
    total = lines(None, work)
    assert total > 30
    seen = set()
    for limit in range(total):
        prepare()
        number = child(lambda limit=limit: lines(limit, work) and None)
        assert os.WTERMSIG(os.waitpid(number, 0)[1]) == signal.SIGKILL, limit
        if model is None:
            made = path.with_name("new.pvdb").exists()
            assert not made or len(Gallery.open(path.with_name("new.pvdb"), key=key)) == 0
            seen.add(made)
        else:
            names = check(path, key, {"1"}, {"2"})
            seen.add(len(names))
    assert len(seen) == 2  # killed before the point of no return, and behind it
    prepare()
    work()
    assert len(os.listdir(path.parent)) == 1


def test_writers_at_once_lose_nothing(gallery: Gallery, key: bytes | None, path: Path) -> None:
    """Three processes, and two threads of this one on one object."""

    def write(first: int) -> None:
        mine = Gallery.open(path, key=key)
        for step in range(12):
            mine.enrol(f"{first + step}", vector(first + step))
            if step % 4 == 3:
                with mine.batch():
                    mine.forget(f"{first + step}")
                    mine.enrol(f"{first + step}", vector(first + step))

    numbers = [child(lambda first=first: write(first)) for first in (100, 200, 300)]

    def enrol(first: int) -> None:
        for step in range(12):
            gallery.enrol(f"{first + step}", vector(first + step))

    threads = [threading.Thread(target=enrol, args=(first,)) for first in (400, 500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [os.waitpid(number, 0)[1] for number in numbers] == [0, 0, 0]
    wanted = {f"{first + step}" for first in (100, 200, 300, 400, 500) for step in range(12)}
    assert check(path, key, wanted, set()) == wanted
    assert gallery.generation == 60 + 9 and len(gallery) == 60


def test_two_who_make_it_at_once(path: Path, key: bytes | None, model_file: Path) -> None:
    def write(name: str) -> None:
        Gallery.open(path, model=model_file, key=key).enrol(name, vector(int(name)))

    for _ in range(10):
        numbers = [child(lambda name=name: write(name)) for name in ("1", "2", "3")]
        assert [os.waitpid(number, 0)[1] for number in numbers] == [0, 0, 0]
        assert check(path, key, {"1", "2", "3"}, set())
        path.unlink()


def test_a_full_disk_leaves_the_old_state(
    full_disk: Path, key: bytes | None, model_file: Path
) -> None:
    gallery = Gallery.open(full_disk / "people.pvdb", model=model_file, key=key)
    with pytest.raises(OSError, match="No space left"):
        for number in range(100):
            gallery.enrol(str(number), vector(number))
    assert len(gallery) == number
    check(gallery.path, key, {str(n) for n in range(number)}, set())
    assert len(os.listdir(full_disk)) == 1


def test_a_child_of_a_fork_has_it_too(gallery: Gallery, key: bytes | None, path: Path) -> None:
    gallery.enrol("1", vector(1))
    number = child(lambda: gallery.enrol("2", vector(2)) and None)
    assert os.waitpid(number, 0)[1] == 0
    gallery.enrol("3", vector(3))
    assert check(path, key, {"1", "2", "3"}, set())
