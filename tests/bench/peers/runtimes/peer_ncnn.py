"""ncnn as a peer: float32, float16, bfloat16 and int8, converted from ONNX by pnnx."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketvision.bench.start import FirstFace

from ..candidate import Absent, Bound, Candidate, Example, Runner, Sources
from ..networks.once import once

RUNTIME = "ncnn"

TOOLS = ("ncnn2table", "ncnn2int8")
"""Programs that measure activations, then write the int8 net."""

PATIENCE = 300
"""Seconds after which a conversion counts as refused."""

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
_INT8 = ("use_int8_inference", "use_int8_packed", "use_int8_storage", "use_int8_arithmetic")
PRECISIONS = {
    "float32": (),
    "float16": _HALF,
    "bfloat16": _BFLOAT,
    "int8": (*_INT8, *_HALF),
}
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
        _run([str(program), "model.onnx", "fp16=0"], param.parent, source)

    param.parent.mkdir(exist_ok=True)
    once([param], make)
    return param


def quantise(source: Path, calibration: Path) -> Path:
    """The int8 form that ncnn's own tools make of a float ONNX file; made once.

    Raises Absent where the tools are not on the PATH: ncnn's wheel does not bring them.
    """
    tools = [shutil.which(name) for name in TOOLS]
    if None in tools:
        raise Absent(
            f"its quantiser {' and '.join(TOOLS)} is in no wheel; build ncnn with "
            "NCNN_BUILD_TOOLS=ON and put both programs on the PATH"
        )
    table, quantiser = (str(tool) for tool in tools)
    param, out = convert(source), _int8_param(source)

    def make() -> None:
        folder, floats = param.parent, [param.name, f"{param.stem}.bin"]
        listed, options = _pictures(np.load(calibration), folder)
        _run([table, *floats, listed, "model.table", *options, "method=kl"], folder, source)
        pair = [out.name, f"{out.stem}.bin"]
        _run([quantiser, *floats, *pair, "model.table"], folder, source)

    once([out], make)
    return out


def _pictures(faces: NDArray[np.float32], folder: Path) -> tuple[str, list[str]]:
    """Faces (N, 3, H, W) as the PNG files that the tool reads: their list, and its options.

    8 bits a channel span the values of the faces, which were 8 bits before they were normalised.
    """
    from PIL import Image

    low, high = float(faces.min()), float(faces.max())
    step = max(high - low, 1e-6) / 255
    pixels = np.rint((faces - low) / step).astype(np.uint8).transpose(0, 2, 3, 1)
    for index, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"face{index}.png")
    names = "".join(f"face{index}.png\n" for index in range(len(pixels)))
    (folder / "faces.txt").write_text(names, encoding="utf-8")
    mean, norm = ",".join([f"{-low / step:.6f}"] * 3), ",".join([f"{step:.9f}"] * 3)
    shape = f"shape=[{pixels.shape[2]},{pixels.shape[1]},3]"
    return "faces.txt", [f"mean=[{mean}]", f"norm=[{norm}]", shape, "pixel=RGB", "thread=1"]


def _run(command: list[str], folder: Path, source: Path) -> None:
    """A converter in ``folder``; Absent with its last words where it fails or takes too long."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise Absent(f"{source.name} was not converted in {PATIENCE} s") from error
    if done.returncode:
        name = Path(command[0]).name
        raise Absent(f"{name} could not convert {source.name}: {done.stderr.strip()[-200:]}")


def options(precision: str, winograd: bool) -> dict[str, int]:
    """Values for ``net.opt``: one thread, packed layouts and sgemm, in one of ``PRECISIONS``."""
    found = {"num_threads": 1, "use_vulkan_compute": False}
    found |= {"use_packing_layout": True, "use_sgemm_convolution": True}
    every = (*_HALF, *_BFLOAT, *_INT8)
    found |= {option: option in PRECISIONS[precision] for option in every}
    return found | {"use_winograd_convolution": winograd}


def text(variant: str, winograd: bool) -> str:
    """A configuration in words."""
    return f"{variant}, Winograd {'on' if winograd else 'off'}"


def _param(source: Path) -> Path:
    return source.with_suffix(".ncnn.folder") / "model.ncnn.param"


def _int8_param(source: Path) -> Path:
    return _param(source).with_name("model.int8.param")


def load(source: Path, precision: str, winograd: bool) -> Runner:
    """A net with ``options``; its input lies in memory that the runtime reads without a copy."""
    import ncnn

    param = _int8_param(source) if precision == "int8" else _param(source)
    net = ncnn.Net()
    for option, value in options(precision, winograd).items():
        if hasattr(net.opt, option):
            setattr(net.opt, option, value)
    if net.load_param(str(param)) or net.load_model(str(param.with_suffix(".bin"))):
        raise Absent(f"ncnn could not load the conversion of {source.name}")
    entry, leaving = net.input_indexes()[0], net.output_indexes()[0]
    found: list[Any] = []

    def bind(example: Example) -> Bound:
        picture = np.ascontiguousarray(example.tensor[0])
        mat = ncnn.Mat(picture)  # without a copy: ``kept`` holds the memory

        def run(kept: object = picture) -> None:
            extractor = net.create_extractor()
            extractor.input(entry, mat)
            found[:] = [extractor.extract(leaving)[1]]

        return Bound(run, lambda: np.array(found[0]).ravel())

    return bind


def candidates(sources: Sources) -> list[Candidate]:
    """Every float file in every precision, with and without Winograd; int8 by ncnn's own tools."""
    if find_spec("ncnn") is None:
        raise Absent("not installed; pip install ncnn")
    return [
        _candidate(precision, variant, path, winograd, sources.calibration)
        for precision in PRECISIONS
        for variant, path in sources.floats
        # Norms that are still in the graph as exported stay float and would only cost it time.
        if precision != "int8" or (sources.calibration and not variant.startswith("exported"))
        for winograd in (True, False)
    ]


def _candidate(
    precision: str, variant: str, path: Path, winograd: bool, calibration: Path | None
) -> Candidate:
    param = _int8_param(path) if precision == "int8" else _param(path)
    make: Callable[[], object] = partial(convert, path)
    if precision == "int8" and calibration is not None:
        make = partial(quantise, path, calibration)
    program = FIRST.format(param=str(param), options=options(precision, winograd))
    return Candidate(
        RUNTIME,
        precision,
        text(variant, winograd),
        lambda: load(path, precision, winograd),
        FirstFace(program, ("ncnn",)),
        convert=make,
    )
