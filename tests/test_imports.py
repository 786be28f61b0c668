"""Who may import whom: the table of rooms, and that no files import each other in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOMES = {
    "pocketvision.compile": ROOT / "compile",
    "pocketvision.training": ROOT / "training",
    "pocketvision": ROOT / "python" / "pocketvision",
}

# Room: what it may import of the project, besides itself. Longer names go before shorter ones.
COMPILE = {
    "graph": "errors",
    "arithmetic": "graph errors",
    "frontend": "graph arithmetic errors",
    "passes": "graph errors",
    "kernels": "",
    "lower": "graph arithmetic kernels errors",
    "tiles": "kernels errors files",
    "memory": "graph lower errors",
    "emit": "graph lower kernels memory targets errors files",
    "machines": "graph lower memory emit targets errors files",
    "pipeline": "graph frontend passes kernels lower tiles memory emit targets errors files",
    "inspect": "graph arithmetic frontend kernels lower memory emit machines pipeline targets"
    " errors files",
    "tune": "graph frontend kernels lower tiles memory emit machines pipeline inspect targets"
    " errors files",
    "cost.table": "errors files",
    "cost": "graph arithmetic frontend kernels lower tiles memory emit machines pipeline targets"
    " errors files",
    "targets": "errors",
    "files": "errors",
    "errors": "",
}
PYTHON = {
    "record": "errors",
    "runtime": "record errors",
    "faces": "runtime record errors files pictures",
    "restore": "faces runtime record errors",
    "files": "errors",
    "pictures": "errors",
    "errors": "",
}
TRAINING = {
    "run": "data models",
    "models": "",
    "losses": "run",
    "data": "",
    "distill": "run models data losses",
    "search": "run models data distill train.faces",
    "quantize": "models data export",
    "evaluate": "run models data",
    "quality": "data",
    "blend": "run models data distill evaluate train.faces",
    "train.faces": "run models data losses distill evaluate",
    "train.restore": "run models data losses distill evaluate",
    "train.detect": "run models data losses distill evaluate",
    "train.clips": "run models data losses distill evaluate export",
}
NEVER = {
    "pocketvision.compile": "torch pocketvision.training",
    "pocketvision.compile.graph": "onnx tvm",
    "pocketvision.compile.arithmetic": "onnx tvm",
    "pocketvision.compile.frontend": "tvm",
    "pocketvision.compile.passes": "onnx tvm",
    "pocketvision.compile.kernels": "onnx",
    "pocketvision.compile.lower": "onnx",
    "pocketvision.compile.cost.table": "onnx tvm numpy",
    "pocketvision.training": "tvm tests",
    "pocketvision": "tests",
    **{f"pocketvision.{room}": "onnx tvm torch" for room in PYTHON},
    "pocketvision.cli": "onnx tvm",
}
QUANTISER_READS = tuple(
    f"pocketvision.compile.{room}" for room in ("arithmetic", "frontend", "graph")
)


@cache
def modules() -> dict[str, Path]:
    """Every module of the product by name."""
    found = {}
    for package, folder in HOMES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            found[".".join((package, *parts))] = path
    return found


def imported(name: str, *, at_load: bool = False) -> Iterator[str]:
    """Modules that ``name`` imports; ``at_load``: only those at the top, not for types alone."""
    path = modules()[name]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in tree.body if at_load else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            start = ".".join(base) if node.level else ""
            module = ".".join(filter(None, (start, node.module or "")))
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                yield whole if whole in modules() else module


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def cases() -> list[tuple[str, str, tuple[str, ...]]]:
    found = []
    for package, table in (
        ("pocketvision.compile", COMPILE), ("pocketvision", PYTHON),
        ("pocketvision.training", TRAINING),
    ):  # fmt: skip
        for room, names in table.items():
            allowed = tuple(f"{package}.{other}" for other in (room, *names.split()))
            found.append((package, room, allowed))
    return found


@pytest.mark.parametrize(("package", "room", "allowed"), cases(), ids=str)
def test_a_room_imports_only_what_the_table_says(
    package: str, room: str, allowed: tuple[str, ...]
) -> None:
    wrong = []
    for name in (n for n in modules() if within(n, f"{package}.{room}")):
        for other in imported(name):
            own = within(other, package) and other != package
            # The extension, the version and the package's own list of names are below every room.
            free = other in ("pocketvision._runtime", "pocketvision")
            if own and not free and not any(within(other, one) for one in allowed):
                wrong.append(f"{name} imports {other}")
    assert not wrong


@pytest.mark.parametrize(("room", "never"), NEVER.items())
def test_what_a_room_never_imports(room: str, never: str) -> None:
    wrong = []
    for name in (n for n in modules() if within(n, room)):
        if room == "pocketvision" and any(
            within(name, f"pocketvision.{r}") for r in ("compile", "training")
        ):
            continue
        wrong += [
            f"{name}: {o}" for o in imported(name) if any(within(o, n) for n in never.split())
        ]
    assert not wrong


def test_training_takes_of_the_compiler_what_the_quantiser_needs() -> None:
    wrong = []
    for name in (n for n in modules() if within(n, "pocketvision.training")):
        for other in imported(name):
            quantiser = within(name, "pocketvision.training.quantize")
            allowed = quantiser and any(within(other, room) for room in QUANTISER_READS)
            # A search reads what a block costs, and nothing but the table of it.
            search = within(name, "pocketvision.training.search")
            allowed |= search and other == "pocketvision.compile.cost.table"
            # What ships is compiled, to be measured as people run it: by the package's front door.
            ships = ("pocketvision.training.ship", "pocketvision.training.ship_detector")
            allowed |= name in ships and other == "pocketvision.compile"
            if within(other, "pocketvision.compile") and not allowed:
                wrong.append(f"{name} imports {other}")
    assert not wrong


def test_tasks_do_not_import_each_other() -> None:
    tasks = ("faces", "clips")
    wrong = []
    for name in (n for n in modules() if within(n, "pocketvision.training")):
        own = set(name.split(".")) & set(tasks)
        for other in imported(name):
            rooms = set(other.split(".")) & set(tasks)
            of_training = within(other, "pocketvision.training")
            if own and of_training and rooms - own:
                wrong.append(f"{name} imports {other}")
    assert not wrong


def test_no_circles() -> None:
    graph = {
        name: {o for o in imported(name, at_load=True) if o in modules()} for name in modules()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for other in graph[name] - {name}:
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_rooms_of_the_compiler_have_floors() -> None:
    """Whatever calls what, the road never climbs back: the table itself has no circle."""
    above = {room: set(names.split()) for room, names in COMPILE.items()}
    while free := [room for room, below in above.items() if not below]:
        above = {room: below - set(free) for room, below in above.items() if room not in free}
    assert above == {}


def test_no_folder_holds_more_than_a_dozen_files() -> None:
    crowded = {}
    for top in ("compile", "training", "python", "csrc"):
        for folder in (ROOT / top, *(p for p in (ROOT / top).rglob("*") if p.is_dir())):
            files = [p for p in folder.glob("*") if p.suffix in (".py", ".c", ".h", ".cpp", ".S")]
            if len(files) > 12 and folder.name != "__pycache__":
                crowded[str(folder.relative_to(ROOT))] = len(files)
    # The paths of public headers are what users write, so they stay in one folder.
    crowded.pop("csrc/include/pocketvision", None)
    assert crowded == {}
