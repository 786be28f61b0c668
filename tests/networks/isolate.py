"""``check`` in a process of its own: what kills compiled code is an outcome like any other."""

from __future__ import annotations

import multiprocessing
import os
import random
from multiprocessing.connection import Connection
from pathlib import Path

from .check import Outcome, check


def isolated(network: str, quantiser: str, size: int | None, folder: Path, limit: float) -> Outcome:
    """``check`` in a child process; a signal or the end of its time is an outcome too."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(theirs, network, quantiser, size, folder))
    child.start()
    theirs.close()
    try:
        if not ours.poll(limit):
            child.kill()
            return Outcome(network, quantiser, "?", "time", f"took more than {limit:.0f} s")
        return ours.recv()
    except EOFError:
        child.join()
        code = child.exitcode or 0
        name = f"signal {-code}" if code < 0 else f"exit {code}"
        return Outcome(network, quantiser, "?", name, f"the process ended with {name}")
    finally:
        child.join()


def _child(to: Connection, network: str, quantiser: str, size: int | None, folder: Path) -> None:
    # Sessions of the quantisers have a thread a core, which spin where others compute too.
    os.sched_setaffinity(0, {random.choice(list(os.sched_getaffinity(0)))})
    to.send(check(network, quantiser, size, folder))
