"""Files that are there whole or not at all, and the folder for intermediate ones.

``write_whole`` and what serves it stand in python/pocketvision/files.py word for word, for the
compiler imports nothing of the package around it, which its own build lacks; a test compares them.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import CompileError

PROGRAM = 0o777
"""The mode of a file that is run."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder below TMPDIR for intermediate files, removed at the end; results go elsewhere.

    Raises:
        CompileError: TMPDIR is full.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="pocketvision-") as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise CompileError(
            f"{tempfile.gettempdir()}: {error.strerror}; intermediate files go there: free some "
            "space, or set TMPDIR to another folder"
        ) from error


def write_whole(path: Path, write: Callable[[BinaryIO], object], mode: int = 0o666) -> None:
    """Writes a file so that a reader sees the old content or all of the new, never a part.

    A symbolic link stays and what it leads to is replaced; devices and pipes are written into. A
    file that is there keeps its mode, and one that is read-only its content. The new content is on
    the disk before it takes the name. What killed processes left of earlier tries goes.

    Args:
        write: is given the open file, in which it may seek.
        mode: of a new file, less the umask.

    Raises:
        OSError: names ``path``, never the temporary file; nothing of the new content is left.
    """
    try:
        number = _descriptor(path)
        there = _state(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if number is not None or (there and not stat.S_ISREG(there.st_mode)):
            _pour(path, number, write)
        else:
            _replace(Path(os.path.realpath(path)), there, write, mode)
    except OSError as error:
        # numpy raises a bare OSError, without a number, where it could write a part only.
        reason = error.strerror or f"{error}; is the disk full?"
        raise OSError(error.errno or errno.EIO, reason, str(path)) from error


def write_text(path: Path, text: str) -> None:
    """``write_whole`` for UTF-8 text."""
    write_whole(path, lambda file: file.write(text.encode()))


def rename(source: Path, target: Path) -> None:
    """Gives a file its name, and returns when the folder with that name is on the disk."""
    os.replace(source, target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    with suppress(OSError):  # a folder that cannot be read, a file system that knows it not
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _state(path: Path) -> os.stat_result | None:
    """Of what all links lead to; None where there is nothing yet."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _descriptor(path: Path) -> int | None:
    """The number of the file, open in this process, that ``path`` means, as /dev/stdout does."""
    for _ in range(8):
        folder = os.path.realpath(path.parent)
        if folder == f"/proc/{os.getpid()}/fd" and path.name.isdigit():
            return int(path.name)
        if not path.is_symlink():
            break
        path = Path(folder, os.readlink(path))
    return None


def _pour(path: Path, number: int | None, write: Callable[[BinaryIO], object]) -> None:
    """Into a device, a pipe or an open file; not all of them can seek, so all is made first."""
    whole = io.BytesIO()
    write(whole)
    sys.stdout.flush()
    with open(path if number is None else os.dup(number), "wb") as file:
        file.write(whole.getbuffer())


def _replace(
    target: Path, there: os.stat_result | None, write: Callable[[BinaryIO], object], mode: int
) -> None:
    if there and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    _sweep(target)
    temporary, descriptor = _partial(target, 0o600 if there else mode)
    try:
        with open(descriptor, "wb") as file:
            write(file)
            file.flush()
            if there and os.geteuid() == 0:
                os.fchown(descriptor, there.st_uid, there.st_gid)
            if there:
                os.fchmod(descriptor, stat.S_IMODE(there.st_mode))
            os.fsync(descriptor)
            rename(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _partial(target: Path, mode: int) -> tuple[Path, int]:
    """A new file beside ``target``, open and locked; the lock ends with the process."""
    while True:
        path = target.with_name(f"{_stem(target)}{os.urandom(8).hex()}.partial")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with suppress(OSError):  # where there are no locks, nothing is swept either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)  # swept between the two calls


def _sweep(target: Path) -> None:
    """Removes the partial files of ``target`` that nobody holds a lock on."""
    known = re.compile(re.escape(_stem(target)) + r"[0-9a-f]{16}\.partial")
    try:
        names = os.listdir(target.parent)
    except PermissionError:
        return
    for name in filter(known.fullmatch, names):
        with suppress(OSError):
            path = target.with_name(name)
            descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(descriptor)


def _stem(target: Path) -> str:
    """How the names of its partial files begin; file systems allow 255 bytes in all."""
    return f".{os.fsdecode(os.fsencode(target.name)[:200])}."
