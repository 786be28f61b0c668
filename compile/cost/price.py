"""Measures what blocks cost and fills a table, batch by batch; what it has already stays."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..emit import firmware
from ..emit.library import emit
from ..errors import CompileError
from ..files import workspace
from ..machines.board import LIMIT
from ..targets import TARGETS, Target
from . import kernels
from .kernels import Block
from .keys import parse
from .table import COMPILER, Row, Table, read, record


def price(
    path: Path,
    target: str,
    keys: Sequence[str],
    *,
    runner: str | None = None,
    again: bool = False,
    about: Mapping[str, str] | None = None,
    progress: bool = False,
) -> Table:
    """Measures the rows of ``keys`` that the table at ``path`` lacks, and writes it batch by batch.

    Args:
        target: one target.
        runner: a command for a board of one's own. It is given the path of each block's compiled
            library, and prints nanoseconds of one run of it. Without one, blocks are counted in
            QEMU (ARM) and timed here, where this machine runs the target.
        again: measure everything in the table anew, and what else ``keys`` names.
        about: when, where and by which command, for the table.
        progress: draw a bar.

    Raises:
        CompileError: no such target, a key that is none, a table of another target or of another
            version of the compiler, an absent tool, a runner that fails.
    """
    if target not in TARGETS:
        raise CompileError(f"target {target!r}: a table is for one target: {', '.join(TARGETS)}")
    for key in keys:
        parse(key)
    words = shlex.split(runner) if runner is not None else []
    if runner is not None and not words:
        raise CompileError(f"runner: expected a command, got {runner!r}")
    chosen = TARGETS[target]
    table = read(path, target, any_compiler=again) if path.exists() else Table(path, target)
    if again:
        # The old rows stay until there are new ones of all of them.
        keys = list(dict.fromkeys([*table.rows, *keys]))
        aside = path.with_name(f"{path.name}.again")
        table = _resumed(aside, target)
    table = replace(table, about={**table.about, **(about or {})})
    if runner is None:
        missing = [key for key in keys if key not in table.rows]
        for rows in _batches(missing, chosen, progress):
            table = record(table, rows)
    else:
        for key in _bar([k for k in keys if _untimed(table.rows.get(k))], progress):
            block = kernels.compiled(key, chosen)
            row = table.rows.get(key) or kernels.unmeasured(block, chosen)
            timed = replace(row, nanoseconds=run(words, block, chosen), quartiles=None)
            table = record(table, {key: timed})
    if again:
        table = record(replace(table, path=path), {})
        aside.unlink(missing_ok=True)
    return table


def _resumed(aside: Path, target: str) -> Table:
    """What a run that was ended has measured anew so far."""
    fresh = Table(aside, target)
    if not aside.exists():
        return fresh
    table = read(aside, target, any_compiler=True)
    return table if table.compiler == COMPILER else fresh


def _untimed(row: Row | None) -> bool:
    return row is None or row.nanoseconds is None


def _batches(keys: Sequence[str], target: Target, progress: bool) -> Iterator[dict[str, Row]]:
    """Rows of the keys, some at a time; a kernel that many blocks have is measured once."""
    meter, waiting = kernels.Meter(target), list[Block]()

    def rows() -> dict[str, Row]:
        meter.measure()
        found = {block.key: kernels.row(block, meter.known) for block in waiting}
        waiting.clear()
        return found

    for key in _bar(keys, progress):
        block = kernels.compiled(key, target)
        waiting.append(block)
        meter.want(block.program, block.calls)
        if meter.full:
            yield rows()
    if waiting:
        yield rows()


def run(command: Sequence[str], block: Block, target: Target) -> float:
    """Nanoseconds that a user's command prints of a block's library, whose path it is given.

    The library runs the block alone, without the copies that a network of it would have around.

    Raises:
        CompileError: the command is absent, fails, or prints no such number.
    """
    program = block.alone()
    with workspace() as work:
        path = work / f"block.{target.name}.{'a' if target.firmware else 'so'}"
        (firmware.emit if target.firmware else emit)(program, target, path)
        try:
            done = subprocess.run(
                [*command, str(path)], capture_output=True, text=True, timeout=LIMIT
            )
        except OSError as error:
            raise CompileError(f"runner {command[0]}: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise CompileError(
                f"runner {command[0]}: {block.key} still ran after {LIMIT:g} s"
            ) from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-500:]
        raise CompileError(
            f"runner {command[0]}: ended with {done.returncode} for {block.key}: {said}"
        )
    try:
        (found,) = map(float, done.stdout.split())
    except ValueError:
        found = -1.0
    if not 0 < found < 1e15:
        raise CompileError(
            f"runner {command[0]}: expected one number of nanoseconds for {block.key}, it printed "
            f"{done.stdout.strip()[:100]!r}"
        )
    return found


def _bar(keys: Sequence[str], progress: bool) -> Iterable[str]:
    """The keys, with what is left on a terminal."""
    from tqdm import tqdm

    bar: Iterable[str] = tqdm(keys, "cost", unit="block", disable=not progress)
    return bar
