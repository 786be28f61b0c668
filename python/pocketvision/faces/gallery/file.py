"""The file of a gallery: read when it has changed, locked to be changed, written whole.

A change writes a new file beside the old one and gives it the name, so that whoever reads sees the
old state or the new one, and a process that dies in between leaves the old one. The lock is one on
the file itself (``flock``); who waited for a file that has been replaced meanwhile opens the new.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from ...errors import InputError
from .contents import Contents
from .database import pack, unpack
from .seal import is_sealed, seal, unseal


class GalleryFile:
    """One file, and the last state that was read of it. Not for several threads at once."""

    def __init__(self, path: str, key: bytes | None) -> None:
        self.path = path
        self._key = key
        self._held = -1
        self._seen: tuple[int, ...] = ()
        self._contents: Contents | None = None

    @property
    def encrypted(self) -> bool:
        return self._key is not None

    def beside(self, path: str) -> GalleryFile:
        """Another file with the same key."""
        return GalleryFile(path, self._key)

    def create(self, contents: Contents) -> None:
        """Writes the first state; FileExistsError where the name is taken meanwhile."""
        from pathlib import Path  # who only reads does without

        from ...files import PRIVATE, write_new

        data = self._packed(contents)
        write_new(Path(self.path), lambda file: file.write(data), PRIVATE)

    def read(self) -> Contents:
        """The state of now. Raises FileNotFoundError; InputError for a damaged file."""
        if self._contents is None or _identity(os.stat(self.path)) != self._seen:
            self._load()
            assert self._contents is not None
        return self._contents

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes the file meanwhile; waits for those who do."""
        while True:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._lock(descriptor)
                if os.path.samestat(os.fstat(descriptor), os.stat(self.path)):
                    yield
                    return
            finally:
                os.close(descriptor)

    def write(self, contents: Contents) -> None:
        """Replaces the state, which is on the disk then; only within ``locked``."""
        from pathlib import Path

        from ...files import PRIVATE, write_whole

        data = self._packed(contents)
        write_whole(Path(self.path), lambda file: file.write(data), PRIVATE)
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        self._hold(descriptor, os.fstat(descriptor), contents)

    def close(self) -> None:
        """Lets the file go."""
        if self._held >= 0:
            os.close(self._held)
        self._held, self._seen, self._contents = -1, (), None

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            reason = f"cannot be locked ({error.strerror}); keep galleries on a local disk"
            raise OSError(error.errno, reason, self.path) from error

    def _packed(self, contents: Contents) -> bytes:
        data = pack(contents)
        return data if self._key is None else seal(data, self._key)

    def _load(self) -> None:
        # Without O_NONBLOCK a pipe of this name would wait for somebody who writes.
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            state = os.fstat(descriptor)  # before: what changes meanwhile is read again
            if not stat.S_ISREG(state.st_mode):
                kind = "a folder" if stat.S_ISDIR(state.st_mode) else "a device or pipe"
                raise InputError(f"{self.path}: is {kind}, and no gallery")
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read()
            try:
                contents = unpack(self._opened(data))
                self._check_newer(contents)
            except InputError as error:
                raise InputError(f"{self.path}: {error}") from None
        except BaseException:
            os.close(descriptor)
            raise
        self._hold(descriptor, state, contents)

    def _opened(self, data: bytes) -> bytes:
        if self._key is not None:
            if data.startswith(b"SQLite format 3\0"):
                raise InputError("is not encrypted; open it without a key")
            return unseal(data, self._key)
        if is_sealed(data):
            raise InputError("is encrypted; give its key (key=, or --key-file)")
        return data

    def _check_newer(self, contents: Contents) -> None:
        """Against an old copy put in the place of the file while this process has it open."""
        known = self._contents
        if known is None:
            return
        if contents.uid != known.uid:
            raise InputError("has become another gallery than the one that was opened")
        if contents.generation < known.generation:
            raise InputError(
                f"is older than what was read of it before (change {contents.generation} after "
                f"{known.generation}); if that is meant, open it anew"
            )

    def _hold(self, descriptor: int, state: os.stat_result, contents: Contents) -> None:
        """Keeps the file open: the system gives its number to no other file until then."""
        if self._held >= 0:
            os.close(self._held)
        self._held, self._contents = descriptor, contents
        self._seen = _identity(state)


class Memory:
    """What :class:`GalleryFile` is, without a file: for a search that leaves nothing behind."""

    path = "(in memory)"
    encrypted = False

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def beside(self, path: str) -> GalleryFile:
        return GalleryFile(path, None)

    def read(self) -> Contents:
        return self._contents

    def locked(self) -> AbstractContextManager[None]:
        return nullcontext()

    def write(self, contents: Contents) -> None:
        self._contents = contents

    def close(self) -> None:
        self._contents = Contents(self._contents.model, self._contents.uid)


def _identity(state: os.stat_result) -> tuple[int, ...]:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
