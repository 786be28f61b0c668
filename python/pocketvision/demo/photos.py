"""Plain photos that installed packages bring, and the face that the detector finds in each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..faces.find.photo import Faces
from .faces import PATCH_FACES, Face, astronaut, patches

SCALE, EDGE = 3, 24
"""How many times a patch is enlarged, and the pixels of its own edge around it: its face fills it,
and a detector looks for faces with something around them."""


class Photo(NamedTuple):
    """``picture``: uint8 RGB (H, W, 3)."""

    name: str
    picture: NDArray[np.uint8]


def portraits() -> list[Photo]:
    """Eileen Collins (scikit-image) and Grace Hopper (matplotlib), both in the public domain."""
    from matplotlib import cbook
    from PIL import Image

    place = str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    with Image.open(place) as image:
        hopper = np.array(image.convert("RGB"))
    return [Photo("astronaut", astronaut().picture), Photo("grace hopper", hopper)]


def strangers(count: int = PATCH_FACES) -> list[Photo]:
    """The first ``count`` faces of scikit-image's LFW subset, 25x25 grey pixels, enlarged."""
    from PIL import Image

    found = []
    for face in patches(count):
        side = SCALE * len(face.picture)
        large = Image.fromarray(face.picture).resize((side, side), Image.Resampling.BICUBIC)
        rims = ((EDGE, EDGE), (EDGE, EDGE), (0, 0))
        found.append(Photo(face.name, np.pad(np.asarray(large), rims, mode="edge")))
    return found


def found(finder: Faces, photo: Photo) -> Face | None:
    """The largest face of a photo with the detector's landmarks; None where it finds none."""
    pixels = np.ascontiguousarray(photo.picture)
    # A patch is so coarse that the second look doubts some; a portrait has larger doubtful places.
    faces = finder.find(pixels) or finder.find(pixels, doubtful=True)
    return Face(photo.name, photo.picture, faces[0].landmarks) if faces else None
