"""Types of the extension that csrc/bindings builds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_THREADS: int
DETECTION: np.dtype[Any]
DETECTION_UNIT: int
DETECTION_SCORE_ONE: int
QUALITY: np.dtype[Any]
QUALITY_QUERY: int
QUALITY_ENROL: int
QUALITY_MARGIN_ONE: int
QUALITY_MOST_MARGIN: int
QUALITY_EYES_UNIT: int
QUALITY_REASONS: dict[int, str]

def host_targets() -> list[str]: ...
def warp(
    picture: NDArray[np.uint8],
    landmarks: NDArray[np.float64],
    template: NDArray[np.float64],
    height: int,
    width: int,
) -> NDArray[np.uint8]: ...
def qualities(
    crops: NDArray[np.uint8],
    landmarks: NDArray[np.float64] | None,
    template: NDArray[np.float64],
    height: int,
    width: int,
    smallest: int = 0,
) -> NDArray[Any]: ...
def see_templates(
    qualities: NDArray[Any], templates: NDArray[np.int8], directions: NDArray[np.int8], level: float
) -> None: ...
def quality_features(crops: NDArray[np.uint8]) -> NDArray[np.int8]: ...
def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float: ...
def top_k(
    query: NDArray[np.float32], gallery: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...

SCORE_ONE: int

def measure_templates(templates: NDArray[np.int8]) -> NDArray[np.float32]: ...
def search_templates(
    templates: NDArray[np.int8],
    inverse: NDArray[np.float32],
    probes: NDArray[np.int8],
    k: int,
    features: int = ...,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...

class Tensor:
    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def scale(self) -> float: ...
    @property
    def zero_point(self) -> int: ...

class Library:
    def __init__(self, path: str) -> None: ...
    @property
    def target(self) -> str: ...
    @property
    def source_sha256(self) -> str: ...
    @property
    def record(self) -> bytes: ...
    @property
    def arena_bytes(self) -> int: ...
    @property
    def inputs(self) -> tuple[Tensor, ...]: ...
    @property
    def outputs(self) -> tuple[Tensor, ...]: ...

class Session:
    def __init__(self, library: Library) -> None: ...
    def run(self, inputs: list[NDArray[Any]]) -> list[NDArray[Any]]: ...

class Finder:
    def __init__(
        self,
        library: Library,
        strides: list[int],
        logit: float,
        score: float,
        overlap: float,
        mean: list[float],
        std: list[float],
        reversed: bool,
        capacity: int,
    ) -> None: ...
    def find(
        self,
        rows: NDArray[np.uint8],
        format: int,
        width: int,
        turn: int,
        area: tuple[int, int, int, int],
        most: int,
    ) -> NDArray[Any]: ...
    def decode(self, outputs: list[NDArray[Any]], most: int) -> NDArray[Any]: ...

class Workers:
    def __init__(self, library: Library, threads: int) -> None: ...
    def embed(
        self,
        crops: NDArray[np.uint8],
        tables: PixelTables,
        first: int,
        qualities: NDArray[Any] | None = None,
        place: tuple[NDArray[np.float64], NDArray[np.uint32], NDArray[np.float64]] | None = None,
        smallest: int = 0,
    ) -> NDArray[np.float32]: ...
    def embed_picture(
        self,
        picture: NDArray[np.uint8],
        landmarks: NDArray[np.float64],
        template: NDArray[np.float64],
        tables: PixelTables,
        first: int,
        qualities: NDArray[Any] | None = None,
        smallest: int = 0,
    ) -> NDArray[np.float32]: ...

class PixelTables:
    def __init__(
        self, input: Tensor, mean: list[float], std: list[float], reversed: bool
    ) -> None: ...
    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]: ...

class ClipModels:
    def __init__(self, encoder: Library, decoder: Library) -> None: ...

class ClipStream:
    def __init__(self, models: ClipModels) -> None: ...
    def push(self, frame: NDArray[Any]) -> NDArray[Any] | None: ...
    def reset(self) -> None: ...
    def save(self) -> bytes: ...
    def load(self, state: bytes) -> None: ...
    @property
    def steps(self) -> int: ...
    @property
    def filled(self) -> int: ...
    @property
    def state_bytes(self) -> int: ...
