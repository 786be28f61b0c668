"""Multi-step distillation: the teacher's snapshot of epoch e supervises the student's epoch e.

PocketNet, arXiv 2108.10710, section 3.3: a converged teacher is a hard target for a student that
has just begun; the teacher as it was after the same epoch is within reach. The snapshots come from
a run whose recipe says ``keep = "epochs"``, with an embedding of the student's size.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..run.device import CPU
from . import teacher


def snapshot(run: Path, epoch: int) -> Path:
    """Where a run keeps its weights after ``epoch`` (counted from 1)."""
    return run / "snapshots" / f"epoch-{epoch:03d}.safetensors"


class MultiStep:
    """Teachers by epoch, from the kept snapshots of a run named ``model:folder`` below ``root``.

    Raises:
        ValueError: ``source`` is not of that form.
        FileNotFoundError: the run has no snapshot for an epoch of the student; at once, not when
            that epoch begins.
    """

    def __init__(self, source: str, root: Path, epochs: int, device: torch.device = CPU):
        self.model, colon, run = source.partition(":")
        if not colon:
            raise ValueError(f"embedding.snapshots: expected model:folder, got {source!r}")
        self.files = [snapshot(root / run, epoch) for epoch in range(1, epochs + 1)]
        missing = [file for file in self.files if not file.is_file()]
        if missing:
            raise FileNotFoundError(
                f"{missing[0]}: no such snapshot ({len(missing)} of {epochs} are missing); train "
                'the teacher with keep = "epochs" for as many epochs as the student'
            )
        self._device, self._epoch = device, -1
        self._teacher: teacher.Embedder | None = None

    def at(self, epoch: int) -> teacher.Embedder:
        """The teacher of a student's epoch, counted from 0."""
        if epoch != self._epoch or self._teacher is None:
            self._epoch = epoch
            self._teacher = teacher.TorchTeacher(
                self.model, self.files[min(epoch, len(self.files) - 1)], self._device
            )
        return self._teacher

    def __call__(self, planes: Tensor, epoch: int) -> Tensor:
        """Unit-norm float32 (N, D) of float32 (N, 3, H, W), RGB 0..255, by that epoch's teacher."""
        return self.at(epoch)(planes)
