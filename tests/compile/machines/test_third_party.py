"""What networks of MLPerf Tiny cost on Cortex-M: files of onnxruntime's quantiser what ours do."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from pocketvision.compile.frontend.load import load  # noqa: E402
from pocketvision.compile.graph.graph import macs  # noqa: E402
from pocketvision.compile.inspect.report import counted  # noqa: E402
from pocketvision.compile.memory.lifetimes import spans  # noqa: E402
from pocketvision.compile.memory.plan import plan  # noqa: E402
from pocketvision.compile.pipeline import fitted, lowered, optimise  # noqa: E402
from pocketvision.compile.targets import FAMILIES, TARGETS  # noqa: E402

from .. import tiny  # noqa: E402
from ..runners import require_board  # noqa: E402

DEAREST = 1.05
"""Of the cycles of our own file."""

LIMITS = {
    ("vww", "cortex-m4"): 8.0,
    ("vww", "cortex-m7"): 6.6,
    ("vww", "cortex-m33"): 8.0,
    ("resnet8", "cortex-m4"): 12.5,
    ("resnet8", "cortex-m7"): 10.5,
    ("resnet8", "cortex-m33"): 12.5,
    ("kws", "cortex-m4"): 4.2,
    ("kws", "cortex-m7"): 3.1,
    ("kws", "cortex-m33"): 4.2,
    ("vww", "cortex-m55"): 2.3,
    ("resnet8", "cortex-m55"): 2.55,
    ("kws", "cortex-m55"): 0.9,
}
"""M modelled cycles that one run of our own file may take, of keyword spotting any file."""


def cycles(path: Path, target: str) -> float:
    """Modelled cycles of one run."""
    found = counted(lowered(optimise(load(path)), TARGETS[target]), TARGETS[target]).total.cycles
    if found is None:
        pytest.skip("no llvm-mca; apt-get install llvm-19")
    return found


every_core = pytest.mark.parametrize(
    "target",
    [
        name if name == "cortex-m4" else pytest.param(name, marks=pytest.mark.deep)
        for name in FAMILIES["cortex-m"]
    ],
)


@every_core
@pytest.mark.parametrize("network", tiny.NETWORKS)
def test_modelled_cycles(network: str, target: str, tmp_path: Path) -> None:
    require_board()
    model = tiny.NETWORKS[network]()
    own = cycles(tiny.by_ourselves(model, tmp_path / "own.onnx"), target)
    for symmetric in (False, True):
        path = tiny.by_onnxruntime(model, tmp_path / f"{symmetric}.onnx", symmetric)
        theirs = cycles(path, target)
        kind = "symmetric" if symmetric else "asymmetric"
        print(
            f"{network} on {target}: own {own / 1e6:.2f} M modelled cycles, "
            f"onnxruntime {kind} {theirs / 1e6:.2f} M ({100 * (theirs / own - 1):+.1f} %)"
        )
        assert theirs <= DEAREST * own
        most = LIMITS.get((network, target))
        if most is not None:
            assert (theirs if network == "kws" else own) <= most * 1e6


@pytest.mark.parametrize("target", FAMILIES["cortex-m"])
def test_vww_in_55_kilobytes(target: str, tmp_path: Path) -> None:
    """As it comes, at the cycles above; in strips of rows less does."""
    model = optimise(load(tiny.by_ourselves(tiny.NETWORKS["vww"](), tmp_path / "own.onnx")))
    program = lowered(model, TARGETS[target])
    assert plan(spans(program.calls)).bytes <= 55 * 1024
    found, memory = fitted(program, TARGETS[target], [40 * 1024])
    assert memory is not None and memory.bytes <= 40 * 1024
    assert macs(found.graph) <= 1.08 * macs(program.graph)
