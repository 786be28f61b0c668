"""Written files: whole or not at all, at the place that was named, with the mode they need."""

from __future__ import annotations

import ast
import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

import pocketvision.compile.files
import pocketvision.files
from pocketvision.files import PRIVATE, write_new, write_text, write_whole

BIG = b"x" * (1 << 17)


@pytest.fixture
def umask() -> Iterator[Callable[[int], object]]:
    """Sets the umask until the test ends."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def mode(path: Path) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def child(code: str, *arguments: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """A fresh interpreter that has ``write_whole``, ``path`` (the first argument), os and sys."""
    head = (
        "import os, sys, resource, signal; from pathlib import Path\n"
        "from pocketvision.files import write_whole, write_text; path = Path(sys.argv[1])\n"
    )
    command = [sys.executable, "-c", head + code, *map(str, arguments)]
    return subprocess.run(command, timeout=60, **options)


def test_the_compilers_copy_is_the_same() -> None:
    def functions(module: Any) -> dict[str, str]:
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        return {
            node.name: ast.dump(node) for node in tree.body if isinstance(node, ast.FunctionDef)
        }

    own = functions(pocketvision.files)
    copy = functions(pocketvision.compile.files)
    assert copy.pop("workspace") and own.pop("write_new")
    assert own == copy and "write_whole" in own


@pytest.mark.parametrize("links", [True, False])
def test_new_files_are_made_once(
    tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is second gets an error, and the first's content stays; also where no links are."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "new" / "a"
    write_new(path, lambda file: file.write(b"one"), 0o600)
    assert path.read_bytes() == b"one" and mode(path) == 0o600
    with pytest.raises(FileExistsError) as caught:
        write_new(path, lambda file: file.write(b"two"))
    assert caught.value.filename == str(path) and path.read_bytes() == b"one"
    with pytest.raises(ZeroDivisionError):
        write_new(tmp_path / "b", lambda file: 1 // 0)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["a", "new"]


def test_new_and_old_content(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    write_text(path, "one")
    write_text(path, "zwei ü")
    assert path.read_text(encoding="utf-8") == "zwei ü"
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_text(path, "old")

    def half(file: BinaryIO) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, half)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a"]


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    real, link, second = tmp_path / "store" / "v1", tmp_path / "link", tmp_path / "second"
    real.write_text("old")
    link.symlink_to("store/v1")
    second.symlink_to(link)
    for path in (link, second):
        before = real.stat().st_ino
        write_text(path, path.name)
        assert path.is_symlink() and real.read_text() == path.name
        assert real.stat().st_ino != before  # renamed, never a part of it
    assert os.listdir(real.parent) == ["v1"]
    real.unlink()
    write_text(second, "new")
    assert real.read_text() == "new" and link.is_symlink()
    link.unlink()
    link.symlink_to(second)
    with pytest.raises(OSError, match="second") as raised:
        write_text(second, "round")
    assert raised.value.errno == errno.ELOOP and second.is_symlink()


def test_devices_and_pipes_are_written_into(tmp_path: Path) -> None:
    write_text(Path("/dev/null"), "gone")
    link = tmp_path / "link"
    link.symlink_to("/dev/full")
    for path in (Path("/dev/full"), link):
        with pytest.raises(OSError) as raised:
            write_text(path, "no room")
        assert raised.value.errno == errno.ENOSPC and raised.value.filename == str(path)
    assert all(stat.S_ISCHR(os.stat(f"/dev/{name}").st_mode) for name in ("null", "full"))
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, lambda file: np.save(file, np.arange(5)))
    reader.join()
    assert stat.S_ISFIFO(pipe.stat().st_mode) and read[0].startswith(b"\x93NUMPY")


@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_our_own_output(tmp_path: Path, place: str) -> None:
    code = "print('before'); write_text(path, 'whole\\n'); print('after')"
    assert child(code, place, stdout=subprocess.PIPE).stdout == b"before\nwhole\nafter\n"
    out = tmp_path / "out"
    with out.open("wb") as file:
        assert child(code, place, stdout=file).returncode == 0
    assert out.read_bytes() == b"before\nwhole\nafter\n"


def test_modes(tmp_path: Path, umask: Callable[[int], object]) -> None:
    write_text(tmp_path / "result", "")
    write_whole(tmp_path / "faces", lambda file: file.write(b""), PRIVATE)
    assert mode(tmp_path / "result") == 0o644 and mode(tmp_path / "faces") == 0o600
    umask(0o027)
    write_text(tmp_path / "group", "")
    assert mode(tmp_path / "group") == 0o640
    for kept in (0o600, 0o664, 0o755):
        (tmp_path / "faces").chmod(kept)
        write_whole(tmp_path / "faces", lambda file: file.write(b"new"), PRIVATE)
        assert mode(tmp_path / "faces") == kept


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_file_keeps_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match="'.*/a'"):
        write_text(path, "new")
    assert path.read_text() == "old"


def test_two_writers_share_nothing(tmp_path: Path) -> None:
    path, both = tmp_path / "out", threading.Barrier(2)

    def write(letter: bytes) -> None:
        def slowly(file: BinaryIO) -> None:
            file.write(letter * 1000)
            file.flush()
            both.wait(20)
            file.write(letter * 1000)

        write_whole(path, slowly)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_bytes() in (b"a" * 2000, b"b" * 2000)
    assert os.listdir(tmp_path) == ["out"]


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    path = tmp_path / "faces.pvg"
    code = (
        "def die(file):\n"
        "    file.write(b'template'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_whole(path, die, 0o600)"
    )
    for name in ("faces.pvg", "faces", "faces.pvg.old"):
        assert child(code, tmp_path / name).returncode == -signal.SIGKILL
    (left,) = tmp_path.glob(".faces.pvg.????????????????.partial")
    assert mode(left) == 0o600

    def write(file: BinaryIO) -> None:
        # While this one is being written, another process finishes the same output.
        assert child("write_text(path, 'other')", path).returncode == 0
        file.write(b"ours")

    write_whole(path, write)
    assert path.read_bytes() == b"ours" and not left.exists()
    assert len(list(tmp_path.iterdir())) == 3  # those of other outputs are not ours to remove


def test_a_full_disk(full_disk: Path) -> None:
    path = full_disk / "v.npy"
    for write in (lambda file: file.write(BIG), lambda file: np.save(file, np.zeros(1 << 15))):
        with pytest.raises(OSError) as raised:
            write_whole(path, write)
        assert raised.value.filename == str(path) and "partial" not in str(raised.value)
        assert not list(full_disk.iterdir())


def test_a_file_above_the_limit_of_the_shell(tmp_path: Path) -> None:
    code = (
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_whole(path, lambda file: file.write(bytes(1 << 17)))\n"
        "except OSError as error: print(error.filename, error.strerror)"
    )
    done = child(code, tmp_path / "a", stdout=subprocess.PIPE)
    assert done.stdout.decode() == f"{tmp_path / 'a'} File too large\n"
    assert not list(tmp_path.iterdir())


def test_it_is_on_the_disk_before_it_takes_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", lambda *a: (done.append("rename"), replace(*a)))
    write_text(tmp_path / "a", "b")
    assert done == ["file", "rename", "folder"]


def test_names_of_all_lengths(tmp_path: Path) -> None:
    for name in ("a" * 255, "ü" * 127, "a\nb"):
        write_text(tmp_path / name, name)
        assert (tmp_path / name).read_text() == name
    with pytest.raises(OSError) as raised:
        write_text(tmp_path / ("a" * 256), "")
    assert raised.value.errno == errno.ENAMETOOLONG
    with pytest.raises(IsADirectoryError):
        write_text(tmp_path, "")
    with pytest.raises(NotADirectoryError):
        write_text(tmp_path / ("a" * 255) / "b", "")
