"""Pictures with a mask of their parts: ``root/images/NAME.jpg`` and ``root/masks/NAME.png``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..pictures import decode


class Masks:
    """All pairs below ``root``, at ``side`` pixels, held in memory.

    Args:
        parts: classes; a mask's pixels are their indices.

    ``pictures``: uint8 RGB (N, side, side, 3). ``masks``: uint8 (N, side, side).

    Raises:
        FileNotFoundError: no picture, or one without its mask; names it.
        ValueError: a mask has a class of ``parts`` or above.
    """

    def __init__(self, root: Path, side: int, parts: int):
        files = sorted((root / "images").glob("*.jpg")) if root.is_dir() else []
        if not files:
            raise FileNotFoundError(f"{root / 'images'}: no .jpg; expected pictures of faces")
        pictures, masks = [], []
        for file in files:
            mask = root / "masks" / f"{file.stem}.png"
            if not mask.is_file():
                raise FileNotFoundError(f"{mask}: no such mask; {file.name} needs one")
            whole = Image.fromarray(decode(file, str(file)))
            pictures.append(np.asarray(whole.resize((side, side), Image.Resampling.BICUBIC)))
            with Image.open(mask, formats=("PNG",)) as image:
                # Indices are names and not amounts: no interpolation.
                found = np.asarray(image.resize((side, side), Image.Resampling.NEAREST))
            if found.ndim != 2 or int(found.max()) >= parts:
                raise ValueError(
                    f"{mask}: expected one channel of indices below {parts}, got shape "
                    f"{found.shape} up to {int(found.max())}; correct parsing.parts"
                )
            masks.append(found.astype(np.uint8))
        self.pictures: NDArray[np.uint8] = np.stack(pictures)
        self.masks: NDArray[np.uint8] = np.stack(masks)
