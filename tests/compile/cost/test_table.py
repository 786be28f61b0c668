"""Tables of costs: sums, and what is said where one is absent, malformed, another's or too old."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pocketvision.compile import CompileError
from pocketvision.compile.cost import table as tables
from pocketvision.compile.cost.table import COMPILER, Row, Table, read, record

STEM, LAYER = "stem/3-16/k3s2/112/relu", "ir/16-16/k3e3s1/56/relu/0"
ROWS = {
    STEM: Row(100, 5000, {"a": 40}, 7, 5, 1.5, (1.0, 2.0)),
    LAYER: Row(300, 9000, {"a": 40, "b": 60}, 11, 9, 2.5, (2.0, 3.0)),
}


@pytest.fixture
def table(tmp_path: Path) -> Table:
    empty = Table(tmp_path / "t.json", "cortex-m7", about={"date": "2026-11-27"})
    return record(empty, ROWS)


def changed(table: Table, **values: object) -> Path:
    """The file with other values at its top."""
    content = json.loads(table.path.read_text())
    table.path.write_text(json.dumps({**content, **values}))
    return table.path


def test_a_network_is_the_sum_of_its_layers(table: Table) -> None:
    price = table.price([STEM, LAYER, LAYER])
    assert (price.instructions, price.cycles, price.nanoseconds) == (29, 23, 6.5)
    assert price.arena == 9000
    # 60 and twice 200 bytes of constants; the code of equal kernels is there once.
    assert price.flash == 60 + 2 * 200 + 40 + 60


def test_what_is_written_is_read(table: Table) -> None:
    again = read(table.path, "cortex-m7")
    assert again == table and again.rows == ROWS
    text = table.path.read_text().splitlines()
    assert sum(line.startswith('    "') for line in text) == len(ROWS), "one line a row"


def test_rows_are_added(table: Table) -> None:
    more = Row(1, 1, {})
    record(read(table.path), {"stem/3-32/k3s2/112/relu": more})
    assert read(table.path).rows == {**ROWS, "stem/3-32/k3s2/112/relu": more}


def test_missing_rows_are_named_with_the_command(table: Table) -> None:
    lacking = [f"ir/16-16/k3e3s1/{side}/relu/0" for side in range(10, 18)]
    with pytest.raises(CompileError) as error:
        table.price([STEM, *lacking])
    said = str(error.value)
    assert all(key in said for key in lacking[:5]) and lacking[5] not in said
    assert "and 3 more" in said
    assert f"pocketvision cost {table.path} --target cortex-m7 --keys FILE" in said


def test_a_network_of_nothing(table: Table) -> None:
    with pytest.raises(CompileError, match="got none"):
        table.price([])


def test_a_column_that_was_not_measured(table: Table) -> None:
    done = record(table, {LAYER: Row(300, 9000, {"b": 60}, 11, 9)})
    assert done.price([STEM, LAYER]).nanoseconds is None
    done.require("instructions")
    with pytest.raises(CompileError, match="nanoseconds are not measured.*--runner CMD"):
        done.require("nanoseconds")
    with pytest.raises(CompileError, match="expected one of instructions"):
        done.require("watts")


def test_no_such_table(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as error:
        read(tmp_path / "absent.json", "cortex-m7")
    assert "absent.json: no such table of costs" in str(error.value)
    assert "pocketvision cost TABLE.json --target cortex-m7" in str(error.value)


def test_a_table_of_another_target(table: Table) -> None:
    with pytest.raises(CompileError, match="holds costs on cortex-m7, not on cortex-m4") as error:
        read(table.path, "cortex-m4")
    assert "pocketvision cost TABLE.json --target cortex-m4" in str(error.value)


def test_a_table_of_another_compiler(table: Table) -> None:
    path = changed(table, compiler=COMPILER + 1)
    with pytest.raises(CompileError, match=f"version {COMPILER + 1} of the compiler") as error:
        read(path)
    assert f"pocketvision cost {path} --target cortex-m7 --again" in str(error.value)
    assert read(path, any_compiler=True).rows == ROWS


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "expected a JSON table"),
        ("[]", "expected an object with version"),
        ('{"version": 1, "target": 3}', "expected an object with version"),
        (
            '{"version": 9, "target": "cortex-m7", "compiler": 1, "about": {}, "rows": {}}',
            "a table of form 9",
        ),
        (
            '{"version": 1, "target": "cortex-m7", "compiler": 1, "about": {}, '
            '"rows": {"stem": {"flash": -1}}}',
            "'stem': expected an object of arena",
        ),
    ],
)
def test_malformed_tables(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(CompileError, match=why):
        read(path)


@pytest.mark.parametrize("value", [-1, "7", True, float("nan"), [1]])
def test_a_row_with_a_wrong_number(table: Table, value: object) -> None:
    content = json.loads(table.path.read_text())
    content["rows"][STEM]["instructions"] = value
    table.path.write_text(json.dumps(content))
    with pytest.raises(CompileError, match="expected an object of"):
        read(table.path)


def test_tables_that_the_package_brings() -> None:
    assert {"cortex-m7", "aarch64-dotprod"} <= set(tables.brought())
    for name in tables.brought():
        found = read(name, name)
        assert found.rows and {"command", "date"} <= found.about.keys()


def test_a_search_needs_neither_onnx_nor_tvm() -> None:
    program = (
        "import sys; import pocketvision.compile.cost.table\n"
        "assert not {'onnx', 'tvm', 'torch', 'numpy'} & set(sys.modules), 'too much is imported'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
