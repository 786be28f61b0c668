"""The file that was checked is the one that runs, whatever happens to its path meanwhile."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import Model, ModelFileError

ZEROS = np.zeros((112, 112, 3), np.int8)


def first(model: Model) -> int:
    """The first value of the result on zeros: of ``another`` its zero point."""
    result = model.run(ZEROS)
    assert isinstance(result, np.ndarray)
    return int(result.flat[0])


@pytest.fixture
def another(make_model: Any) -> Any:
    """A model that gives this number for zeros."""
    return lambda n: make_model(RUN="run_zeros", ZERO_POINT=n).read_bytes()


@pytest.mark.parametrize("in_place", [True, False])
def test_a_replaced_file_is_opened_anew(tmp_path: Path, another: Any, in_place: bool) -> None:
    """Also when it is overwritten under an open model, whose code must not change or vanish."""
    path = tmp_path / "model.so"
    models = []
    for n in (3, 4, 5, -6):
        if in_place:
            path.write_bytes(another(n))
        else:
            (tmp_path / "new").write_bytes(another(n))
            os.replace(tmp_path / "new", path)
        models.append(Model(path))
        assert [first(model) for model in models] == [3, 4, 5, -6][: len(models)]
    path.write_bytes(b"")
    assert [first(model) for model in models] == [3, 4, 5, -6]
    with pytest.raises(ModelFileError):
        Model(path)


def test_files_opened_in_turn_and_at_once_are_never_mistaken(tmp_path: Path, another: Any) -> None:
    paths = []
    for n in range(8):
        paths.append(tmp_path / f"{n}.so")
        paths[-1].write_bytes(another(n + 1))
    random = np.random.default_rng(3)
    held: list[tuple[int, Model]] = []
    for n in map(int, random.integers(0, 8, 400)):
        assert first(Model(paths[n])) == n + 1  # closed at once: its descriptor is free again
        held.append((n, Model(paths[n])))
        if len(held) > 5:
            held.pop(int(random.integers(0, 6)))
        assert all(first(model) == k + 1 for k, model in held)


def test_many_threads_open_and_close(tmp_path: Path, another: Any) -> None:
    paths = []
    for n in range(4):
        paths.append(tmp_path / f"{n}.so")
        paths[-1].write_bytes(another(n + 1))
    wrong = []

    def work(seed: int) -> None:
        for n in map(int, np.random.default_rng(seed).integers(0, 4, 100)):
            if first(Model(paths[n])) != n + 1:
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_library_that_outlives_its_descriptor(tmp_path: Path, another: Any) -> None:
    """A daemon closes all descriptors, and the next model gets the number of one that is linked."""
    code = (
        "import os, sys, numpy\n"
        "from pocketvision import Model\n"
        "zeros = numpy.zeros((112, 112, 3), numpy.int8)\n"
        "a = Model(sys.argv[1]); os.closerange(3, 64); b = Model(sys.argv[2])\n"
        "print(a.run(zeros).flat[0], b.run(zeros).flat[0])\n"
        "file = os.open(sys.argv[1], os.O_RDONLY); del a; os.fstat(file)"
    )
    for n in (1, 2):
        (tmp_path / f"{n}.so").write_bytes(another(n))
    command = [sys.executable, "-c", code, tmp_path / "1.so", tmp_path / "2.so"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1 2\n", "")


def test_descriptors_are_closed(model_file: Path, tmp_path: Path, another: Any) -> None:
    (tmp_path / "damaged.so").write_bytes(another(1)[:-1])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        Model(model_file)
        with pytest.raises(ModelFileError):
            Model(tmp_path / "damaged.so")
    assert len(os.listdir("/proc/self/fd")) == before
    kept = Model(model_file)
    assert len(os.listdir("/proc/self/fd")) == before + 1 and first(kept) == 0


def test_no_descriptor_is_left(model_file: Path) -> None:
    """One for the file, and none for its copy in memory: the file itself is linked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files: list[int] = []
    # Above what earlier tests of this process have left open.
    limit = max(map(int, os.listdir("/proc/self/fd"))) + 16
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        while True:
            files.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        assert error.errno == errno.EMFILE
    try:
        with pytest.raises(ModelFileError, match="the file cannot be read .Too many open files"):
            Model(model_file)
        os.close(files.pop())
        os.close(files.pop())
        os.close(files.pop())
        assert first(Model(model_file)) == 0
    finally:
        for file in files:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_path_with_a_nul(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="model: expected the name"):
        Model(str(tmp_path / "a\0b.so"))


SHIM = {
    "memfd_create": "int memfd_create(const char *n, unsigned f) { errno = EACCES; return -1; }",
    "proc": "int access(const char *p, int m) { errno = ENOENT; return -1; }",
}
"""What systems do that link no file in memory."""


@pytest.mark.parametrize("absent", SHIM)
def test_without_files_in_memory(tmp_path: Path, another: Any, absent: str) -> None:
    """The file itself is linked, right after the same check."""
    shim, path, damaged = (tmp_path / name for name in ("shim.so", "model.so", "damaged.so"))
    (tmp_path / "shim.c").write_text(f"#include <errno.h>\n{SHIM[absent]}\n")
    subprocess.run(["cc", "-shared", "-fPIC", tmp_path / "shim.c", "-o", shim], check=True)
    content = another(7)
    path.write_bytes(content)
    damaged.write_bytes(content[:3000] + bytes([content[3000] ^ 1]) + content[3001:])
    code = (
        "import sys, numpy\n"
        "from pocketvision import Model, ModelFileError\n"
        "model = Model(sys.argv[1])\n"
        "print(model.run(numpy.zeros((112, 112, 3), numpy.int8)).flat[0])\n"
        "print(sys.argv[1] in open('/proc/self/maps').read())\n"
        "try: Model(sys.argv[2])\n"
        "except ModelFileError as error: print('digest does not match' in str(error))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path, damaged], capture_output=True, text=True, check=False,
        env={**os.environ, "LD_PRELOAD": str(shim)},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("7\nTrue\nTrue\n", "")
