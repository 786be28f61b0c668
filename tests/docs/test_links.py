"""Links of the pages lead somewhere, and files that they name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("compile", "csrc", "python", "tests", "training")
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *(p for place in PLACES for p in (ROOT / place).rglob("*.md")))
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"`([\w.-]+(?:/[\w.{},*-]+)+\.(?:py|md|toml|json|csv|c|h|S|cpp|npy))`")
"""A path in code style: a file of ours by its place below the root, or below the page's folder."""

HISTORY = ("CHANGELOG.md",)
"""Pages that tell of files as they were."""


def words(page: str) -> str:
    """The text of a page without its blocks, which are commands and programs."""
    return re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.S | re.M)


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    found = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in found}


def test_there_are_pages() -> None:
    assert {"README.md", "compile/README.md", "training/recipes/README.md"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    broken = []
    for link in LINK.findall(words(page)):
        if re.match(r"https?:|mailto:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (ROOT / page).parent / place if place else ROOT / page
        if not target.exists():
            broken.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(target):
            broken.append(f"{link}: no such heading")
    assert not broken


@pytest.mark.parametrize("page", [page for page in PAGES if page not in HISTORY])
def test_files_that_are_named(page: str) -> None:
    folder, missing = (ROOT / page).parent, []
    for name in NAMED.findall(words(page)):
        for path in spelled_out(name):
            bases = (ROOT, folder, ROOT / "compile", ROOT / "python" / "pocketvision")
            path = re.sub(r"[A-Z]{4,}", "*", path)  # NAME, TARGET and the like
            if not any(list(base.glob(path)) for base in bases):
                missing.append(path)
    assert not missing


def test_the_compilers_page_names_every_room() -> None:
    text = (ROOT / "compile" / "README.md").read_text(encoding="utf-8")
    rooms = dict(re.findall(r"^\| `(\w+)/` \| (.*) \|$", text, re.M))
    folders = {p.name for p in (ROOT / "compile").iterdir() if (p / "__init__.py").exists()}
    assert rooms.keys() == folders
    kernels = {p.name for p in (ROOT / "compile/kernels").iterdir() if (p / "__init__.py").exists()}
    assert kernels == set(re.findall(r"`(\w+)/`", rooms["kernels"]))


def spelled_out(name: str) -> list[str]:
    """``a/{b,c}.py`` as its two files; braces may stand several times."""
    braces = re.search(r"\{([^}]*)\}", name)
    if braces is None:
        return [name]
    before, after = name[: braces.start()], name[braces.end() :]
    return [path for part in braces[1].split(",") for path in spelled_out(f"{before}{part}{after}")]
