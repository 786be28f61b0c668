"""Teachers: any ONNX embedder, registered or shipped model, one or several, cached or live."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from pocketvision.files import PRIVATE, write_whole
from pocketvision.runtime.shipped import normalise, of_task

from .. import models
from ..run.device import CPU, autocast, bfloat16
from . import convert
from .compiled import CompiledTeacher

Embedder = Callable[[Tensor], Tensor]
"""Unit-norm float32 (N, D) of float32 (N, 3, H, W), RGB 0..255; both on any device.

What a teacher computes on a GPU stays there: a step that waits for it on the host leaves the GPU
idle meanwhile.
"""

STEP = 32
FEW = 16
"""Pictures that a converted teacher takes at a time on a processor: its maps stay in the cache."""

MANY = 256
"""Pictures from which on a compiled teacher is used; each number of them is compiled anew."""

SAME = 0.9999
"""Cosine to onnxruntime's embeddings below which a conversion is not trusted."""


class OnnxTeacher:
    """An ONNX face embedder that takes RGB 0..255; on the host, unless onnxruntime has CUDA too."""

    def __init__(self, model: Path, device: torch.device = CPU):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        providers: list[Any] = ["CPUExecutionProvider"]
        cuda = "CUDAExecutionProvider"
        if device.type == "cuda" and cuda in onnxruntime.get_available_providers():
            providers.insert(0, (cuda, {"device_id": device.index}))
        self.session = onnxruntime.InferenceSession(str(model), options, providers)
        self.name = self.session.get_inputs()[0].name
        batch = self.session.get_inputs()[0].shape[0]
        self.step = batch if isinstance(batch, int) else STEP

    def __call__(self, planes: Tensor) -> Tensor:
        host = planes.cpu().numpy()
        rows = [
            self.session.run(None, {self.name: host[start : start + self.step]})[0]
            for start in range(0, len(host), self.step)
        ]
        return _unit(torch.from_numpy(np.concatenate(rows)))


class TorchTeacher:
    """A registered model with weights, in evaluation mode; it takes ``(x - 127.5) / 127.5``."""

    def __init__(self, name: str, weights: Path, device: torch.device = CPU):
        # bfloat16 with channels last is five times as fast here, and as good a teacher (cosine
        # of its embeddings to those in float32 above 0.9999).
        self.device, self.half = device, bfloat16("auto", device)
        model = models.load(name, weights).eval().to(device)
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, planes: Tensor) -> Tensor:
        pixels = ((planes.to(self.device) - 127.5) / 127.5).contiguous(
            memory_format=torch.channels_last
        )
        with torch.no_grad(), autocast(self.device, enabled=self.half):
            return _unit(self.model(pixels))


class ConvertedTeacher:
    """An ONNX face embedder as a torch module; takes RGB 0..255.

    Channels last, and in bfloat16 where ``device`` multiplies it: the cosine of MobileFace V2's
    embeddings to those in float32 is then 0.9997 in the mean of 250 faces, 0.9991 at least.

    Raises:
        convert.UnsupportedError: the file holds what is not known there, or its network's
            embeddings are not onnxruntime's.
    """

    def __init__(self, model: Path, device: torch.device = CPU, compiled: bool = False):
        self.device, self.half = device, bfloat16("auto", device)
        network = convert.read(model)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        inputs = _smooth(4, *network.size)
        with torch.inference_mode():
            found = _unit(network(inputs))
        cosine = float((found * OnnxTeacher(model)(inputs)).sum(dim=1).min())
        if not cosine >= SAME:
            raise convert.UnsupportedError(f"cosine to onnxruntime's embeddings only {cosine:.5f}")
        self.network = network.to(device)
        self.run = torch.compile(self.network, dynamic=False) if compiled else self.network

    def __call__(self, planes: Tensor) -> Tensor:
        pixels = planes.to(self.device).contiguous(memory_format=torch.channels_last)
        step = FEW if self.device.type == "cpu" else len(pixels)
        with torch.no_grad(), autocast(self.device, enabled=self.half):
            run = self.run if len(pixels) >= MANY else self.network
            return _unit(torch.cat([run(part) for part in pixels.split(step)]))


def _smooth(count: int, height: int, width: int) -> Tensor:
    """Random pictures (count, 3, height, width), 0..255, as smooth as faces."""
    coarse = torch.rand(count, 3, 7, 7, generator=torch.Generator().manual_seed(0)) * 255
    return F.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 255)


