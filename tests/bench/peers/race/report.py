"""The benchmark's results as a text table, a JSON file and a PNG bar chart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketvision.errors import InputError
from pocketvision.files import write_text

PACKAGES = ("pocketvision", "numpy", "onnxruntime", "openvino", "nncf", "ncnn", "pnnx", "torch")
"""Distributions in this environment whose versions count."""

Row = dict[str, Any]


def table(rows: list[Row]) -> str:
    """Aligned text, one line a row, fastest first within each network.

    ``10 %``: a tenth of the rounds took less; ``!`` behind a spread above a third of the median.
    """
    body = [
        (
            row["network"] + (" (noise)" if row["noise"] else ""),
            row["runtime"],
            row["precision"],
            f"{row['median_ms']:.2f}",
            number(row.get("fast_ms"), ".2f"),
            f"{row['iqr_ms']:.2f}" + ("" if row.get("steady", True) else "!"),
            f"{row['ratio_to_ours']:.2f}",
            number(row["cosine_to_float"], ".4f"),
            number(row["start_ms"], ".0f"),
            number(row["resident_mb"], ".0f"),
            number(row["installed_mb"], ".1f"),
            row["variant"],
        )
        for row in sorted(rows, key=lambda row: (row["network"], row["median_ms"]))
    ]
    head = ["network", "runtime", "precision", "ms", "10 %", "iqr", "ratio", "cosine"]
    head += ["start", "resident", "installed", "best variant"]
    return aligned(head, body, range(3, 11))


def summary(rows: list[Row]) -> str:
    """For each network the fastest other runtime in any precision, and our share of its time."""
    body = []
    for network in sorted({row["network"] for row in rows}):
        own, *others = sorted(
            (row for row in rows if row["network"] == network),
            key=lambda row: (row["runtime"] != "pocketvision", row["median_ms"]),
        )
        if others:
            best = others[0]
            body.append(
                (
                    network,
                    f"{own['median_ms']:.2f}",
                    f"{best['median_ms']:.2f}",
                    f"{own['median_ms'] / best['median_ms']:.2f}",
                    f"{best['runtime']} {best['precision']}",
                )
            )
    return aligned(["network", "ours", "best peer", "ours/best", "which"], body, range(1, 4))


def number(value: float | None, form: str) -> str:
    """``value`` in a format, or a dash for none."""
    return "-" if value is None else format(value, form)


def aligned(head: list[str], body: Sequence[Sequence[str]], numeric: range) -> str:
    """Lines of columns; those of ``numeric`` end flush."""
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in numeric else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [head, *body]
    )


def conditions(machine: dict[str, str], rows: list[Row]) -> str:
    """One line a fact: ``machine``, versions apart, threads and rounds; what to measure again."""
    lines = [f"{name}: {text}" for name, text in machine.items()]
    rounds = rows[0]["rounds"] if rows else 0
    apart = sorted({(r["runtime"], r["version"]) for r in rows if r["runtime"] not in PACKAGES})
    if apart:
        lines.append("apart: " + ", ".join(f"{name} {version}" for name, version in apart))
    return "\n".join(
        [
            *lines,
            f"method: 1 thread on 1 pinned core, {rounds} interleaved rounds; median, decile "
            "and iqr in ms",
            "ours: from uint8 pixels to the unit-norm embedding; peers: from the normalised "
            "tensor, which lies in their input already, to an output that nobody copies",
            "start: ms from the start of a process to its first embedding; resident: MB it then "
            "holds; installed: MB on disk with requirements, without numpy",
            "noise: random weights, in which int8's rounding grows from layer to layer: its cosine "
            "says nothing of trained weights",
            *unsteady(rows),
        ]
    )


def unsteady(rows: list[Row]) -> list[str]:
    """A warning that names what spread too much, or nothing."""
    shaky = [row for row in rows if not row.get("steady", True)]
    if not shaky:
        return []
    names = ", ".join(f"{row['network']} {row['runtime']} {row['precision']}" for row in shaky)
    return [
        f"warning: spread above a third of the median: {names}; measure again on an idle machine"
    ]


def write_json(machine: dict[str, str], rows: list[Row], out: Path) -> Path:
    """Writes the facts of a machine and rows to ``out``."""
    write_text(out, json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    return out


def read_json(path: Path) -> tuple[dict[str, str], list[Row]]:
    """Facts and rows of a file that ``write_json`` wrote.

    Raises InputError that names a file which is not one.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found["machine"], found["rows"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: expected the JSON of a benchmark: {error!r}; delete it and measure again"
        ) from error


def read_folder(folder: Path) -> list[tuple[dict[str, str], list[Row]]]:
    """What ``read_json`` gives for each network's file in ``folder``, by name."""
    return [read_json(path) for path in sorted(folder.glob("*.json"))]
