"""A run: network after network, each with a JSON file of its own as soon as it is measured."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocketvision.bench.machine import facts, load
from pocketvision.errors import InputError, RunError
from pocketvision.runtime import shipped as models

from ..candidate import Absent
from ..networks.network import locate
from . import report
from .contest import Note
from .race import race
from .report import PACKAGES, Row

PEERS = ("onnxruntime", "openvino", "ncnn", "litert", "executorch", "torch")
ENVIRONMENTS = Path("build/bench/envs")
BUSY = 1.5
"""Load average above which a warning says so; the benchmark itself makes up 1."""


@dataclass(frozen=True)
class Settings:
    """What a run measures and where it keeps things.

    ``peers``: some of ``PEERS``. ``rounds``: of time; ``starts``: processes for the cold start of
    each runtime, 0 for none. ``work``: folder that keeps conversions, None for a temporary one.
    ``envs``: environments of peers that cannot share ours. ``anew``: compile the int8 files and
    leave the installed models. ``out``: folder for NETWORK.json; ``resume``: keep what is there.
    """

    peers: Sequence[str] = PEERS
    rounds: int = 50
    starts: int = 0
    work: Path | None = None
    envs: Path = ENVIRONMENTS
    anew: bool = False
    out: Path | None = None
    resume: bool = False


def to_stderr(line: str) -> None:
    """The usual ``note``: one line for each peer that is skipped or void."""
    print(line, file=sys.stderr, flush=True)


def run(
    networks: Sequence[str] | None, settings: Settings, note: Note = to_stderr
) -> list[tuple[dict[str, str], list[Row]]]:
    """The facts of the machine and the rows of each network (see ``rows.row``).

    ``networks``: shipped models, compiled files, or registered networks, which get weights of noise
    if there are no others; None means every shipped model. One that fails is noted, and the others
    go on.
    Raises InputError for fewer than 2 rounds or starts or an unknown network, RunError when no
    network could be measured.
    """
    if settings.rounds < 2 or settings.starts == 1:
        raise InputError(
            f"rounds and starts: expected at least 2, got {settings.rounds} and {settings.starts}"
        )
    busy = load()
    if busy is not None and busy > BUSY:
        note(f"warning: load average {busy:.1f} before the start; a busy machine blurs times")
    names = list(networks) if networks is not None else sorted(models.of_task("face-embedding"))
    with tempfile.TemporaryDirectory(prefix="pocketvision-bench-") as scratch:
        found = list(_each(names, settings, settings.work or Path(scratch), note))
    if not found:
        raise RunError(f"no network could be measured: {', '.join(names)}; the reasons are above")
    return found


def _each(
    names: list[str], settings: Settings, work: Path, note: Note
) -> Iterator[tuple[dict[str, str], list[Row]]]:
    for given in names:
        machine = facts(PACKAGES)
        network = locate(given, work, anew=settings.anew)
        file = settings.out / f"{network.name}.json" if settings.out else None
        if file is not None and settings.resume and file.is_file():
            kept = report.read_json(file)
            if kept[0]["processor"] != machine["processor"]:
                raise InputError(
                    f"{file}: measured on {kept[0]['processor']}, this is {machine['processor']}; "
                    "name another --out, or leave out --resume"
                )
            note(f"{network.name}: kept as measured on {kept[0]['date']}")
            yield kept
            continue
        rounds = settings.rounds, settings.starts
        try:
            rows: list[dict[str, Any]] = race(network, settings.peers, rounds, settings.envs, note)
        except (Absent, RunError) as reason:
            note(f"{network.name} skipped: {reason}")
            continue
        if file is not None:
            report.write_json(machine, rows, file)
        yield machine, rows
