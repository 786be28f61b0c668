"""An ONNX model in the one form that the importer reads: the contents page of ``rewrite/``.

onnx itself is the library: its version converter, inliner, checker, shape inference and reference
operators do the work, and only what they leave is ours. Tried beside it: onnxscript 0.7 (with
onnx-ir) folds with the same reference operators, takes sympy along, and its version converter
failed below opset 18; onnxsim unpacks to 28 MB and was not tried further.
"""

from __future__ import annotations

from pathlib import Path

import onnx

from ..errors import CompileError
from . import ceil_mode
from .rewrite import batch, batch_norm, fold, gemm, moves, tidy, upgrade
from .rewrite.draft import Draft, first_line
from .rewrite.spellings import microsoft, pairs, per_channel, qoperator
from .source.read import read

UNFORESEEN = "holds what the compiler does not foresee"


def normalise(path: Path) -> tuple[onnx.ModelProto, str]:
    """The model of a file, rewritten without a change of meaning, and the SHA-256 of its source.

    In the result the default domain's opset is 21 or later; quantised operators are in QDQ form;
    what depends on constants only is an initializer, except that integers keep the
    DequantizeLinear in front of their reader; every node has a name of its own, stands behind
    what it reads, and is read itself; inputs have fixed sizes, batch 1. The hash is over the file's
    bytes and those of its external data, by name.

    Raises:
        CompileError: the file cannot be read, is damaged, or holds what no rewrite reaches; the
            message names file, node and remedy.
    """
    try:
        model, sha256 = read(path)
        return _rewritten(Draft(path.name, model)), sha256
    except CompileError:
        raise
    except Exception as error:  # the last net, for what no rewrite foresees
        raise CompileError(
            f"{path.name}: {UNFORESEEN} ({type(error).__name__}: {first_line(error)}); export the "
            "network anew with opset 17 or later"
        ) from error


def _rewritten(draft: Draft) -> onnx.ModelProto:
    upgrade.run(draft)
    fold.run(draft, measure=False)
    for rewrite in (
        pairs, microsoft, qoperator, batch, ceil_mode, fold, batch_norm, moves, gemm, fold,
        per_channel, tidy,
    ):  # fmt: skip
        rewrite.run(draft)
    draft.check_nodes()
    return draft.model()
