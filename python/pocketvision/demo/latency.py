"""Latency of one face: our model and onnxruntime on the same int8 file, in turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..benchmarks import ours, peer_onnxruntime
from ..benchmarks.candidate import Absent, Runner
from ..benchmarks.examples import examples
from ..benchmarks.measure import Timing, interleave, pinned
from ..benchmarks.sources import find_int8
from ..faces.embedder import Embedder


@dataclass(frozen=True)
class Latency:
    """``peer`` is None when onnxruntime could not run; ``reason`` then says why."""

    own: Timing
    peer: Timing | None
    reason: str
    core: int | None


def measure(embedder: Embedder, rounds: int) -> Latency:
    """Times both on one pinned thread, ``rounds`` times in turn."""
    face = examples(embedder.record)[0]
    with pinned() as core:
        runners = [ours.candidate(embedder).load()]
        reason = ""
        try:
            runners.append(peer_onnxruntime.load(find_int8(embedder.record.name)))
        except Absent as absent:
            reason = str(absent)

        def call(runner: Runner) -> Callable[[], object]:
            return lambda: runner(face)

        timings = interleave([call(runner) for runner in runners], rounds)
    return Latency(timings[0], timings[1] if len(timings) > 1 else None, reason, core)
