"""A student and its assistant as one network: the assistant adds what the student cannot say.

Paper
-----
The recogniser (HRN) of RIM, H. Kong et al., arXiv 1905.10777, trained by residual knowledge
distillation, which Gao et al., arXiv 2002.09168, describe alone. ``distill/residual.py`` has the
losses. Any two registered networks of one embedding and input may be the two.

Input: as of both. Output: float32 (N, embedding), the sum of theirs, each as it comes: a norm at
run time would be a reduction that integers do not have.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..registry import canonical, create, entry, register_family


class Residual(nn.Module):
    """``student(x) + assistant(x)``."""

    def __init__(self, student: nn.Module, assistant: nn.Module):
        super().__init__()
        self.student, self.assistant = student, assistant

    def forward(self, x: Tensor) -> Tensor:
        return self.student(x) + self.assistant(x)


def architecture(student: str, assistant: str) -> dict[str, object]:
    """What :func:`registry.built` takes.

    Raises:
        ValueError: no such network, or the two have other embeddings or inputs.
    """
    one, other = entry(student), entry(assistant)
    if (one.embedding, one.input_size) != (other.embedding, other.input_size):
        raise ValueError(
            f"residual.assistant: {assistant} has an embedding of {other.embedding} at "
            f"{other.input_size} pixels, {student} of {one.embedding} at {one.input_size}; sums "
            "need two alike"
        )
    return {
        "family": "residual", "student": canonical(student), "assistant": canonical(assistant),
        "embedding": one.embedding, "size": one.input_size,
    }  # fmt: skip


@register_family("residual", paper="arXiv 1905.10777")
def residual(*, student: str, assistant: str, embedding: int, size: int) -> Residual:
    """Two registered networks whose embeddings are summed."""
    known = architecture(student, assistant)
    if (known["embedding"], known["size"]) != (embedding, size):
        raise ValueError(
            f"architecture of residual: embedding and size: expected {known['embedding']} and "
            f"{known['size']}, those of {student}, got {embedding} and {size}"
        )
    return Residual(create(student), create(assistant))
