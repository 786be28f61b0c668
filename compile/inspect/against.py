"""Whether an imported network means what its file means to onnxruntime, operator by operator."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import CompileError
from ..frontend import oracle
from ..frontend.file_run import IncomparableError
from ..frontend.load import load
from ..frontend.oracle import Row


@dataclass(frozen=True)
class Comparison:
    """What was compared: operators of the graph as it was imported, then outputs."""

    rows: tuple[Row, ...]
    vectors: int

    @property
    def worst(self) -> Row:
        return max(self.rows, key=lambda row: (row.steps, row.wrong))

    @property
    def agrees(self) -> bool:
        """No operator is more than one step off."""
        return self.worst.steps <= oracle.MOST_STEPS

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "against": "onnxruntime",
            "vectors": self.vectors,
            "agrees": self.agrees,
            "operators": [asdict(row) for row in self.rows],
        }

    def __str__(self) -> str:
        worst, count = self.worst, len(self.rows)
        most = f"{worst.node} ({worst.kind})"
        if not self.agrees:
            return (
                f"onnxruntime: different: {most} is up to {worst.steps} steps off in "
                f"{worst.wrong:,} of {worst.values:,} values"
            )
        exact = sum(row.wrong == 0 for row in self.rows)
        return (
            f"onnxruntime: {exact} of {count} operators and outputs are equal, the others within "
            f"one step, for {self.vectors} vectors"
        )


def against(model: Path, count: int = 8) -> Comparison:
    """Compares ``model`` with onnxruntime, graph optimisation off, on ``count`` made-up inputs.

    Each operator is executed by the reference on what onnxruntime has stored of its inputs.

    Raises:
        CompileError: a bad model or count, or onnxruntime does not run the file.
    """
    if count < 1:
        raise CompileError(f"count: expected at least 1, got {count}")
    try:
        rows = oracle.compare(model, load(model), count)
    except IncomparableError as error:
        raise CompileError(f"{model}: {error}") from error
    return Comparison(tuple(rows), count)
