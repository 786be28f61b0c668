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

from ..candidate import Absent, Example, Sources
from ..race import contest
from ..race.contest import Faces, Note
from ..runtimes import peer_litert, peer_ncnn, peer_openvino
from ..runtimes.child import CHILDREN
from .guest import Guest


@dataclass(frozen=True)
class Entry:
    """One configuration of a peer: the arguments of its ``children/count_RUNTIME.py``."""

    runtime: str
    precision: str
    variant: str
    arguments: tuple[str, ...]
    quantised_by_us: bool = False
    """Whether its int8 file is the one that we compile too."""


@dataclass(frozen=True)
class Counted:
    """Executed instructions, modelled cycles (None without llvm-mca) and the embedding."""

    instructions: int
    cycles: float | None
    embedding: NDArray[np.float32]


def entries(guest: Guest, sources: Sources, note: Note) -> list[Entry]:
    """Every configuration of every peer whose wheel and conversion are there, by runtime."""
    found: list[Entry] = []
    makers = {
        "litert": _litert,
        "ncnn": _ncnn,
        "onnxruntime": _onnxruntime,
        "openvino": _openvino,
    }
    for runtime, make in makers.items():
        try:
            guest.has(runtime)
            found += sorted(make(sources, note), key=lambda one: one.precision)
        except Absent as reason:
            note(f"{runtime} skipped: {reason}")
    return found


def _onnxruntime(sources: Sources, note: Note) -> Iterator[Entry]:
    for precision, files in (("float32", sources.floats), ("int8", sources.int8s)):
        for variant, path in files:
            yield Entry("onnxruntime", precision, variant, (str(path),), precision == "int8")


def _ncnn(sources: Sources, note: Note) -> Iterator[Entry]:
    files = [(variant, peer_ncnn.convert(path)) for variant, path in sources.floats]
    try:
        int8s = [(variant, peer_ncnn.quantise(*pair)) for variant, *pair in _calibrated(sources)]
    except Absent as reason:
        note(f"ncnn int8 skipped: {reason}")
        int8s = []
    for precision in peer_ncnn.PRECISIONS:
        for variant, param in int8s if precision == "int8" else files:
            for winograd in (True, False):
                options = json.dumps(peer_ncnn.options(precision, winograd))
                text = peer_ncnn.text(variant, winograd)
                yield Entry("ncnn", precision, text, (str(param), options))


def _calibrated(sources: Sources) -> Iterator[tuple[str, Path, Path]]:
    assert sources.calibration is not None
    for variant, path in sources.floats:
        if not variant.startswith("exported"):
            yield variant, path, sources.calibration


def _litert(sources: Sources, note: Note) -> Iterator[Entry]:
    made = contest.converted(peer_litert.candidates(sources), note)
    assert sources.calibration is not None
    paths = dict(sources.floats)
    for one in made:
        file = peer_litert.APART.file(one.precision, paths[one.variant], sources.calibration)
        yield Entry("litert", one.precision, one.variant, (str(file),))


def _openvino(sources: Sources, note: Note) -> Iterator[Entry]:
    files = [("float32", *pair) for pair in sources.floats]
    files += [("int8", *pair) for pair in sources.int8s]
    for variant, path, calibration in _calibrated(sources):
        try:
            made = peer_openvino.quantise(path, calibration)
        except Absent as reason:
            note(f"openvino int8 (NNCF, {variant}) skipped: {reason}")
            continue
        files.append(("int8", f"NNCF, {variant}", made))
    for precision, variant, path in files:
        for hint, kind in (("f32", "float32"), ("f16", "float16")):
            options = json.dumps({**peer_openvino.OPTIONS, "INFERENCE_PRECISION_HINT": hint})
            ours = precision == "int8" and not variant.startswith("NNCF")
            if precision == "int8":
                text, kind = f"{variant}, float parts {hint}", "int8"
            else:
                text = variant
            yield Entry("openvino", kind, text, (str(path), options), ours)


def count_entry(guest: Guest, entry: Entry, face: Example, cycles: bool = False) -> Counted:
    """One embedding of ``face`` in the guest; raises Absent with what went wrong."""
    from pocketvision.compile.errors import CompileError
    from pocketvision.compile.machines.cycles import modelled
    from pocketvision.compile.machines.instructions import MARKS, count

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
    guest: Guest, same: list[Entry], faces: Faces, reference: NDArray[Any], noise: bool, note: Note
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
        if not cosine >= contest.least(entry, noise):
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
