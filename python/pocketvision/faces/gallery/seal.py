"""Encryption of a gallery's bytes as a whole: AES-256-GCM, so that any other byte is refused.

offset  bytes
     0      8  "PVSEALED"
     8      4  version, 1, little-endian
    12      8  which key: the first bytes of a keyed BLAKE2b of a fixed text
    20     12  nonce, drawn anew each time
    32      N  the database, encrypted; then 16 bytes of tag, which also cover the 32 before
"""

from __future__ import annotations

import hashlib
import os
import struct
from typing import Any

from ...errors import InputError

MAGIC = b"PVSEALED"
VERSION = 1
KEY_BYTES = 32
TAG_BYTES = 16

_HEAD = struct.Struct("<8sI8s12s")


def seal(data: bytes, key: bytes) -> bytes:
    """``data`` encrypted with ``key``, 32 bytes."""
    nonce = os.urandom(12)
    head = _HEAD.pack(MAGIC, VERSION, _which(key), nonce)
    sealed: bytes = _cipher(key).encrypt(nonce, data, head)
    return head + sealed


def is_sealed(data: bytes) -> bool:
    """Whether ``data`` says of itself that it is encrypted."""
    return data.startswith(MAGIC)


def unseal(data: bytes, key: bytes) -> bytes:
    """The inverse of ``seal``; InputError, without the file's name, for any other bytes."""
    if len(data) < _HEAD.size + TAG_BYTES:
        raise InputError("is damaged: shorter than an encrypted gallery")
    magic, version, which, nonce = _HEAD.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise InputError("is no encrypted gallery of this version, or damaged")
    if which != _which(key):
        raise InputError("is encrypted with another key, or damaged")
    from cryptography.exceptions import InvalidTag

    try:
        opened: bytes = _cipher(key).decrypt(nonce, data[_HEAD.size :], data[: _HEAD.size])
    except InvalidTag:
        raise InputError("is damaged: what is encrypted has been changed or cut") from None
    return opened


def _which(key: bytes) -> bytes:
    """Tells one key from another, and nothing about it."""
    return hashlib.blake2b(b"which key", key=key, digest_size=8, person=b"pvgallery").digest()


def require_cipher() -> None:
    """ModuleNotFoundError, with what to type, where the package that encrypts is absent."""
    _cipher(bytes(KEY_BYTES))


def _cipher(key: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "an encrypted gallery needs cryptography. Type: pip install 'pocketvision[gallery]'",
            name="cryptography",
        ) from None
    return AESGCM(key)
