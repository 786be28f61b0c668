"""Options of the suites: which model they time, and that they are collected on request only."""

from __future__ import annotations

from pathlib import Path

import pytest

OWN = "bench_models.py"
"""The suite of models that --model names; the others time what the package ships."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """--model FILE, as often as there are models."""
    parser.addoption(
        "--model",
        action="append",
        type=Path,
        metavar="FILE",
        help="a compiled model (.so), or an int8 ONNX file, which is compiled for this machine "
        "and timed beside onnxruntime; may come several times",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """The suites, with --benchmark-only; pytest itself takes those that are named one by one."""
    suite = file_path.name.startswith("bench_") and file_path.suffix == ".py"
    wanted = not parent.config.getoption("model", None) or file_path.name == OWN
    named = parent.session.isinitpath(file_path)
    if not (suite and wanted and parent.config.getoption("benchmark_only", False)) or named:
        return None
    return pytest.Module.from_parent(parent, path=file_path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``given``: each file of --model, or the shipped models."""
    if "given" in metafunc.fixturenames:
        files = metafunc.config.getoption("model", None)
        missing = [file for file in files or () if not file.is_file()]
        if missing:
            raise pytest.UsageError(f"--model: {missing[0]}: no such file")
        from pocketvision.runtime import shipped

        values = files or [
            Path(shipped.resolve(name)) for name in sorted(shipped.of_task("face-embedding"))
        ]
        metafunc.parametrize("given", values, ids=[path.name for path in values], scope="module")
