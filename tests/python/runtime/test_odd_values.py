"""Odd values for every argument of every public function: an InputError with its name, or a result.

One table: a new public function, or a new argument, gets a line in ``CALLS``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pocketvision
from pocketvision import Embedder, InputError, Model, _runtime
from pocketvision.faces.gallery import firmware
from pocketvision.faces.template import ARCFACE_TEMPLATE
from pocketvision.runtime import shipped

TEMPLATE = np.array(ARCFACE_TEMPLATE)
CROPS = np.random.default_rng(1).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
ROWS = np.random.default_rng(2).normal(size=(4, 128)).astype(np.float32)


class Hostile:
    """An object whose every conversion fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    def __len__(self) -> int:
        raise RuntimeError("no length")


def misaligned(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same values one byte off."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    view = memory[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


ODD: dict[str, Any] = {
    "None": None, "True": True, "0": 0, "-1": -1, "10**400": 10**400, "-10**400": -(10**400),
    "10**5000": 10**5000, "2**64": 2**64, "nan": float("nan"), "inf": float("inf"),
    "-inf": -float("inf"), "1e308": 1e308, "complex": 1j, "text": "abc", "empty text": "",
    "nul": "a\0b", "surrogate": "\ud800", "bytes": b"abc", "bytearray": bytearray(300),
    "memoryview": memoryview(bytes(300)), "memoryview 2d": memoryview(np.zeros((4, 128))),
    "memoryview 4d": memoryview(CROPS), "list": [], "nested": [[[]]], "ragged": [[1, 2], [3]],
    "list of None": [None], "list of texts": ["1", "2"], "huge in list": [10**400, 1],
    "dict": {}, "set": {1}, "range": range(5), "generator": iter([1]), "object": object(),
    "hostile": Hostile(), "class": int, "module": np, "0-d": np.float32(1),
    "0-d array": np.array(1), "no rows": np.zeros((4, 0)),
    "empty": np.zeros((0, 128), np.float32), "empty crops": CROPS[:0],
    "objects": np.full((4, 128), None), "object numbers": np.ones((4, 128), object),
    "huge objects": np.array([10**400] * 128), "texts": np.array(["1"] * 128),
    "booleans": np.ones((4, 128), bool), "dates": np.zeros(128, "M8[s]"),
    "records": np.zeros(128, [("a", "f4")]), "float64 too large": np.full(128, 1e300),
    "longdouble": np.ones(128, np.longdouble), "half": np.ones(128, np.float16),
    "swapped": ROWS.astype(">f4"), "swapped row": ROWS[0].astype(">f8"), "back": ROWS[::-1, ::-1],
    "misaligned": misaligned(ROWS), "misaligned row": misaligned(ROWS[0]),
    "misaligned points": misaligned(TEMPLATE), "swapped points": TEMPLATE.astype(">f8"),
    "crops back": CROPS[::-1, :, ::-1], "crops transposed": CROPS.transpose(0, 3, 1, 2),
    "one crop back": CROPS[0, ::-1], "crops int8": CROPS.view(np.int8),
    "one int8 back": CROPS[0].view(np.int8)[:, ::-1], "fortran": np.asfortranarray(CROPS),
    "matrix of nan": np.full((4, 128), np.nan), "vast": np.broadcast_to(np.int8(1), (2**40,)),
    "vast rows": np.broadcast_to(np.float32(1), (2**33, 128)),
}  # fmt: skip


@pytest.fixture(scope="module")
def calls(model_file: Path) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Each public function with arguments that are right."""
    embedder, model = Embedder(model_file), Model(model_file)
    unit = embedder.embed(CROPS)
    stored = CROPS[0].view(np.int8)
    people = pocketvision.Gallery.in_memory(embedder)
    people.enrol("a", unit[0])
    data = firmware.FirmwareGallery(["a"], np.ones((1, 8), np.int8), "0" * 64)
    return {
        "align": (pocketvision.align, {"picture": CROPS[0], "landmarks": TEMPLATE,
                                       "size": (112, 112), "template": TEMPLATE}),
        "similarity": (pocketvision.similarity, {"a": unit, "b": unit[0]}),
        "verify": (pocketvision.verify, {"a": unit[0], "b": unit[1], "model": embedder,
                                         "far": 0.01}),
        "top_k": (pocketvision.top_k, {"query": unit[0], "gallery": unit, "k": 2}),
        "Embedder": (Embedder, {"model": model_file, "target": None, "threads": 1}),
        "embed": (embedder.embed, {"images": CROPS, "batch_size": 2}),
        "embed a picture": (embedder.embed, {"images": CROPS[0], "landmarks": TEMPLATE,
                                             "batch_size": 2}),
        "Model": (Model, {"model": model_file, "target": None}),
        "run": (model.run, {"data": stored, "dequantise": False}),
        "enrol": (people.enrol, {"name": "a", "embeddings": unit[0], "quality": None,
                                 "picture": None, "allow_duplicate": True}),
        "reject": (people.reject, {"name": "a", "embedding": -unit[0]}),
        "identify": (people.identify, {"embedding": unit, "threshold": 0.5}),
        "to_firmware": (people.to_firmware, {"per_person": 1}),
        "templates": (firmware.templates, {"embeddings": unit}),
        "FirmwareGallery": (firmware.FirmwareGallery, {"names": ["a"], "templates": data.templates,
                                      "source_sha256": "0" * 64}),
        "from_bytes": (firmware.FirmwareGallery.from_bytes, {"data": data.to_bytes()}),
        "find": (shipped.find, {"name": shipped.DEFAULT_MODEL, "target": None}),
        "resolve": (shipped.resolve, {"model": model_file, "target": None}),
    }  # fmt: skip


CALLS = [
    *((name, "landmarks") for name in ("align", "embed a picture")),
    *(("align", argument) for argument in ("picture", "size", "template")),
    *(("verify", argument) for argument in ("a", "b", "model", "far")),
    *(("top_k", argument) for argument in ("query", "gallery", "k")),
    *(("Embedder", argument) for argument in ("model", "target", "threads")),
    *(("embed", argument) for argument in ("images", "batch_size")),
    *(("FirmwareGallery", argument) for argument in ("names", "templates", "source_sha256")),
    *(("similarity", "a"), ("similarity", "b"), ("embed a picture", "images")),
    *(("Model", "model"), ("Model", "target"), ("run", "data"), ("run", "dequantise")),
    *(("templates", "embeddings"), ("from_bytes", "data"), ("find", "name"), ("find", "target")),
    *(("enrol", argument) for argument in ("name", "embeddings", "quality", "picture")),
    *(("reject", "name"), ("reject", "embedding"), ("identify", "embedding")),
    ("to_firmware", "per_person"),
    *(("resolve", "model"), ("resolve", "target")),
]
SAID = {
    **{"data": "inputs?|gallery", "name": "model", "names": "templates"},
    **{"images": "landmarks", "a": "b", "query": "gallery", "gallery": "k"},
}
"""What an error names besides: what the argument holds, or another that does not fit to it."""


def test_the_right_arguments_are_right(calls: Any) -> None:
    for name, (function, arguments) in calls.items():
        if name != "find" or shipped.shipped():
            function(**arguments)


@pytest.mark.parametrize(("name", "argument"), CALLS, ids=[f"{n} {a}" for n, a in CALLS])
def test_odd_values(calls: Any, name: str, argument: str) -> None:
    function, arguments = calls[name]
    word = f"({argument}|{SAID.get(argument, argument)})"
    wrong = []
    for label, value in ODD.items():
        try:
            function(**{**arguments, argument: value})
        except InputError as error:
            text = str(error)
            if not re.match(word, text) or len(text) > 500 or "\n" in text:
                wrong.append(f"{label}: {text}")
        except FileNotFoundError as error:
            path = value[0] if isinstance(value, list) else value
            if argument not in ("model", "images") or not isinstance(path, str):
                wrong.append(f"{label}: {error}")
        except Exception as error:
            wrong.append(f"{label}: {type(error).__name__}")
    assert wrong == []


@settings(max_examples=150, deadline=None)
@given(
    dtype=st.sampled_from(["<f2", ">f4", "<f4", "<f8", ">i2", "<u8", "i1"]),
    seed=st.integers(0, 99),
    offset=st.integers(0, 3),
    steps=st.tuples(*[st.sampled_from([-2, -1, 1, 2])] * 2),
)  # fmt: skip
def test_views_give_the_values_that_they_show(dtype: str, seed: int, offset: int, steps: Any):
    """Results of arrays that lie anyhow in memory are those of dense copies."""
    values = np.random.default_rng(seed).integers(1, 100, (6, 8)).astype(dtype)
    memory = np.zeros(values.nbytes + offset, np.uint8)
    view = memory[offset:].view(dtype).reshape(6, 8)
    view[...] = values
    view = view[:: steps[0], :: steps[1]]
    dense = np.array(view, np.float32)
    np.testing.assert_array_equal(
        pocketvision.similarity(view, view), pocketvision.similarity(dense, dense)
    )
    found = pocketvision.top_k(view[0], view, 2)
    np.testing.assert_array_equal(found[0], pocketvision.top_k(dense[0], dense, 2)[0])
    np.testing.assert_array_equal(firmware.templates(view), firmware.templates(dense))


@pytest.mark.parametrize(
    "kind", ["Library", "Session", "Workers", "Tensor", "PixelTables", "Finder"]
)
def test_objects_without_content(model_file: Path, kind: str) -> None:
    """``Class.__new__(Class)``: what pybind11 makes of it would be read as it lies in memory."""
    empty = getattr(_runtime, kind).__new__(getattr(_runtime, kind))
    library = _runtime.Library(str(model_file))
    tables = _runtime.PixelTables(library.inputs[0], [0.0] * 3, [1.0] * 3, False)
    workers = _runtime.Workers(library, 1)
    message = f"{kind}: expected an object whose __init__ has run, got an empty one"
    attempts: list[Callable[[], Any]] = {
        "Library": [lambda: empty.target, lambda: empty.inputs, lambda: empty.outputs,
                    lambda: empty.record, lambda: empty.arena_bytes, lambda: empty.source_sha256,
                    lambda: _runtime.Session(empty), lambda: _runtime.Workers(empty, 1)],
        "Session": [lambda: empty.run([])],
        "Finder": [lambda: empty.decode([], 1)],
        "Workers": [lambda: empty.embed(CROPS, tables, 0)],
        "Tensor": [lambda: empty.name, lambda: empty.shape, lambda: repr(empty),
                   lambda: _runtime.PixelTables(empty, [0.0] * 3, [1.0] * 3, False)],
        "PixelTables": [lambda: empty.apply(CROPS[0]), lambda: workers.embed(CROPS, empty, 0)],
    }[kind]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(InputError, match=message):
            attempt()


@pytest.mark.parametrize("library", [None, 3, "x", object()])
def test_no_library(library: Any) -> None:
    for kind in (lambda: _runtime.Session(library), lambda: _runtime.Workers(library, 1)):
        with pytest.raises(InputError, match="^library: expected an open Library, got "):
            kind()


def test_arrays_that_c_could_not_read(model_file: Path) -> None:
    """The extension's own checks, which nothing of Python comes before."""
    row, rows = ROWS[0], ROWS
    for bad in (row.astype(">f4"), misaligned(row), rows[:, 0], row[::-1], row.astype(object)):
        with pytest.raises(InputError, match="^a: expected a dense, aligned float32 array"):
            _runtime.cosine(bad, row)
    session = _runtime.Session(_runtime.Library(str(model_file)))
    stored = CROPS[0].view(np.int8)
    for data in (stored[::-1], stored[None], stored.astype(object), stored.view(np.uint8)):
        with pytest.raises(InputError, match="^input 'input': expected a dense, aligned int8"):
            session.run([data])
    with pytest.raises(InputError, match="^inputs: expected 1 arrays, got 2"):
        session.run([stored, stored])
