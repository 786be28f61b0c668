"""Embedder on several threads: equal bytes, refusals, interrupts, fork, idleness, start and end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import Embedder, InputError, RunError
from pocketvision.faces.template import ARCFACE_TEMPLATE
from pocketvision.runtime import shipped as models

Array = np.ndarray[Any, Any]


@pytest.fixture
def many(crops: Array) -> Array:
    """Forty crops (40, 112, 112, 3), no two alike."""
    return np.concatenate([np.roll(crops, shift, axis=1) for shift in range(5)])


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [1, 7, 40])
def test_the_bytes_do_not_depend_on_threads_or_batches(
    model_file: Path, many: Array, threads: int, count: int
) -> None:
    wanted = np.concatenate([Embedder(model_file).embed(crop) for crop in many[:count]])
    embedder = Embedder(model_file, threads=threads)
    for batch_size in (1, 3, 32, 1000):
        result = embedder.embed(many[:count], batch_size=batch_size)
        assert result.tobytes() == wanted.tobytes()
    assert embedder.embed(list(many[:count])).tobytes() == wanted.tobytes()


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_faces_of_a_picture(model_file: Path, threads: int) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    landmarks = [np.array(ARCFACE_TEMPLATE) * (1 + i / 20) + i for i in range(30)]
    wanted = Embedder(model_file).embed(picture, landmarks)
    embedder = Embedder(model_file, threads=threads)
    for batch_size in (4, 32):
        result = embedder.embed(picture, landmarks, batch_size=batch_size)
        assert result.tobytes() == wanted.tobytes()


@pytest.mark.skipif(not models.shipped(), reason="this installation was built without models")
def test_a_shipped_model(many: Array) -> None:
    wanted = Embedder().embed(many[:9])
    assert Embedder(threads=2).embed(many[:9]).tobytes() == wanted.tobytes()


@pytest.mark.parametrize("threads", [0, -1, 257, 10**30, 1.5, 2.0, "2", None, True])
def test_refuses_numbers_of_threads(model_file: Path, threads: Any) -> None:
    message = f"threads: expected an integer from 1 to 256, got {threads!r}. More than"
    with pytest.raises(InputError, match=re.escape(message)):
        Embedder(model_file, threads=threads)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_the_first_face_that_fails_is_named(make_model: Any, many: Array, threads: int) -> None:
    embedder = Embedder(make_model(RUN="run_picky"), threads=threads)
    many[:, 0, 0, 0] = 200
    wanted = embedder.embed(many)
    many[[21, 22, 39], 0, 0, 0] = 0
    for batch_size in (5, 32):
        with pytest.raises(RunError, match="^face 21: the model reported a failure"):
            embedder.embed(many, batch_size=batch_size)
    assert embedder.embed(many[:21]).tobytes() == wanted[:21].tobytes()
    landmarks = np.stack([np.array(ARCFACE_TEMPLATE)] * 12)
    landmarks[[9, 11]] = 3.0
    with pytest.raises(InputError, match="^landmarks of face 9: the points coincide"):
        embedder.embed(many[0], landmarks, batch_size=4)
    with pytest.raises(InputError, match="at least one face"):
        embedder.embed([])


def test_calls_at_the_same_time(model_file: Path, many: Array) -> None:
    embedder = Embedder(model_file, threads=2)
    wanted = embedder.embed(many)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda i: embedder.embed(many[i : i + 4]), list(range(36)) * 3))
    for i, result in enumerate(results):
        assert result.tobytes() == wanted[i % 36 : i % 36 + 4].tobytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_ends_a_batch_with_the_face_at_hand(
    make_model: Any, many: Array, threads: int
) -> None:
    # A shell's background jobs ignore the signal, and Python then leaves it so.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    embedder = Embedder(make_model(RUN="run_slow"), threads=threads)  # 20 ms a face
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.1, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        embedder.embed(np.concatenate([many] * 5), batch_size=200)
    # One face and what a busy machine adds; the batch has 200.
    assert time.monotonic() - sent[0] < 0.5
    timer.join()
    signal.signal(signal.SIGINT, before)
    assert embedder.embed(many[:3]).shape == (3, 128)


def child_embeds(embedder: Embedder, crops: Array, wanted: Array) -> bool:
    """Whether a forked child gets the same bytes; a deadlock kills it after 20 seconds."""
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        os._exit(0 if embedder.embed(crops).tobytes() == wanted.tobytes() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_forked_child_embeds(model_file: Path, many: Array) -> None:
    embedder = Embedder(model_file, threads=2)
    wanted = embedder.embed(many)
    assert child_embeds(embedder, many, wanted)
    assert embedder.embed(many).tobytes() == wanted.tobytes()


def test_a_child_that_is_forked_during_a_batch_embeds(make_model: Any, many: Array) -> None:
    embedder = Embedder(make_model(RUN="run_slow"), threads=2)
    wanted = embedder.embed(many[:2])
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(embedder.embed, many)
        time.sleep(0.1)
        assert child_embeds(embedder, many[:2], wanted)
        assert running.result()[:2].tobytes() == wanted.tobytes()


def test_threads_end_with_close_and_with_the_embedder(model_file: Path, many: Array) -> None:
    def count(expected: int | None = None) -> int:
        """Threads of this process; the kernel may list one for a moment after it was joined."""
        until = time.monotonic() + 5
        while True:
            found = len(os.listdir("/proc/self/task"))
            if found == expected or expected is None or time.monotonic() > until:
                return found

    before = count()
    embedder = Embedder(model_file, threads=5)
    assert count() == before
    wanted = embedder.embed(many)
    assert count(before + 4) == before + 4
    embedder.close()
    assert count(before) == before
    assert embedder.embed(many).tobytes() == wanted.tobytes()
    assert count(before + 4) == before + 4
    del embedder
    assert count(before) == before


def python(code: str, *arguments: str) -> str:
    """Output of a fresh interpreter, in which numpy has no threads of its own: those spin."""
    return subprocess.check_output(
        [sys.executable, "-c", code, *arguments],
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )


def test_idle_threads_cost_nothing(model_file: Path) -> None:
    code = (
        "import sys, time, numpy, pocketvision\n"
        "e = pocketvision.Embedder(sys.argv[1], threads=8)\n"
        "e.embed(numpy.arange(16 * 37632, dtype=numpy.uint8).reshape(16, 112, 112, 3))\n"
        "start = time.process_time(); time.sleep(0.5); print(time.process_time() - start)"
    )
    assert float(python(code, str(model_file))) < 0.02


@pytest.mark.parametrize("threads", [1, 2])
def test_a_daemon_thread_may_outlive_the_interpreter(model_file: Path, threads: int) -> None:
    code = (
        "import sys, threading, time, numpy, pocketvision\n"
        "e = pocketvision.Embedder(sys.argv[1], threads=int(sys.argv[2]))\n"
        "crops = numpy.arange(64 * 37632, dtype=numpy.uint8).reshape(64, 112, 112, 3)\n"
        "def work():\n"
        "    while True: e.embed(crops)\n"
        "threading.Thread(target=work, daemon=True).start(); time.sleep(0.1)"
    )
    assert python(code, str(model_file), str(threads)) == ""


def test_a_system_that_refuses_threads(model_file: Path) -> None:
    code = (
        "import re, resource, sys, numpy, pocketvision\n"
        "crops = numpy.arange(16 * 37632, dtype=numpy.uint8).reshape(16, 112, 112, 3)\n"
        "one = pocketvision.Embedder(sys.argv[1]); wanted = one.embed(crops)\n"
        "kib = int(re.search(r'VmSize:\\s*(\\d+)', open('/proc/self/status').read())[1])\n"
        "limit = kib * 1024 + (24 << 20)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))\n"
        "try: pocketvision.Embedder(sys.argv[1], threads=200).embed(crops)\n"
        "except pocketvision.RunError as error: print(error)\n"
        "assert (one.embed(crops) == wanted).all()"
    )
    assert python(code, str(model_file)) == "threads=200: the system starts no further thread\n"
