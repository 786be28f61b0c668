"""Teacher embeddings from an ONNX file, computed once per crop and its mirror image."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
from tqdm import tqdm


def embed(model: Path, crops: np.ndarray, mirror: bool, threads: int = 2) -> np.ndarray:
    """Unit-norm float32 (N, D) of uint8 crops (N, H, W, 3); the teacher takes RGB 0..255."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batch = session.get_inputs()[0].shape[0]
    step = batch if isinstance(batch, int) else 32
    rows = []
    for start in tqdm(range(0, len(crops), step), desc="teacher", disable=None):
        images = np.asarray(crops[start : start + step])
        images = images[:, :, ::-1] if mirror else images
        planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32)
        rows.append(session.run(None, {name: planes})[0])
    embeddings = np.concatenate(rows)
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def cached(model: Path, crops: np.ndarray, cache: Path) -> np.ndarray:
    """Unit-norm float32 (2, N, D) of the crops and their mirror images; kept in ``cache``."""
    if not cache.exists():
        both = np.stack([embed(model, crops, mirror) for mirror in (False, True)])
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial = cache.with_suffix(".partial.npy")
        np.save(partial, both)
        os.replace(partial, cache)
    return np.load(cache)


def project(targets: np.ndarray, size: int) -> np.ndarray:
    """The teacher space reduced to ``size`` dimensions that best keep inner products, renormalised.

    A student whose embedding is smaller than the teacher's cannot regress it directly; the leading
    right singular vectors of the (uncentred) embeddings give the best rank-``size`` Gram matrix.
    """
    width = targets.shape[-1]
    if size == width:
        return targets
    if size > width:
        raise ValueError(f"the student's embedding ({size}) is larger than the teacher's ({width})")
    flat = targets.reshape(-1, width)
    _, vectors = np.linalg.eigh(flat.T @ flat)
    reduced = flat @ vectors[:, ::-1][:, :size]
    reduced /= np.linalg.norm(reduced, axis=1, keepdims=True)
    return reduced.reshape(*targets.shape[:-1], size).astype(np.float32)
