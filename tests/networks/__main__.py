"""Which networks that people have compile, and how far they are from onnxruntime.

    python -m tests.networks                                  # everything at 224 pixels
    python -m tests.networks --size 64 --quantisers u8s8,nncf --networks resnet18,kws

Each pair of network and quantiser runs in a process of its own, so that a crash of compiled code is
a row and not the end. int8 files stay below ``--work``, under a digest of this folder's sources.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .check import Outcome
from .isolate import isolated
from .quantisers.table import QUANTISERS
from .zoo import NETWORKS

HERE = Path(__file__).resolve().parent
COLOURS = {"ok": "green", "far": "yellow", "bytes": "red", "refused": "red", "no file": "dim"}


def main() -> int:
    """Prints the table and why; 0 if every network that could be quantised compiles and agrees."""
    options = _parser().parse_args()
    folder = options.work / f"{digest()}-{options.size or 'full'}"
    console = Console(width=None if sys.stdout.isatty() else 150)
    found: list[Outcome] = []
    for network in options.networks:
        for quantiser in options.quantisers:
            one = isolated(network, quantiser, options.size, folder, options.limit)
            print(f"{network} {quantiser}: {one.verdict} {one.seconds:.0f} s", file=sys.stderr)
            found.append(one)
            if options.out:
                options.out.parent.mkdir(parents=True, exist_ok=True)
                options.out.write_text(json.dumps([asdict(o) for o in found], indent=1))
    console.print(table(found, options.quantisers))
    for line in reasons(found):
        console.print(line, markup=False, highlight=False)
    return int(any(one.verdict not in ("ok", "no file") for one in found))


def digest() -> str:
    """Of what makes the int8 files, so that old ones are not taken for new ones."""
    files = [HERE / "writer.py", HERE / "statistics.py", HERE / "run.py", HERE / "zoo.py"]
    for room in ("families", "small", "quantisers"):
        files += sorted((HERE / room).glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def table(found: list[Outcome], quantisers: list[str]) -> Table:
    """One row a network, one column a quantiser."""
    cells = {(one.network, one.quantiser): one for one in found}
    result = Table(title="networks by quantiser: what whole runs differ by, in steps (or %)")
    result.add_column("network", no_wrap=True)
    for quantiser in quantisers:
        result.add_column(quantiser, no_wrap=True)
    for network in dict.fromkeys(one.network for one in found):
        result.add_row(network, *(cell(cells[network, quantiser]) for quantiser in quantisers))
    good = [sum(o.verdict == "ok" for o in found if o.quantiser == q) for q in quantisers]
    whole = [sum(o.verdict != "no file" for o in found if o.quantiser == q) for q in quantisers]
    result.add_section()
    result.add_row("ok", *(f"{a} of {b}" for a, b in zip(good, whole, strict=True)))
    return result


def cell(one: Outcome) -> str:
    """The verdict with its figure."""
    figures = [f"{one.end:.0f}"] if one.end is not None else []
    figures += [f"{100 * one.share:.1f}%"] if one.share is not None else []
    text = " ".join([one.verdict, *figures])
    return f"[{COLOURS.get(one.verdict, 'magenta')}]{text}[/]"


def reasons(found: list[Outcome]) -> list[str]:
    """Every kind of message once, shortened, with how often and for whom; frequent ones first."""
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in found:
        if one.said:
            groups[one.verdict, one.stage, kind(one)].append(f"{one.network}/{one.quantiser}")
    lines = []
    for (verdict, stage, said), names in sorted(groups.items(), key=lambda item: -len(item[1])):
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        lines.append(f"{len(names):3} {verdict} at {stage}: {said}  [{shown}]")
    return lines


def kind(one: Outcome) -> str:
    """What was said, without the names of files and nodes."""
    said = re.sub(r"\S+\.onnx: ", "", " ".join(one.said.split()))
    said = re.sub(r"'[^']*'", "'…'", said)
    operators = re.findall(r"\S+ \((\w+)\)", said.partition(";")[0])
    if said.startswith("unsupported operator"):
        return f"unsupported operator {', '.join(sorted(set(operators)))}"
    place = "" if one.verdict == "refused" else f" ({one.where})"
    return said[:140] + place


def _names(known: Iterable[str]) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(
                f"no {unknown[0]}; there are {', '.join(map(str, known))}"
            )
        return names

    return read


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.networks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--networks", type=_names(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--quantisers", type=_names(QUANTISERS), default=list(QUANTISERS))
    parser.add_argument("--size", type=int, help="pixels of the networks that have a choice")
    parser.add_argument("--work", type=Path, default=Path("build/networks"))
    parser.add_argument("--out", type=Path, help="JSON of all outcomes")
    parser.add_argument("--limit", type=float, default=900, help="seconds for one pair")
    return parser


if __name__ == "__main__":
    sys.exit(main())
