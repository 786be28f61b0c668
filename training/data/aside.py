"""Pictures kept from training, to judge by: a share of a source, chosen by name."""

from __future__ import annotations

import hashlib

SHARE = 0.1


def aside(name: str, share: float = SHARE) -> bool:
    """Whether the picture ``name`` (its path below the source's root) is kept from training.

    The name alone decides, so that a list that grows or is shuffled keeps the same ones aside.
    """
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
