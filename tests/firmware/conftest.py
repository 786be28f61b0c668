"""Fixtures of the firmware tests: tiny models, images of example mains, runs on the boards."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile import FAMILIES, TARGETS, pipeline
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.emit import sources
from pocketvision.compile.graph import Graph
from pocketvision.compile.machines import board

from ..compile.graphs import Builder, inputs
from ..compile.objects import _objects  # noqa: F401
from ..compile.runners import require_board

CORES = FAMILIES["cortex-m"]
Start = Callable[..., subprocess.CompletedProcess]


def tiny(seed: int, name: str) -> Graph:
    """A few operators of every sort."""
    build = Builder(seed, (9, 8, 3), tame=True)
    x = build.conv("input", 16, (3, 3), pads=(1, 1, 1, 1), two_scales=True)
    x = build.add(x, build.depthwise(x, pads=(1, 1, 1, 1)))
    return replace(build.graph(build.pool(x, "average", (9, 8))), name=name)


@pytest.fixture(scope="session")
def tiny_graph() -> Graph:
    return tiny(3, "tiny-one")


@pytest.fixture(scope="session")
def vectors(tiny_graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """int8 inputs (5, 9, 8, 3) and what the reference makes of them."""
    x = inputs(np.random.default_rng(1), 5, tiny_graph.tensors[tiny_graph.inputs[0]])
    return x, reference.run(tiny_graph, x)


@pytest.fixture(params=CORES)
def core(request: pytest.FixtureRequest) -> str:
    """Every core, where images can be built and run."""
    require_board()
    return str(request.param)


@pytest.fixture(scope="session")
def library(tiny_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the tiny graph compiled for a core."""
    made: dict[str, Path] = {}

    def get(core: str) -> Path:
        if core not in made:
            made[core] = tmp_path_factory.mktemp(core)
            path = made[core] / f"{tiny_graph.name}.{core}.a"
            pipeline.compile_graph(tiny_graph, TARGETS[core], path)
        return made[core]

    return get


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Builds an image of one C text on a board and starts it: ``start(core, text, *options)``."""

    def run(
        core: str, text: str, *options: str, parts: tuple[str, ...] = (), suffix: str = ".c"
    ) -> subprocess.CompletedProcess:
        require_board()
        main = tmp_path / f"main{suffix}"
        main.write_text(text)
        target = TARGETS[core]
        sources = [main, *support()]
        image = board.build(target, tmp_path, sources, options, parts, stack=4096)
        command = [*board.emulator(target), "-kernel", str(image)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    return run


def support() -> list[Path]:
    """The C files that every firmware with a model links besides its start-up code."""
    core = sources.firmware_directory().parent / "runtime" / "core"
    return [sources.firmware_directory() / "core.c", core / "session.c", core / "status.c"]


def need(tool: str, package: str) -> None:
    """Skips the calling test without ``tool``."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is absent; apt-get install {package}")


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the smallest shipped model compiled for a core."""
    from .identify import NAME
    from .test_shipped import optimised

    made: dict[str, Path] = {}

    def get(core: str) -> Path:
        require_board()
        if core not in made:
            made[core] = tmp_path_factory.mktemp(core)
            path = made[core] / f"{NAME}.{core}.a"
            pipeline.compile_graph(optimised(NAME), TARGETS[core], path)
        return made[core]

    return get
