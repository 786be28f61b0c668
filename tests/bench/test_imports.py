"""Walls of the comparison: no product file imports it, and it stays within its room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "tests" / "bench" / "peers"
PRODUCT = ("python/pocketvision", "compile", "training")


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Level and name of each import of a file, in functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""
        elif isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)


def test_no_product_file_imports_the_comparison() -> None:
    files = [file for room in PRODUCT for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 100
    wrong = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for level, name in imports(file)
        if not level and name.partition(".")[0] == "tests"
    ]
    assert wrong == []


def test_peers_stay_within_their_room() -> None:
    for file in PEERS.rglob("*.py"):
        depth = len(file.relative_to(PEERS).parts)
        for level, name in imports(file):
            assert level <= depth, f"{file}: climbs out of tests/bench/peers"
            assert level or name.partition(".")[0] != "tests", f"{file}: {name}"


def test_programs_of_peers_import_nothing_of_ours() -> None:
    for file in (PEERS / "children").glob("*.py"):
        for level, name in imports(file):
            assert not level and name.partition(".")[0] not in ("pocketvision", "tests"), file


def test_no_folder_has_more_than_a_dozen_files() -> None:
    for folder in (PEERS.parent, PEERS, *(path for path in PEERS.rglob("*") if path.is_dir())):
        assert sum(path.is_file() for path in folder.iterdir()) <= 12, folder
