"""Targets of a teacher that stay in a folder: runs that see the same views ask it once.

Searches train many networks by one recipe. Pictures, blends and views depend on seed and step
alone, so the teacher, a third of a small network's step, says the same to each of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pocketvision.files import write_whole


class Kept:
    """The targets of each step, float32 (B, D), one ``.npy`` file a step.

    Args:
        folder: of all such targets; those that depend on something else lie in another of its
            folders, which is named by a digest.
        depends: all that pictures, views and targets depend on but for the step, as JSON data.
        shape: (B, D), of a step's targets.
    """

    def __init__(self, folder: Path, depends: Mapping[str, Any], shape: tuple[int, int]):
        text = json.dumps(depends, sort_keys=True)
        self.folder = folder / hashlib.sha256(text.encode()).hexdigest()[:16]
        self.shape = shape

    def __call__(self, step: int, ask: Callable[[], Tensor]) -> Tensor:
        """What lies there for ``step``, else what ``ask`` gives, which then lies there.

        Raises:
            ValueError: the file is damaged or of another shape.
        """
        path = self.folder / f"{step:06}.npy"
        if not path.is_file():
            found = ask()
            write_whole(path, lambda file: np.save(file, found.float().cpu().numpy()))
            return found
        try:
            kept = np.load(path)
        except (ValueError, EOFError) as error:
            raise ValueError(f"{path}: not a .npy file ({error}); delete it") from None
        if kept.shape != self.shape or kept.dtype != np.float32:
            raise ValueError(
                f"{path}: expected float32 {self.shape}, got {kept.dtype} {kept.shape}; delete it"
            )
        return torch.from_numpy(kept)
