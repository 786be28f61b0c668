"""An ONNX model in the one form that the importer reads: the contents page of ``rewrite/``."""

from __future__ import annotations

from pathlib import Path

import onnx

from .rewrite import batch_norm, fold, gemm, moves, tidy
from .rewrite.draft import Draft, ordered
from .rewrite.read import read


def normalise(path: Path) -> tuple[onnx.ModelProto, str]:
    """The model of a file, rewritten without a change of meaning, and the SHA-256 of its source.

    In the result the default domain's opset is 21 or later; what depends on constants only is an
    initializer, except that integers keep the DequantizeLinear in front of their reader; every
    node has a name of its own, stands behind what it reads, and is read itself. The hash is over
    the file's bytes and those of its external data, by name.

    Raises:
        CompileError: the file cannot be read, is damaged, or holds what no rewrite reaches; the
            message names file, node and remedy.
    """
    model, sha256 = read(path)
    draft = Draft(path.name, model)
    draft.nodes = ordered(path.name, draft.nodes)
    for rewrite in (fold, batch_norm, moves, gemm, fold, tidy):
        rewrite.run(draft)
    return draft.model(), sha256
