"""The alignment in plain float64 numpy: Umeyama's estimate by SVD, bilinear with a black border."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def umeyama(source: Array, target: Array) -> Array:
    """Least-squares similarity (3, 3) from ``source`` (N, 2) to ``target`` (N, 2).

    S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    PAMI 1991, equations 34 to 43.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    covariance = (target - target_mean).T @ (source - source_mean) / len(source)
    u, singular, vt = np.linalg.svd(covariance)
    sign = np.array([1.0, 1.0 if np.linalg.det(u) * np.linalg.det(vt) > 0 else -1.0])
    rotation = u @ np.diag(sign) @ vt
    scale = (singular * sign).sum() / (source - source_mean).var(axis=0).sum()
    matrix = np.eye(3)
    matrix[:2, :2] = scale * rotation
    matrix[:2, 2] = target_mean - scale * rotation @ source_mean
    return matrix


def warp(picture: Array, matrix: Array, height: int, width: int) -> Array:
    """Float64 (height, width, 3) of ``picture`` (H, W, 3) by the inverse of ``matrix``."""
    rows, columns = np.mgrid[0:height, 0:width]
    points = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ np.linalg.inv(matrix).T
    x, y = points[..., 0], points[..., 1]
    left, top = np.floor(x), np.floor(y)
    result = np.zeros((height, width, 3))
    for dy in (0, 1):
        for dx in (0, 1):
            column, row = left + dx, top + dy
            weight = (1 - np.abs(x - column)) * (1 - np.abs(y - row))
            inside = (column >= 0) & (column < picture.shape[1])
            inside &= (row >= 0) & (row < picture.shape[0])
            values = picture[
                np.where(inside, row, 0).astype(int), np.where(inside, column, 0).astype(int)
            ].astype(np.float64)
            result += np.where(inside, weight, 0.0)[..., None] * values
    return result
