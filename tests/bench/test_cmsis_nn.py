"""CMSIS-NN recounted from a checkout, played by a stand-in with functions of the same names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ..compile.runners import require_board
from .peers.cmsis_nn import __main__ as recount
from .peers.cmsis_nn import ours
from .peers.cmsis_nn.checkout import LAYERS, Checkout

STUB = Path(__file__).with_name("stubs") / "cmsis_nn"
RESULTS = Path(__file__).with_name("results")


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    require_board()
    return Path(shutil.copytree(STUB, tmp_path / "CMSIS-NN"))


def test_three_layers_are_counted_beside_ours(
    stub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recount, "OPTIMISATIONS", ("-O2",))
    out = tmp_path / "out" / "cortex-m.json"
    given = ["--cmsis-nn", str(stub), "--core", "cortex-m4", "--out", str(out)]
    assert recount.main(given) == 0
    found = json.loads(out.read_text())
    assert found["machine"]["cmsis_nn"] == "stub"
    assert [row["layer"] for row in found["rows"]] == list(LAYERS)
    for row in found["rows"]:
        # By its definition a layer takes several instructions a multiply-accumulate.
        side, channels, output, kernel, stride = ours.SHAPES[row["layer"]]
        depth = 1 if row["layer"].startswith("depthwise") else channels
        macs = (side // stride) ** 2 * output * kernel**2 * depth
        assert 2 * macs < row["cmsis_nn"] < 40 * macs
        assert row["ours"] < row["cmsis_nn"]
    printed = capsys.readouterr().out
    assert all(layer in printed for layer in LAYERS) and "-O2" in printed


OK, FAILS = "#define STUB_STATUS ARM_CMSIS_NN_SUCCESS", "#define STUB_STATUS ARM_CMSIS_NN_ARG_ERROR"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (OK, FAILS, "its function failed"),
        (
            "int32_t sum = bias[c]",
            "int32_t sum = 2 * bias[c] + 4096",
            "results are more than 1 off",
        ),
    ],
)
def test_a_function_that_fails_or_computes_something_else_is_an_error(
    stub: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, message: str
) -> None:
    file = stub / "Source" / "ConvolutionFunctions" / "convolve_s8.c"
    file.write_text(file.read_text().replace(old, new))
    assert recount.main(["--cmsis-nn", str(stub), "--core", "cortex-m55"]) == 1
    error = capsys.readouterr().err
    assert f"{LAYERS[0]} on cortex-m55: " in error and message in error and error.count("\n") == 1


def test_what_does_not_compile_is_named(stub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (stub / "Source" / "NNSupportFunctions" / "old.c").write_text('#include "cmsis_compiler.h"\n')
    with pytest.raises(SystemExit):
        recount.main(["--cmsis-nn", str(stub), "--core", "cortex-m7"])
    error = capsys.readouterr().err
    assert "cmsis_compiler.h: No such file" in error and "--include" in error


def test_a_folder_that_is_no_checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        recount.main(["--cmsis-nn", str(tmp_path)])
    assert "expected a checkout of CMSIS-NN with Include/arm_nnfunctions.h" in (
        capsys.readouterr().err
    )
    assert Checkout(STUB).version() == "stub"
