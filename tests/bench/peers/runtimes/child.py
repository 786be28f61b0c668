"""A network that runs in a child process, in the environment of its peer: the parent's half.

``children/serve.py`` is the other half and describes the lines. Between two requests the child
waits for a line and takes no time from its neighbours in the round.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..candidate import Absent, Bound, Example

CHILDREN = Path(__file__).parent.with_name("children")
"""Folder of the programs that run with the interpreters of peers."""


class Child:
    """A runner whose network is elsewhere; starts the process, which inherits our pinning."""

    def __init__(self, command: list[str]) -> None:
        # A file and not a pipe: nobody reads it meanwhile, and a full pipe would stop the child.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        self._read()

    def __call__(self, example: Example) -> Bound:
        raw = np.ascontiguousarray(example.tensor, np.float32)
        data = base64.b64encode(raw.tobytes()).decode()
        self._ask({"do": "bind", "shape": raw.shape, "data": data})
        return Bound(lambda: self._ask({"do": "run"}), self._embedding)

    def round(self) -> float:
        """Milliseconds that one embedding of the face bound last takes in the child."""
        return float(self._ask({"do": "round"})["ms"])

    def _embedding(self) -> NDArray[Any]:
        return np.frombuffer(base64.b64decode(self._ask({"do": "read"})["embedding"]), np.float32)

    def close(self) -> None:
        """Ends the process, which stops at the end of its input."""
        process = self._process
        if process.returncode is None:
            process.communicate()
        self._said.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError:
            pass  # It has ended; what it said is in the exception of _read.
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip().splitlines()
        raise Absent(f"its process ended: {said[-1][-200:] if said else 'without a word'}")
