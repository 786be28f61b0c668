"""Fixtures of all tests: models compiled from C, records, pictures, and when markers skip."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# A process a core: more threads of BLAS or OpenMP would wait for each other, at full load. Tests
# of threads name their own number. Libraries read these when they are loaded, so: before numpy.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import xxhash  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
MakeModel = Callable[..., Path]

LONG = (
    "tests/compile/test_networks.py",
    "tests/docs/test_own.py",
    "tests/compile/tune/test_tune.py",
    "tests/compile/test_zoo.py",
    "tests/compile/test_random_networks.py",
    "tests/training/train/faces/test_loop.py",
    "tests/training/search/blockwise/test_search.py",
    "tests/training/evaluate/faces/test_lfw.py",
    "tests/firmware/test_counts.py",
    "tests/training/quantize/test_quantize.py",
)
"""Files of few tests that take long, the longest first: where processes share whole files, none of
these may be the last that one of them works on alone."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot run, and long tests that -m does not name."""
    if hasattr(config, "workerinput"):
        items.sort(key=_turns(items))
    named = str(config.option.markexpr)
    data = os.environ.get("POCKETVISION_DATA", "")
    tools = ("aarch64-linux-gnu-gcc", "qemu-aarch64")
    absent = [tool for tool in tools if shutil.which(tool) is None]
    for item in items:
        if item.get_closest_marker("shared") and not Path(data or os.devnull).is_dir():
            item.add_marker(pytest.mark.skip(reason="POCKETVISION_DATA names no folder"))
        long = [mark for mark in ("deep", "full") if item.get_closest_marker(mark)]
        if long and not any(mark in named for mark in (*long, "full")):
            item.add_marker(pytest.mark.skip(reason="long; run by make test-full"))
        if item.get_closest_marker("qemu") and absent:
            item.add_marker(pytest.mark.skip(reason=f"not installed: {', '.join(absent)}"))


def _turns(items: list[pytest.Item]) -> Callable[[pytest.Item], tuple[int, int, str]]:
    """The order in which processes take files: ``LONG``, then those of most tests."""
    counts = Counter(item.nodeid.partition("::")[0] for item in items)

    def turn(item: pytest.Item) -> tuple[int, int, str]:
        file = item.nodeid.partition("::")[0]
        return LONG.index(file) if file in LONG else len(LONG), -counts[file], file

    return turn


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of evaluation data, for tests with the marker ``shared``."""
    return Path(os.environ["POCKETVISION_DATA"])


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty folder on a file system of its own that has room for 32 KiB."""
    place = tmp_path / "full"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="session")
def record_values() -> dict[str, Any]:
    """JSON data of a valid record of the fixture model."""
    return {
        "name": "fixture",
        "tag": "sums.v1",
        "task": "face-embedding",
        "preprocess": {
            "size": [112, 112],
            "colour": "RGB",
            "mean": [127.5, 127.5, 127.5],
            "std": [127.5, 127.5, 127.5],
            "template": [
                [38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366],
                [41.5493, 92.3655], [70.7299, 92.2041],
            ],
        },
        "embedding": 128,
        "thresholds": [
            {"far": 0.01, "threshold": 0.25, "dataset": "noise", "protocol": "all pairs"},
            {"far": 0.001, "threshold": 0.5, "dataset": "noise", "protocol": "all pairs"},
        ],
    }  # fmt: skip


def sealed(content: bytes) -> bytes:
    """A model file with the digest that the compiler would write, in place of the one it has."""
    if content[-32:-24] == b"PVDIGEST":
        content = content[:-32]
    digest = xxhash.xxh64_intdigest(content)
    return content + struct.pack("<8sQQQ", b"PVDIGEST", len(content), digest, 0)


@pytest.fixture(scope="session")
def seal() -> Callable[[bytes], bytes]:
    """``sealed``, for tests of files that are hostile and not only damaged."""
    return sealed


@pytest.fixture(scope="session")
def make_model(
    tmp_path_factory: pytest.TempPathFactory, record_values: dict[str, Any]
) -> MakeModel:
    """Compile the hand-written model: ``make_model(FEATURES=512, RECORD={...})`` -> path of .so."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("models")
    made: dict[str, Path] = {}

    def make(*, cc: str = compiler, name: str = "fixture", **values: Any) -> Path:
        record = values.pop("RECORD", record_values)
        if not isinstance(record, str):
            record = json.dumps(record, sort_keys=True)
        values["RECORD"] = json.dumps(record)
        defines = sorted(f"-D{key}={value}" for key, value in values.items())
        key = " ".join([cc, name, *defines])
        if key not in made:
            path = folder / f"{name}-{len(made)}.so"
            subprocess.run(
                [cc, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-s",
                 f"-I{ROOT / 'csrc' / 'include'}", *defines,
                 str(ROOT / "tests" / "csrc" / "fixture_model.c"), "-o", str(path)],
                check=True,
            )  # fmt: skip
            path.write_bytes(sealed(path.read_bytes()))
            made[key] = path
        return made[key]

    return make


@pytest.fixture(scope="session")
def model_file(make_model: MakeModel) -> Path:
    """A valid compiled model: 112x112x3 int8 to 128 int8."""
    return make_model()


@pytest.fixture
def crops() -> np.ndarray[Any, Any]:
    """Eight different uint8 crops (8, 112, 112, 3) of noise."""
    return np.random.default_rng(7).integers(0, 256, (8, 112, 112, 3), dtype=np.uint8)
