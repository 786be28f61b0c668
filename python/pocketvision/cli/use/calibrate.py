"""``pocketvision calibrate FOLDER``: thresholds from pictures of people of one's own."""

from __future__ import annotations

import argparse
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...faces.calibration.place import beside
from ...faces.embedder import Embedder
from ...runtime.shipped import DEFAULT_MODEL, is_path
from .. import folders
from ..common import Verbs, add_model_options, new_file, new_verb
from ..photos import Photos, add_photo_options
from ..text import show, show_json, show_table


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(
        verbs, "calibrate", run, "Set thresholds on people of your own.", "image,plot"
    )
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="of people: folders NAME of pictures"
    )
    parser.add_argument(
        "--far",
        type=float,
        action="append",
        metavar="RATE",
        help="false accept rate that must be carried; again for more (default: all that are)",
    )
    parser.add_argument(
        "--fpir",
        type=float,
        action="append",
        metavar="RATE",
        help="the same for identification: false alarms of strangers",
    )
    parser.add_argument(
        "--out",
        type=new_file,
        metavar="FILE",
        help="default: MODEL.calibration.json, beside a model of one's own",
    )
    parser.add_argument("--plot", type=new_file, metavar="PNG", help="the DET picture")
    parser.add_argument("--html", type=new_file, metavar="HTML", help="one page with everything")
    folders.add_skip_bad(parser)
    add_model_options(parser, calibration=False)
    add_photo_options(parser, one=True)


def run(arguments: argparse.Namespace) -> int:
    """Write the calibration and print its thresholds."""
    if arguments.plot or arguments.html:
        arguments.extra = "demo"
        import matplotlib  # noqa: F401  # what is missing is said before the work

        arguments.extra = "image"
    from ...faces.calibration import calibrate, sheet, sidecar

    found = folders.people(arguments.folder)
    folders.tell(found.skipped)
    _no_copies(found.people)
    embedder = Embedder(
        arguments.model or DEFAULT_MODEL, target=arguments.target, calibration=False
    )
    out = arguments.out or _out(arguments.model or DEFAULT_MODEL, embedder)
    names, paths, rows, bad = _embed(embedder, found.people, arguments)
    bad.report()
    if not rows:
        raise InputError(f"{arguments.folder}: no picture could be used; the reasons are above")
    folder, today = arguments.folder.resolve().name, date.today().isoformat()
    shown = folder.encode(errors="backslashreplace").decode()
    result = calibrate.calibrate(
        np.stack(rows),
        names,
        dataset=f"own people ({shown}, {today})",
        fars=arguments.far,
        fpirs=arguments.fpir,
    )
    calibration = sidecar.Calibration(
        model=embedder.name,
        source_sha256=embedder.model.source_sha256,
        folder=shown,
        date=today,
        people=result.people,
        pictures=result.pictures,
        genuine_pairs=result.genuine_pairs,
        impostor_pairs=result.impostor_pairs,
        thresholds=result.thresholds,
        identification=result.identification,
    )
    warnings = [*_same_names(names), *result.warnings]
    called = [str(path.relative_to(arguments.folder)) for path in paths]
    if arguments.plot:
        sheet.plot(arguments.plot, result, f"{embedder.name} on {shown}")
    if arguments.html:
        sheet.page(arguments.html, result, calibration, called, warnings)
    calibration.write(out)
    if arguments.json:
        skipped = folders.data(found.skipped) + bad.data()
        show_json(_values(result, calibration, called, warnings, out) | {"skipped": skipped})
    else:
        _tell(result, calibration, warnings, sheet, out)
        if not is_path(arguments.model or DEFAULT_MODEL):
            show(f"use it: --calibration {out}")
    return bad.code


def _out(model: str, embedder: Embedder) -> Path:
    """Beside a file of one's own; of a shipped model, in the folder at hand."""
    name = embedder.model.path if is_path(model) else embedder.record.name
    try:
        return new_file(beside(name))
    except argparse.ArgumentTypeError as error:
        raise InputError(f"{error}; name another place with --out") from None


