"""What an import costs: no heavy package, little time, and only public names."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

import pocketvision
from pocketvision.cli import VERBS


def python(code: str) -> str:
    """Output of a fresh interpreter."""
    return subprocess.check_output([sys.executable, "-c", code], text=True)


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import pocketvision, sys; pocketvision.Embedder; pocketvision.verify\n"
        "import pocketvision.cli\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    heavy = {"torch", "tvm", "tvm_ffi", "onnx", "onnxruntime", "PIL", "sklearn", "scipy"}
    assert not heavy & set(python(code).split())


def test_the_first_face_imports_little() -> None:
    """Each of these costs more than a face does, and none is needed for one."""
    code = (
        "import numpy, sys, pocketvision.faces.embedder, pocketvision.faces.compare\n"
        "print(*sys.modules)"
    )
    costly = {"numpy.typing", "concurrent.futures", "sqlite3", "csv", "logging", "tempfile"}
    assert not costly & set(python(code).split())


def test_import_takes_little_more_than_numpy() -> None:
    def seconds(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        python(code)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    # Interleaved, and the least of each: other work on the machine only ever adds.
    ours, base = zip(
        *((seconds("import numpy, pocketvision"), seconds("import numpy")) for _ in range(9)),
        strict=True,
    )
    assert min(ours) - min(base) < 0.05


def test_public_names() -> None:
    for name in pocketvision.__all__:
        assert getattr(pocketvision, name) is not None
    assert set(pocketvision.__all__) == set(pocketvision._HOMES) <= set(dir(pocketvision))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = pocketvision.Nothing


def test_a_verb_imports_no_other() -> None:
    """Nor the decoders of formats that no picture here has."""
    code = (
        "import sys; from pocketvision.cli import build_parser; build_parser('use.identify')\n"
        "print(*sys.modules)"
    )
    verbs = {f"pocketvision.cli.{name}" for group in VERBS.values() for name in group}
    assert verbs & set(python(code).split()) == {"pocketvision.cli.use.identify"}


def test_a_name_imports_little() -> None:
    """What changes a gallery, turns pictures or decodes other formats waits for its use."""
    code = (
        "import io, sys, numpy, pocketvision; from PIL import Image\n"
        "file = io.BytesIO(); Image.new('RGB', (8, 8)).save(file, 'JPEG')\n"
        "pocketvision.Faces, pocketvision.Gallery\n"
        "pocketvision.read_picture(file.getvalue())\n"
        "print(*sys.modules)"
    )
    modules = ("compare", "gallery.enrolling", "gallery.key")
    unused = {f"pocketvision.faces.{name}" for name in modules}
    unused |= {f"PIL.{name}" for name in ("ImageOps", "WebPImagePlugin", "TiffImagePlugin")}
    unused |= {"csv", "numpy.typing", "pathlib"}
    assert not unused & set(python(code).split())
