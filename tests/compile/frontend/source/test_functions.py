"""Functions of the model file are written out where they are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import helper

from pocketvision.compile import CompileError
from pocketvision.compile.frontend.normalise import normalise

from ..small import kinds, model, node, same, saved

OWN = "my.functions"


def function(name: str, *nodes, opset: int = 21):
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(OWN, 1)]
    return helper.make_function(OWN, name, ["a"], ["b"], list(nodes), opsets)


def with_functions(*functions):
    made = model([node("Outer", ["x"], ["y"], domain=OWN)])
    made.opset_import.append(helper.make_opsetid(OWN, 1))
    made.functions.extend(functions)
    return made


def test_functions_of_functions(tmp_path: Path) -> None:
    made = with_functions(
        function("Outer", node("Relu", ["a"], ["c"]), node("Inner", ["c"], ["b"], domain=OWN)),
        function("Inner", node("Sigmoid", ["a"], ["b"])),
    )
    after = same(tmp_path, made)
    assert kinds(after) == ["Relu", "Sigmoid"]
    assert {entry.domain for entry in after.opset_import} == {""}


def test_functions_that_call_themselves(tmp_path: Path) -> None:
    made = with_functions(
        function("Outer", node("Inner", ["a"], ["b"], domain=OWN)),
        function("Inner", node("Outer", ["a"], ["b"], domain=OWN)),
    )
    with pytest.raises(CompileError, match="small.onnx: .*(itself|ecursive)"):
        normalise(saved(tmp_path, made))
