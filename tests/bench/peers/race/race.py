"""One network: every runtime's best configuration and ours in turns on one pinned core."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pocketvision import Embedder
from pocketvision.bench import start
from pocketvision.bench.measure import pinned, take_turns
from pocketvision.errors import RunError

from ..candidate import Absent, Candidate, Sources
from ..networks.examples import examples
from ..networks.network import Network
from ..networks.sources import float_record, prepare
from ..runtimes import ours, peer_onnxruntime
from . import contest
from .contest import LEAST_COSINE, Faces, Note, Ready
from .rows import row


def race(
    network: Network, peers: Sequence[str], rounds: tuple[int, int], envs: Path, note: Note
) -> list[dict[str, Any]]:
    """The rows of one network, ours first; ``peers`` by name, ``rounds`` of time and of starts.

    Raises RunError when our own embedding is wrong and the weights are not noise.
    """
    embedder = Embedder(network.compiled)
    record = embedder.record
    faces = Faces(examples(record), examples(float_record(record, network.home)))
    # Converters may use every processor; what is timed has one.
    sources, candidates = _candidates(network, peers, envs, note) if peers else (None, [])
    field: list[Ready] = []
    with pinned():
        try:
            reference = _reference(sources, faces, note)
            own = contest.load(ours.candidate(embedder), faces, reference)
            if own.cosine is not None and own.cosine < LEAST_COSINE and not network.noise:
                raise RunError(
                    f"{embedder.name}: its embeddings have cosine {own.cosine:.3f} to the float "
                    f"network's, expected at least {LEAST_COSINE}; compile the model again"
                )
            field.append(own)
            for same in candidates:
                if reference is None:
                    break
                field += contest.best_of_each(same, faces, reference, network.noise, note)
            timings = take_turns([entrant.timed() for entrant in field], rounds[0])
        finally:
            contest.close(field)
        starting = _starts(field, [timing.median for timing in timings], rounds[1])
    return [
        row(network, entrant, timing, timings[0], rounds[0], starting.get(index))
        for index, (entrant, timing) in enumerate(zip(field, timings, strict=True))
    ]


def _candidates(
    network: Network, peers: Sequence[str], envs: Path, note: Note
) -> tuple[Sources | None, list[list[Candidate]]]:
    """The files of a network, and all that peers have made of them: a list for each runtime."""
    name = network.name
    try:
        sources = prepare(name, network.work, network.home, noise=network.noise, envs=envs)
    except Absent as reason:
        note(f"{name}: all peers skipped: {reason}")
        return None, []
    found = []
    for peer in peers:
        try:
            made = import_module(f"...runtimes.peer_{peer}", __name__).candidates(sources)
        except Absent as reason:
            note(f"{name}: {peer} skipped: {reason}")
            continue
        found.append(contest.converted(made, note))
    return sources, [same for same in found if same]


def _reference(sources: Sources | None, faces: Faces, note: Note) -> NDArray[Any] | None:
    """Float embeddings by onnxruntime, which every peer is compared with."""
    if sources is None:
        return None
    try:
        return contest.embed(peer_onnxruntime.load(sources.floats[0][1]), faces.floats)
    except Absent as reason:
        note(f"{sources.name}: all peers skipped, no reference: {reason}")
        return None


def _starts(field: list[Ready], medians: list[float], rounds: int) -> dict[int, start.Start]:
    """Cold starts of the fastest entrant of each runtime, by place in ``field``."""
    best: dict[str, int] = {}
    for index in sorted(range(len(field)), key=medians.__getitem__):
        if field[index].candidate.first is not None:
            best.setdefault(field[index].candidate.runtime, index)
    if not rounds:
        return {}
    programs = [field[index].candidate.first for index in best.values()]
    found = start.measure([one for one in programs if one is not None], rounds)
    return dict(zip(best.values(), found, strict=True))