def _embed(
    embedder: Embedder, people: Sequence[tuple[str, Path]], arguments: argparse.Namespace
) -> tuple[list[str], list[Path], list[Any], folders.Bad]:
    """Name, picture and embedding of all that can be used; and what cannot."""
    photos, bad = Photos(embedder, arguments), folders.Bad(arguments.skip_bad)

    def one(path: Path) -> Any:
        return np.asarray(photos.one(path).embeddings[0])

    names: list[str] = []
    paths: list[Path] = []
    rows: list[Any] = []
    for name, path in folders.counted(people, "pictures"):
        row = bad.attempt(path, lambda path=path: one(path))  # type: ignore[misc]
        if row is not None:
            names.append(name)
            paths.append(path)
            rows.append(row)
    return names, paths, rows, bad


def _no_copies(people: Sequence[tuple[str, Path]]) -> None:
    """InputError for equal files under two names: nobody can be told from themselves."""
    sizes: dict[int, list[tuple[str, Path]]] = defaultdict(list)
    for name, path in people:
        sizes[path.stat().st_size].append((name, path))
    seen: dict[str, tuple[str, Path]] = {}
    copies = []
    for alike in (of for of in sizes.values() if len(of) > 1):
        for name, path in alike:
            first = seen.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), (name, path))
            if first[0] != name:
                copies.append(f"{first[1]} and {path}")
    if copies:
        more = f"; and {len(copies) - 10} more" if len(copies) > 10 else ""
        raise InputError(
            f"{len(copies)} pictures stand under two names: {'; '.join(copies[:10])}{more}. Keep "
            "each under one name"
        )


def _same_names(names: Sequence[str]) -> list[str]:
    """A warning for names that differ in spelling only."""
    spelt: dict[str, set[str]] = defaultdict(set)
    for name in names:
        spelt["".join(c for c in name.casefold() if c.isalnum()) or name].add(name)
    twice = [" and ".join(sorted(of)) for of in spelt.values() if len(of) > 1]
    if not twice:
        return []
    return [
        "names that differ in spelling only, which may be one person in two folders: "
        + "; ".join(twice[:10])
    ]


def _values(
    result: Any, calibration: Any, called: Sequence[str], warnings: Sequence[str], out: Path
) -> dict[str, Any]:
    def pairs(of: Sequence[Any]) -> list[dict[str, Any]]:
        return [{"a": called[p.first], "b": called[p.second], "score": p.score} for p in of]

    return asdict(calibration) | {
        "out": str(out),
        "misses": [None if misses is None else asdict(misses) for misses in result.misses],
        "refused": [asdict(item) for item in result.refused],
        "refused_fpirs": [asdict(item) for item in result.refused_fpirs],
        "alike": pairs(result.alike),
        "unlike": pairs(result.unlike),
        "split": pairs(result.split),
        "warnings": list(warnings),
    }


def _tell(result: Any, calibration: Any, warnings: Sequence[str], sheet: Any, out: Path) -> None:
    show(
        f"{calibration.model} on {result.people} people, {result.pictures} pictures: "
        f"{result.genuine_pairs} pairs of one person, {result.impostor_pairs} pairs of people"
    )
    for text in warnings:
        show(f"careful: {text}")
    heading = ["FAR", "threshold", "95 %", "FRR", "95 %"]
    show_table([heading, *sheet.verification(result)], "  ")
    for item in result.refused:
        show(f"not carried: {item.why}")
    if result.identification:
        heading = ["FPIR", "people", "templates each", "threshold", "95 % of the rate"]
        show_table([heading, *sheet.identification(result)], "  ")
    for item in result.refused_fpirs:
        show(f"not carried, identification: {item.why}")
    show(f"written: {out}")
