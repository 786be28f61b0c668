"""Benchmark: our compiled models beside other runtimes on the same weights, one thread each.

    python -m pocketvision.bench --peers --out build/bench

Each peer is tried in every configuration that may help it (PReLU as it is or as relus, exported
or folded graph, storage types, Winograd); the fastest that computes the right embedding enters
the main run, in which all runtimes take turns on one pinned core.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import models
from .benchmarks import ours, report
from .benchmarks.candidate import Absent, Candidate, Example, Runner
from .benchmarks.examples import examples
from .benchmarks.machine import version
from .benchmarks.measure import Timing, interleave, pinned
from .benchmarks.sources import float_record, prepare
from .embedder import Embedder
from .errors import RunError

PEERS = ("peer_onnxruntime", "peer_openvino", "peer_ncnn", "peer_torch")
LEAST_COSINE = 0.95
"""Cosine to onnxruntime's float embedding below which a candidate's time is void."""
PROBE_ROUNDS = 7


@dataclass(frozen=True)
class _Faces:
    """The same crops normalised for the int8 file and for the float files."""

    int8: list[Example]
    floats: list[Example]

    def of(self, candidate: Candidate) -> list[Example]:
        return self.int8 if candidate.precision == "int8" else self.floats


@dataclass(frozen=True)
class _Ready:
    candidate: Candidate
    runner: Runner
    face: Example
    cosine: float | None


def run(
    networks: list[str] | None = None,
    peers: bool = True,
    rounds: int = 50,
    *,
    note: Callable[[str], None] | None = None,
) -> list[dict[str, Any]]:
    """Time networks, and with ``peers`` what other runtimes need for the same weights.

    ``networks``: names of shipped models or paths of compiled files; None means every shipped
    model. ``note``: receives one line for each peer that is skipped or void; default: stderr.
    Rows: network, runtime, version, precision, variant, threads, rounds, median_ms, q1_ms, q3_ms,
    iqr_ms, ratio_to_ours, cosine_to_float (None when there is no float reference).
    Raises ValueError for fewer than 2 rounds or an unknown network, RunError when our own
    embedding is further than ``LEAST_COSINE`` from the float network's.
    """
    if rounds < 2:
        raise ValueError(f"rounds: expected at least 2, got {rounds}")
    rows: list[dict[str, Any]] = []
    for network in networks if networks is not None else sorted(models.shipped()):
        with pinned():
            rows += _network(Embedder(network), peers, rounds, note or _to_stderr)
    return rows


def _network(
    embedder: Embedder, peers: bool, rounds: int, note: Callable[[str], None]
) -> list[dict[str, Any]]:
    faces = _Faces(examples(embedder.record), examples(float_record(embedder.record)))
    with tempfile.TemporaryDirectory(prefix="pocketvision-bench-") as scratch:
        entrants: list[_Ready] = []
        reference = None
        if peers:
            entrants, reference = _peers(embedder.record.name, faces, Path(scratch), note)
        own = _ready(ours.candidate(embedder), faces, reference)
        if own.cosine is not None and own.cosine < LEAST_COSINE:
            raise RunError(
                f"{embedder.name}: its embeddings have cosine {own.cosine:.3f} to the float "
                f"network's, expected at least {LEAST_COSINE}; compile the model again"
            )
        field = [own, *entrants]
        timings = interleave([_call(entrant) for entrant in field], rounds)
    return [
        _row(embedder.record.name, entrant, timing, timings[0], rounds)
        for entrant, timing in zip(field, timings, strict=True)
    ]


def _peers(
    name: str, faces: _Faces, scratch: Path, note: Callable[[str], None]
) -> tuple[list[_Ready], NDArray[Any] | None]:
    """The fastest right candidate of each runtime and precision, and the float embeddings."""
    try:
        sources = prepare(name, scratch)
        from .benchmarks.peer_onnxruntime import load

        reference = _embed(load(sources.floats[0][1]), faces.floats)
    except Absent as reason:
        note(f"{name}: all peers skipped: {reason}")
        return [], None
    chosen: list[_Ready] = []
    for peer in PEERS:
        try:
            found = import_module(f".benchmarks.{peer}", __package__).candidates(sources)
        except Absent as reason:
            note(f"{name}: {peer.removeprefix('peer_')} skipped: {reason}")
            continue
        for _, same in groupby(sorted(found, key=_precision), key=_precision):
            best = _fastest(list(same), faces, reference, note)
            chosen += [best] if best else []
    return chosen, reference


def _fastest(
    candidates: list[Candidate],
    faces: _Faces,
    reference: NDArray[Any],
    note: Callable[[str], None],
) -> _Ready | None:
    right = []
    for candidate in candidates:
        text = f"{candidate.runtime} {candidate.precision} ({candidate.variant})"
        try:
            ready = _ready(candidate, faces, reference)
        except Absent as reason:
            note(f"{text} skipped: {reason}")
            continue
        if ready.cosine is None or not ready.cosine >= LEAST_COSINE:
            note(f"{text} void: cosine {ready.cosine:.3f} to the float network")
            continue
        right.append(ready)
    if not right:
        return None
    probes = interleave([_call(ready) for ready in right], PROBE_ROUNDS)
    return min(zip(probes, right, strict=True), key=lambda pair: pair[0].median)[1]


def _precision(candidate: Candidate) -> str:
    return candidate.precision


def _ready(candidate: Candidate, faces: _Faces, reference: NDArray[Any] | None) -> _Ready:
    runner, crops = candidate.load(), faces.of(candidate)
    if reference is None:
        return _Ready(candidate, runner, crops[0], None)
    found = _embed(runner, crops)
    scale = np.linalg.norm(found, axis=1) * np.linalg.norm(reference, axis=1)
    cosine = float(np.min((found * reference).sum(axis=1) / scale))
    return _Ready(candidate, runner, crops[0], cosine)


def _embed(runner: Runner, faces: list[Example]) -> NDArray[Any]:
    return np.stack([np.array(runner(face), np.float64) for face in faces])


def _call(entrant: _Ready) -> Callable[[], object]:
    runner, face = entrant.runner, entrant.face
    return lambda: runner(face)


def _row(network: str, entrant: _Ready, timing: Timing, own: Timing, rounds: int) -> dict[str, Any]:
    candidate = entrant.candidate
    return {
        "network": network,
        "runtime": candidate.runtime,
        "version": version(candidate.runtime),
        "precision": candidate.precision,
        "variant": candidate.variant,
        "threads": 1,
        "rounds": rounds,
        "median_ms": timing.median,
        "q1_ms": timing.lower,
        "q3_ms": timing.upper,
        "iqr_ms": timing.spread,
        "ratio_to_ours": timing.median / own.median,
        "cosine_to_float": entrant.cosine,
    }


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Command line: prints table and conditions, writes ``bench.json`` and ``bench.png``."""
    parser = argparse.ArgumentParser(prog="pocketvision.bench", description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="*", help="names or compiled files; default: all shipped")
    parser.add_argument("--peers", action="store_true", help="time the other runtimes too")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--out", type=Path, help="folder for bench.json and bench.png")
    options = parser.parse_args(arguments)
    rows = run(options.networks or None, options.peers, options.rounds)
    print(report.table(rows))
    print()
    print(report.conditions(rows))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        print(f"wrote {report.write_json(rows, options.out / 'bench.json')}")
        print(f"wrote {report.write_png(rows, options.out / 'bench.png')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
