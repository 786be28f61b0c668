"""What each part imports is what the extra brings that users of the part are told to install."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IMPORTED_AS = {
    "apache-tvm": "tvm",
    "apache-tvm-ffi": "tvm_ffi",
    "pillow": "PIL",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
}
RUNTIME = [
    *(
        f"python/pocketvision/{room}"
        for room in ("record", "runtime", "faces", "clips", "cli/use", "cli/watching", "cli/check")
    ),
    *(f"python/pocketvision/{file}.py" for file in ("__init__", "errors", "files")),
    *(
        f"python/pocketvision/cli/{file}.py"
        for file in (
            *(
                "__init__",
                "common",
                "draw",
                "extras",
                "folders",
                "galleries",
                "photos",
                "sheet",
                "text",
            ),
        )
    ),
]

OPTIONAL = {"compile/frontend/file_run.py: onnxruntime"}
"""Imports that a part does without where the package is absent, and says so."""

NUMPY_2 = re.compile(
    "a(cos|sin|tan)h?|astype|atan2|bitwise_(count|invert|left_shift|right_shift)|bool|concat|"
    "cumulative_(prod|sum)|isdtype|u?long|matrix_transpose|matvec|permute_dims|pow|strings|"
    "trapezoid|unique_(all|counts|inverse|values)|unstack|vecdot|vecmat"
)
"""What numpy 1.26, the oldest that the runtime takes, lacks."""


def names(requirements: list[str]) -> Iterator[str]:
    """The modules that requirements bring, those of our own extras included."""
    for requirement in requirements:
        own = re.fullmatch(r"pocketvision\[(.+)\]", requirement)
        if own:
            for extra in own[1].split(","):
                yield from brought(extra)
        else:
            name = re.match(r"[\w-]+", requirement)
            assert name
            yield IMPORTED_AS.get(name[0], name[0].replace("-", "_"))


def brought(extra: str) -> set[str]:
    """The modules of the package with an extra."""
    project: dict[str, Any] = PROJECT["project"]
    return {*names(project["dependencies"]), *names(project["optional-dependencies"][extra])}


def trees(place: str) -> Iterator[tuple[Path, ast.Module]]:
    """Every Python file of a folder, or the one file, parsed."""
    path = ROOT / place
    for file in path.rglob("*.py") if path.is_dir() else [path]:
        yield file, ast.parse(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("places", "extras"),
    [
        (RUNTIME, ("image", "gallery", "plot", "groups", "video", "index", "server", "bulk")),
        (["compile", "python/pocketvision/cli/compile"], ("compile",)),
        (["training", "python/pocketvision/cli/train"], ("training", "cluster", "video")),
        (["python/pocketvision/demo"], ("demo",)),
    ],
)
def test_an_extra_brings_what_its_part_imports(places: list[str], extras: tuple[str, ...]) -> None:
    known = set().union(*map(brought, extras)) | sys.stdlib_module_names | {"pocketvision"}
    missing = {
        f"{file.relative_to(ROOT)}: {name}"
        for place in places
        for file, tree in trees(place)
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom) and not node.level and node.module
            else []
        )
        if name.partition(".")[0] not in known
    }
    assert missing <= OPTIONAL


def test_the_road_from_training_to_a_compiled_model_needs_one_extra() -> None:
    assert brought("compile") | brought("image") <= brought("training")


def test_make_run_leaves_a_compiler_that_works() -> None:
    rule = (ROOT / "Makefile").read_text().partition("demo.stamp: ")[2]
    installed = re.search(r"-e '\.\[([\w,]+)\]'", rule)
    assert installed and {"demo", "compile"} <= set(installed[1].split(","))


def test_the_runtime_is_content_with_old_numpy() -> None:
    assert "numpy>=1.26,<3" in PROJECT["project"]["dependencies"]
    used = {
        f"{file.relative_to(ROOT)}: np.{node.attr}"
        for place in [*RUNTIME, "compile"]
        for file, tree in trees(place)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and NUMPY_2.fullmatch(node.attr)
        if isinstance(node.value, ast.Name) and node.value.id == "np"
    }
    assert not used
