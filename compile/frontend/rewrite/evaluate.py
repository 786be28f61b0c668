"""One operator on constants, computed by the standard's own reference implementation."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .draft import DEFAULT, SMALL, Draft, first_line

MOST = 2**27
"""Numbers of a constant that folding makes; the largest layer of VGG has 103 million."""

RANDOM = (
    "Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
    "RandomUniformLike",
)  # fmt: skip
"""Operators whose results differ from run to run, or by mode."""


def can_fold(node: onnx.NodeProto) -> bool:
    """Whether the operator is one that gives the same result each time it is run."""
    return (
        node.domain in DEFAULT
        and node.op_type not in RANDOM
        and not any(a.HasField("g") or a.graphs for a in node.attribute)
    )


def evaluate(draft: Draft, node: onnx.NodeProto, inputs: list[np.ndarray | None]) -> list:
    """The node's results for these inputs; an absent input is None.

    Raises:
        CompileError: the operator cannot be computed, or its result is out of all proportion.
    """
    from onnx.reference import ReferenceEvaluator  # only files that need folding pay for it

    given = {name: x for name, x in zip(node.input, inputs, strict=True) if x is not None}
    _check_size(draft, node, given)
    model = _alone(draft, node, given, [])
    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(model).run(None, given)
    except Exception as error:  # any operator on any values
        raise draft.error(
            node, f"cannot be computed from its constants ({first_line(error)}); export it anew"
        ) from error
    return [np.asarray(result) for result in results]


def _check_size(draft: Draft, node: onnx.NodeProto, given: dict[str, np.ndarray]) -> None:
    known = [numpy_helper.from_array(x, n) for n, x in given.items() if x.size <= SMALL]
    try:
        model = onnx.shape_inference.infer_shapes(
            _alone(draft, node, given, known), strict_mode=True, data_prop=True
        )
    except Exception as error:  # onnx raises types of its own
        raise draft.error(node, f"is not valid ({first_line(error)}); export it anew") from error
    for value in model.graph.output:
        sizes = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        if math.prod(sizes) > MOST:
            raise draft.error(
                node,
                f"makes a constant of shape {sizes}, the most is {MOST:,} numbers; export a "
                "smaller network",
            )


def _alone(
    draft: Draft, node: onnx.NodeProto, given: dict[str, np.ndarray], held: list
) -> onnx.ModelProto:
    """A model of this one node."""
    names = {tensor.name for tensor in held}
    free = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for name, x in given.items()
        if name not in names
    ]
    results = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "one", free, results, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", draft.opset)])
