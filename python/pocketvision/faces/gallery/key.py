"""Keys of encrypted galleries: in a file of their owner's, or in the system's keyring."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from types import ModuleType

from ...errors import InputError
from ...files import PRIVATE, write_new
from .seal import KEY_BYTES, require_cipher

SERVICE = "pocketvision"
"""Under which the keyring lists keys."""

_TEXT = re.compile(r"[0-9a-fA-F]{64}")


def new_key_file(path: str | os.PathLike[str]) -> bytes:
    """Draws a key and writes it, as 64 hexadecimal digits, into a new file of mode 0600.

    Raises FileExistsError. Who loses the key loses the gallery: keep a copy elsewhere.
    """
    key = os.urandom(KEY_BYTES)
    write_new(Path(path), lambda file: file.write(f"{key.hex()}\n".encode()), PRIVATE)
    return key


def read_key_file(path: str | os.PathLike[str]) -> bytes:
    """The 32 bytes of a key file; InputError for another file, or one that others may read."""
    with open(path, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        text = file.read(200).decode("ascii", "replace").strip()
    where = os.fspath(path)
    if mode & 0o077 and os.path.isfile(path):
        raise InputError(f"{where}: others may read this key; type: chmod 600 {where}")
    return _from_text(text, where)


def keyring_key(name: str) -> bytes:
    """The key that ``new_keyring_key`` put under this name; InputError where there is none."""
    keyring = _keyring()
    try:
        text = keyring.get_password(SERVICE, name)
    except keyring.errors.KeyringError as error:
        raise InputError(f"the keyring cannot be read: {error}") from None
    if text is None:
        raise InputError(
            f"the keyring has no key {name!r}; make one: pocketvision gallery key --keyring {name}"
        )
    return _from_text(text, f"the keyring's {name!r}")


def new_keyring_key(name: str) -> bytes:
    """Draws a key and puts it into the system's keyring; InputError where one is there."""
    keyring = _keyring()
    key = os.urandom(KEY_BYTES)
    try:
        if keyring.get_password(SERVICE, name) is not None:
            raise InputError(f"the keyring has a key {name!r} already")
        keyring.set_password(SERVICE, name, key.hex())
    except keyring.errors.KeyringError as error:
        raise InputError(f"the keyring takes no key: {error}") from None
    return key


def checked_key(key: object) -> bytes | None:
    """32 bytes from such, or from the path of a key file; None is none. Errors never show it."""
    if key is None:
        return None
    require_cipher()
    if isinstance(key, str | os.PathLike):
        return read_key_file(key)
    if isinstance(key, bytes | bytearray | memoryview) and len(bytes(key)) == KEY_BYTES:
        return bytes(key)
    raise InputError(
        f"key: expected {KEY_BYTES} bytes or the path of a key file, got {type(key).__name__}"
        + (f" of {len(key)}" if isinstance(key, bytes | bytearray) else "")
    )


def _from_text(text: str, where: str) -> bytes:
    if not _TEXT.fullmatch(text):
        raise InputError(
            f"{where}: expected a key of {2 * KEY_BYTES} hexadecimal digits, got "
            f"{len(text)} characters; make one: pocketvision gallery key FILE"
        )
    return bytes.fromhex(text)


def _keyring() -> ModuleType:
    try:
        import keyring
        import keyring.errors
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "a key of the keyring needs keyring. Type: pip install 'pocketvision[gallery]'",
            name="keyring",
        ) from None
    return keyring
