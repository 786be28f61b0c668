"""The pages say what the results say: tables are made of them, and no other text has a figure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pocketvision.errors import InputError

from .peers import tables

PAGE = tables.FILES[0]


@pytest.mark.parametrize("file", tables.FILES, ids=["tests/bench/README.md", "README.md"])
def test_the_tables_are_those_of_the_results(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert tables.filled(text) == text, "run python -m tests.bench.peers.tables"


def test_every_result_is_in_a_table() -> None:
    named = {
        name for _, block, *_ in tables.BLOCK.findall(PAGE.read_text()) for name in block.split()
    }
    there = {path.stem for path in tables.RESULTS.iterdir() if path.suffix in ("", ".json")}
    assert there <= named


def test_no_figure_stands_outside_a_table() -> None:
    prose = re.sub(r"```.*?```|`[^`]*`", "", tables.BLOCK.sub("", PAGE.read_text()), flags=re.S)
    assert re.findall(r"\d+(?:\.\d+)? ?(?:ms|MB|M|%|times|images)\b|\d+\.\d+", prose) == []


def test_a_figure_that_changed_is_found() -> None:
    text = PAGE.read_text()
    changed = re.sub(r"(pocketvision\*\* int8 \| )(\d)", lambda m: m[1] + "9" + m[2], text, count=1)
    assert changed != text and tables.filled(changed) == text


def test_an_unknown_block_is_named() -> None:
    with pytest.raises(InputError, match="begin ghost epyc.*expected one of host"):
        tables.filled("<!-- begin ghost epyc -->\n<!-- end -->")
    with pytest.raises(InputError, match="expected NETWORK.json"):
        tables.filled("<!-- begin host nowhere -->\n<!-- end -->")


def test_deciles_and_wide_spreads_show(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"network": "n", "noise": True, "runtime": "pocketvision", "precision": "int8",
           "median_ms": 1.0, "fast_ms": 0.9, "steady": True, "ratio_to_ours": 1.0}  # fmt: skip
    peer = {**own, "runtime": "openvino", "median_ms": 2.0, "steady": False, "ratio_to_ours": 2.0}
    machine = {"processor": "p", "date": "2026-01-02 03:04 UTC"}
    monkeypatch.setattr(tables, "read_folder", lambda folder: [(machine, [own, peer])])
    text = tables.host("x")
    assert (
        "| ms per face, median / lowest decile (times ours), one thread, p, 2026-01-02 | n \\* |"
        in text
    )
    assert "| **pocketvision** int8 | 1.00 / 0.90 |" in text
    assert "| OpenVINO int8 | 2.00! / 0.90 (2.0) |" in text
    assert "| ours / best of the others | 0.50, OpenVINO int8 |" in text


def test_a_network_without_peers_or_of_one_run_alone_has_a_dash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def row(network: str, runtime: str) -> dict:
        return {"network": network, "noise": False, "runtime": runtime, "precision": "int8",
                "median_ms": 1.0, "ratio_to_ours": 1.0}  # fmt: skip

    machine = {"processor": "p", "date": "2026-01-02"}
    found = {
        "a": [(machine, [row("n", "pocketvision"), row("n", "ncnn")])],
        "b": [(machine, [row("m", "pocketvision")])],
    }
    monkeypatch.setattr(tables, "read_folder", lambda folder: found[folder.name])
    lines = tables.share("a", "b").splitlines()
    assert lines[0].endswith("| n | m |")
    assert lines[2].endswith("| 1.00 / 1.00 = 1.00, ncnn int8 | – |") and lines[3].endswith(
        "– | – |"
    )
    assert tables.host("b").endswith("| ours / best of the others | – |")
