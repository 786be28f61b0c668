"""Peers on aarch64: every configuration of each, counted in QEMU, and the best that is right."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import contest, peer_litert, peer_ncnn
from .candidate import Absent, Example, Sources
from .child import CHILDREN
from .contest import Faces, Note
from .guest import Guest


@dataclass(frozen=True)
class Entry:
    """One configuration of a peer: the arguments of its ``children/count_RUNTIME.py``."""

    runtime: str
    precision: str
    variant: str
    arguments: tuple[str, ...]

    @property
    def quantised_by_us(self) -> bool:
        """Whether its int8 file is the one that we compile too."""
        return self.runtime == "onnxruntime" and self.precision == "int8"


@dataclass(frozen=True)
class Counted:
    """Executed instructions, modelled cycles (None without llvm-mca) and the embedding."""

    instructions: int
    cycles: float | None
    embedding: NDArray[np.float32]


def entries(sources: Sources, note: Note) -> Iterator[Entry]:
    """Every configuration of every peer whose conversion succeeds, sorted by runtime."""
    for precision, files in (("float32", sources.floats), ("int8", sources.int8s)):
        for variant, path in files:
            yield Entry("onnxruntime", precision, variant, (str(path),))
    try:
        for variant, path in sources.floats:
            param = str(peer_ncnn.convert(path))
            for precision in peer_ncnn.PRECISIONS:
                for winograd in (True, False):
                    options = json.dumps(peer_ncnn.options(precision, winograd))
                    text = peer_ncnn.text(variant, winograd)
                    yield Entry("ncnn", precision, text, (param, options))
    except Absent as reason:
        note(f"ncnn skipped: {reason}")
    try:
        made = contest.converted(peer_litert.candidates(sources), note)
    except Absent as reason:
        note(f"litert skipped: {reason}")
        return
    assert sources.calibration is not None
    paths = dict(sources.floats)
    for one in made:
        file = peer_litert.APART.file(one.precision, paths[one.variant], sources.calibration)
        yield Entry("litert", one.precision, one.variant, (str(file),))


def count_entry(guest: Guest, entry: Entry, face: Example, cycles: bool = False) -> Counted:
    """One embedding of ``face`` in the guest; raises Absent with what went wrong."""
    from ..compile.errors import CompileError
    from ..compile.machines.cycles import modelled
    from ..compile.machines.instructions import MARKS, count

    script = CHILDREN / f"count_{entry.runtime}.py"
    with tempfile.TemporaryDirectory(prefix="pocketvision-count-") as folder:
        given, out = Path(folder) / "face.npy", Path(folder) / "embedding.npy"
        np.save(given, face.tensor)
        program = guest.program(script, str(guest.mark()), str(given), str(out), *entry.arguments)
        try:
            nothing, one = count(guest.emulator(), program, MARKS["aarch64"], histogram=cycles)
            spent = modelled([nothing, one]) if cycles else None
        except (CompileError, ValueError) as error:
            raise Absent(str(error).strip().splitlines()[-1][-200:]) from error
        found = np.load(out)
    difference = spent[1] - spent[0] if spent else None
    return Counted(one.executed - nothing.executed, difference, found)


def best(
    guest: Guest, same: list[Entry], faces: Faces, reference: NDArray[Any], least: float, note: Note
) -> tuple[Entry, Counted, float] | None:
    """The right one of ``same`` with the fewest instructions, and its cosine to ``reference``."""
    right: list[tuple[int, Entry, float]] = []
    for entry in same:
        text = f"{entry.runtime} {entry.precision} ({entry.variant})"
        face = faces.of(entry)[0]
        try:
            found = count_entry(guest, entry, face)
        except Absent as reason:
            note(f"{text} skipped: {reason}")
            continue
        cosine = _cosine(found.embedding, reference)
        if not cosine >= least:
            note(f"{text} void: cosine {cosine:.3f} to the float network")
            continue
        right.append((found.instructions, entry, cosine))
    if not right:
        return None
    _, entry, cosine = min(right, key=lambda one: one[0])
    face = faces.of(entry)[0]
    return entry, count_entry(guest, entry, face, cycles=True), cosine


def _cosine(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
