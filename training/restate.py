"""The thresholds of shipped files stated anew, from the files themselves.

    python -m pocketvision.training.restate pocketnet-s-128 --weights training/weights \\
        --lfw data/lfw_112 --pairs data/lfw_pairs.txt --compiled \\
        --root data/faces_more --list data/faces_more_list.csv \\
        --root data/faces_extra --list data/faces_extra_list.csv

Embeds LFW with ``<name>.safetensors`` and with ``<name>.int8.onnx`` and writes the thresholds of
the first into ``<name>.json`` and of the second into its own record. Weights, scores and all else
stay; the digests that name the files follow. With --root and --list, the people of
:mod:`training.evaluate.faces.open_set.strangers` also set the thresholds of identification.

With --smallest, which a network of far faces has, thresholds are those of
:mod:`training.evaluate.faces.far.stated` by the installed model alone, in both records, and the
accuracy of pairs with one small face is added to the scores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from pocketvision.faces.calibration.pairs import unit_rows
from pocketvision.files import write_text
from pocketvision.record import METADATA_KEY, Identification, Record, Threshold

from . import models
from .evaluate.faces import lfw, pairs
from .evaluate.faces.embedders import CompiledEmbedder, Embed, OnnxEmbedder
from .evaluate.faces.far import stated
from .evaluate.faces.open_set import entries, strangers
from .export import export
from .models.stored.describe import digest
from .quantize.graph import save
from .quantize.run import stamp


def embeddings(
    name: str, weights: Path, people: strangers.People, *, compiled: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Raw (N, D) of all pictures of ``people`` by the float and by the int8 file, one view each.

    Args:
        compiled: in place of the int8 file, the installed model that was compiled from it.

    Raises:
        ValueError: the installed model has another record than the int8 file.
    """

    def embed(model: Embed) -> np.ndarray:
        return strangers.embed(model, people, progress=sys.stderr.isatty())

    int8: OnnxEmbedder | CompiledEmbedder = OnnxEmbedder(weights / f"{name}.int8.onnx")
    if compiled:
        installed = CompiledEmbedder(name)
        if installed.record != int8.record:
            raise ValueError(f"{name}: the installed model is not of {weights}; build it again")
        int8 = installed
    entry = models.entry(name)
    with tempfile.TemporaryDirectory() as folder:
        floating = Path(folder, "float.onnx")
        export(models.load(name, weights / f"{name}.safetensors"), floating, size=entry.input_size)
        return embed(OnnxEmbedder(floating)), embed(int8)


def thresholds(
    rows: np.ndarray, people: strangers.People, faces: Path, listed: pairs.Pairs, kind: str
) -> list[Threshold]:
    """Those of View 2, from the rows (N, D) of its pictures among those of ``people``."""
    place = {path: row for row, path in enumerate(people.paths)}
    missing = [name for name in listed.images if faces / name not in place]
    if missing:
        raise FileNotFoundError(f"{faces}: {len(missing)} images are missing, such as {missing[0]}")
    return lfw.thresholds(rows[[place[faces / name] for name in listed.images]], listed, kind)


def restate(
    name: str,
    weights: Path,
    floating: list[Threshold],
    int8: list[Threshold],
    identification: tuple[list[Identification], list[Identification]] | None = None,
    *,
    smallest: int | None = None,
    scores: list[dict[str, Any]] | None = None,
) -> tuple[Record, Record]:
    """Writes thresholds into both records of ``name``; returns the records as they were.

    Args:
        identification: of the float and of the int8 file; None keeps what is there.
        smallest: pixels of the smallest face; None keeps what is there.
        scores: take the place of those of their data sets, in both records.

    Raises:
        FileNotFoundError, ValueError: as :func:`rewrite`.
    """

    def change(stated: list[Threshold], which: int) -> Change:
        def fields(old: Record) -> dict[str, Any]:
            new: dict[str, Any] = {"thresholds": stated}
            if identification is not None:
                new["identification"] = identification[which]
            if smallest is not None:
                new["smallest"] = smallest
            if scores is not None:
                anew = {score["dataset"] for score in scores}
                kept = [score for score in old.scores if score["dataset"] not in anew]
                new["scores"] = [*kept, *scores]
            return new

        return fields

    return rewrite(name, weights, change(floating, 0), change(int8, 1))


Change = Callable[[Record], Mapping[str, Any]]
"""The fields that take the place of those of a record."""


