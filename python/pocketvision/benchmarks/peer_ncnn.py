"""ncnn as a peer: float32, float16 and bfloat16 storage, converted from ONNX by pnnx."""

from __future__ import annotations

import shutil
import subprocess
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .candidate import Absent, Candidate, Example, FirstFace, Runner, Sources
from .once import once

RUNTIME = "ncnn"

FIRST = """
import numpy, ncnn
net = ncnn.Net()
for option, value in {options!r}.items():
    setattr(net.opt, option, value)
net.load_param({param!r})
net.load_model({param!r}[:-5] + "bin")
extractor = net.create_extractor()
extractor.input(net.input_names()[0], ncnn.Mat(numpy.zeros((3, 112, 112), numpy.float32)))
numpy.array(extractor.extract(net.output_names()[0])[1])
"""

_HALF = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic")
_BFLOAT = ("use_bf16_packed", "use_bf16_storage")
PRECISIONS = {"float32": (), "float16": _HALF, "bfloat16": _BFLOAT}
"""Options that each precision switches on; all others of these lists are off."""


def convert(source: Path) -> Path:
    """Lets pnnx convert an ONNX file; returns the ``.param`` file, whose ``.bin`` lies beside.

    Raises Absent when pnnx is not installed or refuses the file.
    """
    home = find_spec("pnnx")
    if home is None or home.origin is None:
        raise Absent("its converter pnnx is not installed; pip install pnnx")
    program, param = Path(home.origin).with_name("pnnx"), _param(source)

    def make() -> None:
        shutil.copy(source, param.with_name("model.onnx"))
        done = subprocess.run(
            [program, "model.onnx", "fp16=0"],
            cwd=param.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Absent(f"pnnx could not convert {source.name}: {done.stderr.strip()[-200:]}")

    param.parent.mkdir(exist_ok=True)
    once([param], make)
    return param


def options(precision: str, winograd: bool) -> dict[str, int]:
    """Values for ``net.opt``: one thread, packed layouts and sgemm, in one of ``PRECISIONS``."""
    found = {"num_threads": 1, "use_vulkan_compute": False}
    found |= {"use_packing_layout": True, "use_sgemm_convolution": True}
    found |= {option: option in PRECISIONS[precision] for option in _HALF + _BFLOAT}
    return found | {"use_winograd_convolution": winograd}


def text(variant: str, winograd: bool) -> str:
    """A configuration in words."""
    return f"{variant}, Winograd {'on' if winograd else 'off'}"


def _param(source: Path) -> Path:
    return source.with_suffix(".ncnn.folder") / "model.ncnn.param"


def load(source: Path, precision: str, winograd: bool) -> Runner:
    """A net with ``options``."""
    import ncnn

    param = _param(source)
    net = ncnn.Net()
    for option, value in options(precision, winograd).items():
        if hasattr(net.opt, option):
            setattr(net.opt, option, value)
    if net.load_param(str(param)) or net.load_model(str(param.with_suffix(".bin"))):
        raise Absent(f"ncnn could not load the conversion of {source.name}")
    entry, leaving = net.input_names()[0], net.output_names()[0]

    def run(example: Example) -> Any:
        extractor = net.create_extractor()
        extractor.input(entry, ncnn.Mat(example.tensor[0]))
        return np.array(extractor.extract(leaving)[1]).ravel()

    return run


def candidates(sources: Sources) -> list[Candidate]:
    """Every float file in every precision, with and without Winograd convolutions.

    Its int8 needs a table from tools that its wheel does not bring, so int8 is not compared.
    """
    if find_spec("ncnn") is None:
        raise Absent("not installed; pip install ncnn")
    return [
        _candidate(precision, variant, path, winograd)
        for precision in PRECISIONS
        for variant, path in sources.floats
        for winograd in (True, False)
    ]


def _candidate(precision: str, variant: str, path: Path, winograd: bool) -> Candidate:
    program = FIRST.format(param=str(_param(path)), options=options(precision, winograd))
    first = FirstFace(program, ("ncnn",))
    return Candidate(
        RUNTIME,
        precision,
        text(variant, winograd),
        lambda: load(path, precision, winograd),
        first,
        convert=partial(convert, path),
    )
