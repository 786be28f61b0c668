"""Runs a script as two ranks that one process forks, which has imported torch once for all tests.

Three imports of torch a start were most of what these tests cost. That torchrun starts a run is
tested once, in test_loop.py; here its variables are set as it sets them.
"""

from __future__ import annotations

import multiprocessing
import runpy
import socket
import time
from collections.abc import Sequence
from pathlib import Path

HEAD = """
import os, sys
os.environ.update(RANK=str(RANK), LOCAL_RANK=str(RANK), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2",
                  MASTER_ADDR="127.0.0.1", MASTER_PORT=str(PORT), OMP_NUM_THREADS="1")
os.dup2(os.open(SAID, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
sys.argv[1:] = ARGUMENTS
"""
LIMIT = 600.0
"""Seconds after which a run is ended."""

_context = multiprocessing.get_context("forkserver")
# Optimisers and parallel modules import most of these when they are made.
_context.set_forkserver_preload(
    ["torch._dynamo", "torch.distributed.tensor", "pytest", "pocketvision.training.train.faces"]
)


def start(folder: Path, text: str, arguments: Sequence[object]) -> None:
    """Runs the script ``text`` in ``folder``; where a rank fails, the other is ended.

    Raises:
        AssertionError: a rank failed; says what it wrote.
    """
    script = folder / "ranks.py"
    script.write_text(HEAD + text)
    said = [folder / f"rank-{rank}.txt" for rank in (0, 1)]
    common = {"PORT": _free_port(), "ARGUMENTS": list(map(str, arguments))}
    ranks = [
        _context.Process(
            target=runpy.run_path,
            args=(str(script), common | {"RANK": rank, "SAID": str(said[rank])}),
        )
        for rank in (0, 1)
    ]
    for rank in ranks:
        rank.start()
    deadline = time.monotonic() + LIMIT
    while any(rank.is_alive() for rank in ranks):
        if any(rank.exitcode for rank in ranks) or time.monotonic() > deadline:
            break
        ranks[0].join(0.05)
        ranks[1].join(0.05)
    ended = [rank.exitcode for rank in ranks]
    for rank in ranks:
        rank.kill()
        rank.join()
    wrote = [path.read_text()[-4000:] if path.exists() else "" for path in said]
    assert ended == [0, 0], f"ranks ended with {ended}, and wrote:\n" + "\n".join(wrote)


def _free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]
