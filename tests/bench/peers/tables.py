"""The tables of tests/bench/README.md and README.md, made of tests/bench/results.

    python -m tests.bench.peers.tables

writes what stands between ``<!-- begin KIND NAMES -->`` and ``<!-- end -->`` anew:
``host NAME [WHAT]``, ``share NAME...``, ``aarch64 NAME``, ``start NAME NETWORK`` and
``cortex-m FILE``, with the names of folders and files in tests/bench/results. A test fails where a
file differs from its results.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pocketvision.errors import InputError
from pocketvision.files import write_text

from .race.report import Row, read_folder, read_json

HERE = Path(__file__).parents[1]
RESULTS = HERE / "results"
FILES = (HERE / "README.md", HERE.parents[1] / "README.md")
BLOCK = re.compile(r"(<!-- begin ([^>]+?) -->\n)(.*?)(<!-- end -->)", re.S)
ORDER = ("pocketnet-s-128", "pocketnet-m-128", "mobilefacenet", "vargfacenet", "facechain-125m")
NAMES = {
    "executorch": "ExecuTorch",
    "litert": "LiteRT",
    "openvino": "OpenVINO",
    "pocketvision": "**pocketvision**",
}
SETTINGS = {
    "avx2": "nothing newer than AVX2 (`--processor avx2`)",
    "avxvnni": "nothing newer than AVX-VNNI (`--processor avxvnni`)",
    "avx512": "everything but AMX (`--processor avx512`)",
}
NONE = "–"
Rows = dict[str, list[Row]]


def filled(text: str) -> str:
    """``text`` with every block made anew; raises InputError that names a block it cannot make."""

    def made(match: re.Match[str]) -> str:
        kind, *names = match[2].split()
        if kind not in KINDS:
            raise InputError(f"<!-- begin {match[2]} -->: expected one of {', '.join(KINDS)}")
        return f"{match[1]}\n{KINDS[kind](*names)}\n\n{match[4]}"

    return BLOCK.sub(made, text)


def host(name: str, what: str = "face") -> str:
    """Milliseconds of every runtime and precision for one ``what``, a column a network."""
    machine, rows = _read(name)

    def cell(row: Row, own: Row) -> str:
        decile = f" / {row['fast_ms']:.2f}" if "fast_ms" in row else ""
        wide = "" if row.get("steady", True) else "!"
        times = "" if row is own else f" ({row['ratio_to_ours']:.1f})"
        return f"{row['median_ms']:.2f}{wide}{decile}{times}"

    deciles = any("fast_ms" in row for one in rows.values() for row in one)
    figures = "median / lowest decile" if deciles else "median"
    head = f"ms per {what}, {figures} (times ours), one thread, {_where(machine)}"
    return _by_runtime(head, rows, cell, "median_ms")


def aarch64(name: str) -> str:
    """Executed instructions and modelled cycles, a column a network."""
    machine, rows = _read(name)

    def cell(row: Row, own: Row) -> str:
        cycles = f" ({row['cycles'] / 1e6:.1f})" if row["cycles"] else ""
        return f"{row['instructions'] / 1e6:.1f}{cycles}"

    head = f"executed instructions, M (cycles modelled by llvm-mca, M), {_where(machine)}"
    return _by_runtime(head, rows, cell, "instructions")


def share(*names: str) -> str:
    """Ours / the best of the others, a row a run and a column a network of any of them."""
    runs = {name: _read(name) for name in names}
    marked: dict[str, str] = {}
    for _, rows in runs.values():
        marked |= dict(zip(rows, _marked(rows), strict=True))
    body = []
    for name, (machine, rows) in runs.items():
        cells = []
        for network in marked:
            one = rows.get(network, [])
            if best := _best(one, "median_ms"):
                own = _own(one)["median_ms"]
                times = f"{own:.2f} / {best['median_ms']:.2f}"
                cells.append(f"{times} = {own / best['median_ms']:.2f}, {_plain(best)}")
            else:
                cells.append(NONE)
        setting = SETTINGS.get(name.rpartition("-")[2], "everything that the processor has")
        body.append([f"{setting}, {machine['date'][:10]}", *cells])
    head = f"ms of ours / the best other = share, one thread, {machine['processor']}"
    return _markdown([head, *marked.values()], body)


def start(name: str, network: str) -> str:
    """Cold start, memory and installed size of every runtime for one network."""
    machine, rows = _read(name)
    found = [row for row in rows[network] if row["start_ms"] is not None]
    found.sort(key=lambda row: (row["runtime"] != "pocketvision", row["start_ms"]))
    lines = (
        ("process start to first embedding, ms", "start_ms", ".0f"),
        ("resident then, MB", "resident_mb", ".0f"),
        ("installed with requirements, without numpy, MB", "installed_mb", ".1f"),
    )
    head = [f"{network}, {_where(machine)}", *(row["runtime"] for row in found)]
    return _markdown(
        head,
        [
            [text, *(NONE if row[key] is None else format(row[key], form) for row in found)]
            for text, key, form in lines
        ],
    )


def cortex_m(name: str) -> str:
    """Instructions of three layers beside CMSIS-NN, a column a core."""
    machine, rows = read_json(RESULTS / f"{name}.json")
    cores = list(dict.fromkeys(row["core"] for row in rows))
    layers = dict.fromkeys(row["layer"] for row in rows)
    found = {(row["layer"], row["core"]): row for row in rows}
    head = f"executed instructions, M: ours / CMSIS-NN, QEMU, {machine['date'][:10]}"
    body = []
    for layer in layers:
        cells = [found[layer, core] for core in cores]
        pairs = [f"{one['ours'] / 1e6:.2f} / {one['cmsis_nn'] / 1e6:.2f}" for one in cells]
        body.append([layer, *pairs])
    return _markdown([head, *(core.replace("cortex-m", "Cortex-M") for core in cores)], body)


KINDS: dict[str, Callable[..., str]] = {
    "host": host,
    "share": share,
    "aarch64": aarch64,
    "start": start,
    "cortex-m": cortex_m,
}


def _read(name: str) -> tuple[dict[str, str], Rows]:
    """Facts of the first network, and the rows of each, in the order of the tables."""
    found = read_folder(RESULTS / name)
    if not found:
        raise InputError(f"{RESULTS / name}: expected NETWORK.json, and there is none")
    rows = {one[0]["network"]: one for _, one in found}
    first = [network for network in ORDER if network in rows]
    return found[0][0], {n: rows[n] for n in [*first, *(n for n in rows if n not in first)]}


def _by_runtime(head: str, rows: Rows, cell: Callable[[Row, Row], str], key: str) -> str:
    kinds = {(row["runtime"], row["precision"]) for one in rows.values() for row in one}
    body: list[list[str]] = []
    for runtime, precision in sorted(kinds, key=lambda kind: (kind[0] != "pocketvision", *kind)):
        cells = []
        for one in rows.values():
            same = [
                row for row in one if (row["runtime"], row["precision"]) == (runtime, precision)
            ]
            cells.append(cell(same[0], _own(one)) if same else NONE)
        body.append([f"{NAMES.get(runtime, runtime)} {precision}", *cells])
    shares = []
    for one in rows.values():
        best = _best(one, key)
        shares.append(f"{_own(one)[key] / best[key]:.2f}, {_plain(best)}" if best else NONE)
    body.append(["ours / best of the others", *shares])
    return _markdown([head, *_marked(rows)], body)


def _own(rows: list[Row]) -> Row:
    return next(row for row in rows if row["runtime"] == "pocketvision")


def _best(rows: list[Row], key: str) -> Row | None:
    others = [row for row in rows if row["runtime"] != "pocketvision"]
    return min(others, key=lambda row: row[key]) if others else None


def _plain(row: Row) -> str:
    return f"{NAMES.get(row['runtime'], row['runtime'])} {row['precision']}"


def _marked(rows: Rows) -> list[str]:
    """Networks with weights of noise have a star."""
    return [f"{network} \\*" if one[0]["noise"] else network for network, one in rows.items()]


def _where(machine: dict[str, Any]) -> str:
    return f"{machine['processor']}, {machine['date'][:10]}"


def _markdown(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Writes the tables of ``FILES`` anew; 2 where one cannot be made."""
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        try:
            made = filled(text)
        except InputError as reason:
            print(f"{file}: {reason}", file=sys.stderr)
            return 2
        if made != text:
            write_text(file, made)
            print(f"wrote {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
