"""Camera-like frames for the firmware tests: faces turned, scaled, moved, noisy, in raw formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..csrc.host import packed
from ..python.faces import warp_reference

HEIGHT, WIDTH = 240, 320


@dataclass(frozen=True)
class Scene:
    """``picture``: uint8 (240, 320, 3) as the sensor saw it; ``landmarks``: float64 (5, 2)."""

    picture: np.ndarray
    landmarks: np.ndarray


def scene(
    random: np.random.Generator, face: np.ndarray, landmarks: np.ndarray, eyes: float, noise: float
) -> Scene:
    """``face`` (H, W, 3) somewhere in a frame, its eyes ``eyes`` pixels apart."""
    scale = eyes / np.linalg.norm(landmarks[1] - landmarks[0])
    angle = random.uniform(-0.5, 0.5)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    centre = np.array([WIDTH, HEIGHT]) / 2 + random.uniform(-20, 20, 2)
    matrix[:2, 2] = centre - turn @ landmarks.mean(axis=0)
    seen = warp_reference.warp(face, matrix, HEIGHT, WIDTH)
    seen = random.uniform(0.85, 1.1) * seen + random.normal(0, noise, seen.shape)
    picture = np.clip(np.rint(seen), 0, 255).astype(np.uint8)
    return Scene(picture, landmarks @ turn.T + matrix[:2, 2])


def write(folder: Path, name: str, seen: Scene, form: str, pad: int = 0) -> str:
    """The frame as ``folder/name``, and what follows the verb in the list of faces."""
    rows = packed(seen.picture, form)
    rows = np.pad(rows, ((0, 0), (0, pad)), constant_values=0xEE)
    (folder / name).write_bytes(rows.tobytes())
    points = " ".join(f"{value:.3f}" for value in seen.landmarks.ravel())
    return f"{name} {form} {WIDTH} {HEIGHT} {rows.shape[1]} {points}"