def rewrite(name: str, weights: Path, floating: Change, int8: Change) -> tuple[Record, Record]:
    """Writes fields into the records of ``name``: of the float file and inside the int8 one.

    The digests that name the files follow. Returns the records as they were.

    Raises:
        FileNotFoundError: a file of ``name`` is missing below ``weights``.
        ValueError: the files are not those that ``name.json`` was written for.
    """
    paths = [weights / f"{name}{suffix}" for suffix in (".json", ".safetensors", ".int8.onnx")]
    page, tensors, network = paths
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(
                f"{path}: no such file; --weights names the folder of shipped ones"
            )
    record = Record.from_json(page.read_text(encoding="utf-8"))
    for kind, path in (("float_weights", tensors), ("int8_onnx", network)):
        if record.sha256.get(kind) != digest(path):
            raise ValueError(f"{path}: not the file whose digest {page} holds; ship {name} again")
    model = onnx.load(network)
    texts = [entry.value for entry in model.metadata_props if entry.key == METADATA_KEY]
    if len(texts) != 1:
        raise ValueError(f"{network}: expected one record inside, found {len(texts)}")
    inside = Record.from_json(texts[0])
    stamp(model, inside.with_(**int8(inside)))
    digests = record.sha256 | {"int8_onnx": digest(save(model, network))}
    changed = record.with_(**{**floating(record), "sha256": digests})
    write_text(page, changed.to_json() + "\n")
    return record, inside


def far(
    name: str, weights: Path, smallest: int, people: strangers.People, lfw_root: Path,
    listed: pairs.Pairs,
) -> None:  # fmt: skip
    """Restates a network of far faces, see :mod:`training.evaluate.faces.far.stated`."""
    installed = CompiledEmbedder(name)
    if installed.record != OnnxEmbedder(weights / f"{name}.int8.onnx").record:
        raise ValueError(f"{name}: the installed model is not of {weights}; build it again")
    rows = stated.embedded(installed, people, lfw_root, progress=sys.stderr.isatty())
    place = {path: row for row, path in enumerate(people.paths)}
    view = [place[lfw_root / image] for image in listed.images]
    found, scores = stated.verification([own[view] for own in rows], listed, "int8")
    among = stated.identification(rows, people, "int8")
    both = among, among
    restate(name, weights, found, found, both, smallest=smallest, scores=scores)
    for entry in found:
        print(f"{name} FAR {entry['far']:g}: {entry['threshold']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="a shipped network")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the shipped files")
    parser.add_argument("--lfw", type=Path, required=True, help="aligned LFW crops")
    parser.add_argument("--pairs", type=Path, required=True, help="LFW's pairs.txt")
    parser.add_argument(
        "--compiled", action="store_true", help="int8 by the installed model: many times as fast"
    )
    parser.add_argument("--smallest", type=int, help="of a network of far faces: pixels a side")
    strangers.add_sources(parser, required=False)
    given = parser.parse_args()
    kinds = ("float32", "int8")
    try:
        name = models.entry(given.name).name.replace("_", "-")
        listed = pairs.read(given.pairs)
        people = strangers.read(given.lfw, strangers.sources(parser, given))
        if given.smallest is not None:
            far(name, given.weights, given.smallest, people, given.lfw, listed)
            return
        found = embeddings(name, given.weights, people, compiled=given.compiled)
        both = list(zip(found, kinds, strict=True))
        new = [thresholds(rows, people, given.lfw, listed, kind) for rows, kind in both]
        for stated, (rows, kind) in zip(new, both, strict=True):
            stated += entries.more_thresholds(unit_rows(rows), people, kind)
        identification = None
        if given.root:
            one, other = (entries.identification(unit_rows(r), people, k) for r, k in both)
            identification = one, other
        floating, int8 = new
        old = restate(name, given.weights, floating, int8, identification)
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    place = {path: row for row, path in enumerate(people.paths)}
    view = [place[given.lfw / image] for image in listed.images]
    impostors = ~np.array(listed.same)
    for kind, rows, before, after in zip(kinds, found, old, new, strict=True):
        cosine = lfw.cosines([rows[view]], listed)[impostors]
        views = ([e for e in of if "View 2" in e["dataset"]] for of in (before.thresholds, after))
        for was, now in zip(*views, strict=False):
            accepted = [int((cosine >= entry["threshold"]).sum()) for entry in (was, now)]
            print(
                f"{name} {kind} FAR {now['far']:g}: {was['threshold']} ({accepted[0]} of "
                f"{len(cosine)} accepted) -> {now['threshold']} ({accepted[1]})"
            )


if __name__ == "__main__":
    main()