def open_teacher(
    name: str, root: Path, device: torch.device = CPU, compiled: bool = False
) -> Embedder:
    """``file.onnx`` or ``model:weights.safetensors``, relative to ``root``; it runs on ``device``.

    The name of a shipped model means its compiled form, on the host.

    An ONNX file runs in torch, which is several times as fast, or where it holds what
    :mod:`convert` does not know in onnxruntime, which a line on stderr says. ``compiled``:
    batches of ``MANY`` pictures or more go through TorchInductor, which wants one size only.

    Raises:
        FileNotFoundError: no such file.
        KeyError: no model of that name.
    """
    if ":" in name:
        model, _, weights = name.partition(":")
        if not (root / weights).is_file():
            raise FileNotFoundError(f"{root / weights}: no such teacher; train it first")
        return TorchTeacher(model, root / weights, device)
    embedders = of_task("face-embedding")
    if normalise(name) in embedders:
        return CompiledTeacher(name)
    if not (root / name).is_file():
        raise FileNotFoundError(
            f"{root / name}: no such teacher; embedding.teachers names it: a file, or one of "
            f"{', '.join(embedders) or 'no shipped models'}"
        )
    try:
        return ConvertedTeacher(root / name, device, compiled)
    except convert.UnsupportedError as reason:
        print(f"note: {name} runs in onnxruntime, slower than in torch: {reason}", file=sys.stderr)
        return OnnxTeacher(root / name, device)


def ensemble(teachers: list[Embedder], planes: Tensor) -> Tensor:
    """Unit-norm float32 (N, sum of D): the teachers' unit embeddings side by side.

    Inner products of these are the means of the teachers' cosines.
    """
    rows = [teacher(planes) for teacher in teachers]
    if len(rows) == 1:
        return rows[0]
    return _unit(torch.cat([row.to(rows[0].device) for row in rows], dim=1))


def width(teachers: list[Embedder]) -> int:
    """Dimensions of the ensemble's embedding."""
    return ensemble(teachers, torch.zeros(1, 3, 112, 112)).shape[1]


def embed(teachers: list[Embedder], crops: np.ndarray, cache: Path) -> None:
    """Embeds uint8 crops (N, H, W, 3) and their mirror images into the file ``cache``."""
    both = np.stack([_embed(teachers, crops, mirror) for mirror in (False, True)])
    write_whole(cache, lambda file: np.save(file, both), PRIVATE)


def embedded(cache: Path, count: int) -> np.ndarray:
    """Unit-norm float32 (2, count, D) that :func:`embed` kept.

    Raises:
        ValueError: they are of another number of crops.
    """
    known = np.load(cache)
    if known.shape[:2] != (2, count):
        raise ValueError(f"{cache}: holds {known.shape[1]} crops, the set has {count}; delete it")
    return np.asarray(known)


def _embed(teachers: list[Embedder], crops: np.ndarray, mirror: bool) -> np.ndarray:
    rows = []
    for start in tqdm(range(0, len(crops), STEP), desc="teacher", disable=None):
        images = np.asarray(crops[start : start + STEP])
        images = images[:, :, ::-1] if mirror else images
        planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32)
        rows.append(ensemble(teachers, torch.from_numpy(planes)).cpu().numpy())
    return np.concatenate(rows)


def basis(targets: np.ndarray, size: int) -> np.ndarray:
    """Float32 (D, size): the directions of the teacher space that best keep inner products.

    A student whose embedding is smaller than the teacher's cannot regress it directly; the leading
    right singular vectors of the (uncentred) embeddings give the best rank-``size`` Gram matrix.
    """
    wide = targets.shape[-1]
    if size == wide:
        return np.eye(wide, dtype=np.float32)
    if size > wide:
        raise ValueError(f"the student's embedding ({size}) is larger than the teacher's ({wide})")
    flat = targets.reshape(-1, wide)
    _, vectors = np.linalg.eigh(flat.T @ flat)
    found = vectors[:, ::-1][:, :size]
    # An eigenvector has no sign, and libraries choose it differently: a run that goes on on another
    # machine would meet other targets.
    largest = np.take_along_axis(found, np.abs(found).argmax(axis=0)[None], axis=0)
    return np.ascontiguousarray(found * np.sign(largest), dtype=np.float32)


def directions(path: Path, wide: int, size: int) -> np.ndarray:
    """Float32 (wide, size) that :func:`basis` gave, from a file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no array, or one of another shape.
    """
    try:
        found = np.load(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; embedding.directions names it") from None
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: not a .npy file ({error}); make it again") from error
    if found.shape != (wide, size):
        raise ValueError(
            f"{path}: expected ({wide}, {size}), the dimensions of teacher and student, got "
            f"{found.shape}; make it with these"
        )
    return np.asarray(found, np.float32)


def project(targets: Tensor, directions: Tensor) -> Tensor:
    """Unit-norm float32 (..., size): ``targets`` (..., D) along ``directions`` (D, size)."""
    return _unit(targets @ directions)


def _unit(rows: Tensor) -> Tensor:
    return F.normalize(rows.float(), dim=-1)
