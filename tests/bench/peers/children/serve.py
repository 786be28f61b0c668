"""Child's half of the line protocol: one loaded network that embeds and times itself on demand.

It imports numpy alone, as it runs in the environment of a peer, where pocketvision is not
installed. Requests and answers are lines of JSON (see ``child.py``):

    {"do": "bind", "shape": [1, 3, 112, 112], "data": BASE64}  ->  {}
    {"do": "run"}                                              ->  {}
    {"do": "read"}                                             ->  {"embedding": BASE64}
    {"do": "round"}                                            ->  {"ms": 1.25}

A network is a function that puts a float32 array where its runtime takes it, and returns two calls:
one that embeds it, which alone is timed, and one that reads the embedding.

The first line it writes is ``{"ready": true}``, once the network is loaded.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Network = Callable[[Any], tuple[Callable[[], object], Callable[[], Any]]]


def serve(network: Network) -> None:
    """Answers the lines of standard input until it ends."""
    answers = _private_stdout()
    _answer(answers, {"ready": True})
    run, read = network(np.zeros((1, 3, 112, 112), np.float32))
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "bind":
            raw = np.frombuffer(base64.b64decode(request["data"]), np.float32)
            run, read = network(raw.reshape(request["shape"]).copy())
            _answer(answers, {})
        elif request["do"] == "run":
            run()
            _answer(answers, {})
        elif request["do"] == "read":
            found = np.ascontiguousarray(read(), np.float32)
            _answer(answers, {"embedding": base64.b64encode(found.tobytes()).decode()})
        else:
            # As in the parent's loop: an untimed call first, so that caches hold this network.
            run()
            start = time.perf_counter_ns()
            run()
            _answer(answers, {"ms": (time.perf_counter_ns() - start) / 1e6})


def _private_stdout() -> Any:
    """The pipe to the parent; what libraries print goes to standard error from now on."""
    sys.stdout.flush()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _answer(answers: Any, value: dict[str, Any]) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()
