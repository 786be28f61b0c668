"""Trains the network that says how far a face can be trusted, and writes its C table.

    python -m pocketvision.training.quality --data $POCKETVISION_DATA --detector detector \\
        --table csrc/runtime/face/quality/weights.c --out training/weights/quality

Teacher: the shipped embedders themselves. Each sees a picture as it is and spoilt; the cosine of
the two embeddings is what is left, and the share of other faces, spoilt alike, that it takes for
the same person is the confusion. Trust is what is left where nothing is confused. About ten minutes
on one core, most of them for the samples, which ``--samples FILE`` keeps.

Then the network of the margin, on strangers who are spoilt alike; with ``--margin-alone`` nothing
but that, on top of the network that ``--out`` has.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save

from pocketvision import Embedder, _runtime
from pocketvision.faces.template import ARCFACE_TEMPLATE
from pocketvision.files import write_text, write_whole

from ..data import spoil
from ..data.aside import aside
from . import margin, measure, numbers, rivals, samples, told
from .head import Head, train

TEACHERS = {"facechain-25m": 1, "facechain-125m": 1, "pocketnet-s-128": 4}
"""Each sees every so many-th group of faces; the last takes three times as long as both others."""

SETS = (("train_112", "train_list.csv"), ("faces_more", "faces_more_list.csv"))
FAR = 1e-2
"""False accept rate of the threshold at which strangers that are spoilt alike are compared."""

PART = 16_000
"""Faces whose samples are one file of ``--samples``."""

CLEAN_WEIGHT = 3.0
"""Of a clean picture in the loss: refusing one of those is what people see first."""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="train_112/, faces_more/, lists")
    parser.add_argument(
        "--detector", type=Path, help="pictures/ and pictures.csv: no faces in some"
    )
    parser.add_argument("--samples", type=Path, help="folder that keeps the samples")
    parser.add_argument("--table", type=Path, required=True, help="the C file")
    parser.add_argument("--out", type=Path, required=True, help="folder of record and numbers")
    parser.add_argument("--faces", type=int, default=24_000)
    parser.add_argument("--kept", type=int, default=1_200, help="faces kept aside, to judge by")
    parser.add_argument("--each", type=int, default=4, help="spoilt pictures of a face")
    parser.add_argument("--margin-alone", action="store_true", help="keep the score's network")
    parser.add_argument("--epochs", type=int, default=24)
    return parser.parse_args()


def sampled(given: argparse.Namespace, *, kept: bool) -> samples.Samples:
    """What is trained on, or what is kept aside, spoilt in the held-out ways too."""
    faces = [
        face
        for folder, listed in SETS
        for face in samples.faces(given.data / folder, given.data / listed)
        if aside(face.name) == kept
    ]
    order = np.random.default_rng(1).permutation(len(faces))[: given.kept if kept else given.faces]
    parts = []
    for part, start in enumerate(range(0, len(order), PART)):
        name = "kept.npz" if kept else f"train-{part}.npz"
        held = given.samples / name if given.samples else None
        if held and held.exists():
            parts.append(samples.load(held))
            continue
        empty = samples.backgrounds(given.detector, kept=kept) if given.detector else []
        parts.append(
            samples.make(
                [faces[i] for i in order[start : start + PART]],
                [teacher(name) for name in TEACHERS],
                _runtime.quality_features,
                kinds=list(spoil.KINDS if kept else spoil.SHOWN),
                each=6 if kept else given.each,
                empty=empty if part == 0 else [],
                seed=2 + kept + 10 * part,
                progress=sys.stderr.isatty(),
            )
        )
        if held:
            held.parent.mkdir(parents=True, exist_ok=True)
            samples.save(held, parts[-1])
    return samples.joined(parts)


def teacher(name: str) -> samples.Teacher:
    embedder = Embedder(name)
    return samples.Teacher(
        embedder.embed, embedder.record.threshold_at(FAR)["threshold"], TEACHERS[name]
    )


def main() -> None:
    given = parse()
    if not given.margin_alone:
        train_head(given)
    train_margin(given)


def rivalling(given: argparse.Namespace) -> rivals.Rivals:
    """Strangers spoilt alike, of faces that are not kept aside."""
    held = given.samples / "rivals.npz" if given.samples else None
    if held and held.exists():
        return rivals.load(held)
    faces = [
        face
        for folder, listed in SETS
        for face in samples.faces(given.data / folder, given.data / listed)
        if not aside(face.name)
    ]
    faces = [faces[i] for i in np.random.default_rng(11).permutation(len(faces))]
    more = given.data / SETS[1][0]
    no_person = frozenset(f.name.split("/")[0] for f in faces if f.path.is_relative_to(more))
    made = rivals.make(
        faces,
        rivals.people(faces, no_person),
        [teacher(name) for name in TEACHERS],
        _runtime.quality_features,
        lambda crops: _runtime.qualities(crops, None, np.array(ARCFACE_TEMPLATE), 0, 0)["score"],
        progress=sys.stderr.isatty(),
    )
    if held:
        held.parent.mkdir(parents=True, exist_ok=True)
        rivals.save(held, made)
    return made


def train_margin(given: argparse.Namespace) -> None:
    """The margin's network, its C file beside the other's, numbers and record."""
    own = load_file(given.out / "head.safetensors")
    made = rivalling(given)
    inputs = numbers.hidden(own, made.features)
    held_out = np.isin(made.kinds, [samples.NAMES.index(name) for name in spoil.HELD_OUT])
    shown = made.of(~held_out)
    net = margin.train(shown, inputs[~held_out])
    found = numbers.margin_numbers(net)
    answers = numbers.margins(found, inputs)
    record = {
        "name": "quality-margin",
        "data": "aligned crops of CelebA, Bollywood, film frames (446 people), AAF, UTKFace, "
        f"synthetic and masked faces: {len(shown.kinds):,} pictures in groups of up to "
        f"{rivals.GROUP} strangers, spoilt alike or clean. None of LFW",
        "teacher": f"{', '.join(TEACHERS)}: cosine of strangers less the threshold at FAR {FAR:g}",
        "licence": "non-commercial research (training images); code Apache-2.0",
        "date": datetime.now(UTC).date().isoformat(),
        "shown": list(spoil.SHOWN),
        "held_out": list(spoil.HELD_OUT),
        "asked": [margin.ASKED, margin.ASKED_GOOD],
        "bytes": int(sum(array.nbytes for array in found.values())),
        "strangers that match, and beyond the margin": {
            what: rivals.matches(made.of(rows), answers[rows])
            for what, rows in (
                ("clean", made.kinds == 0),
                ("shown", ~held_out & (made.kinds != 0)),
                ("held_out", held_out),
            )
        },
    }
    write_text(given.table.with_name("margin.c"), numbers.c_text(found, numbers.MARGIN_TEXT))
    numbers_file = save(found)
    write_whole(given.out / "margin.safetensors", lambda file: file.write(numbers_file))
    write_text(given.out / "margin.json", json.dumps(record, indent=1) + "\n")
    print("margin", json.dumps(record["strangers that match, and beyond the margin"]))


def train_head(given: argparse.Namespace) -> None:
    """The score's network, its C file, numbers and record."""
    kept, shown = sampled(given, kept=True), sampled(given, kept=False)
    good = np.isin(np.array(samples.NAMES)[shown.kinds], ["clean", *samples.OFTEN])
    weights = np.where(good, CLEAN_WEIGHT, 1).astype(np.float32)
    head = train(shown.features, told.told(shown), weights, epochs=given.epochs)
    found = numbers.numbers(head)
    score = logits(head, kept)[:, 0]
    metrics = {
        "network": measure.figures(1 / (1 + np.exp(-score)), kept),
        "logistic rule by hand": measure.figures(measure.by_hand(shown, kept), kept),
    }
    record = {
        "name": "quality-head",
        "data": "aligned crops of CelebA, Bollywood, film frames (446 people), AAF, UTKFace, "
        f"synthetic and masked faces: {int((shown.kinds == 0).sum()):,}, spoilt "
        f"{len(shown.kinds):,} times; pictures without a face. None of LFW",
        "teacher": f"{', '.join(TEACHERS)}: cosine of the spoilt crop's embedding with the crop's, "
        f"and confusion with {samples.GROUP - 1} others spoilt alike at FAR {FAR:g}",
        "licence": "non-commercial research (training images); code Apache-2.0",
        "date": datetime.now(UTC).date().isoformat(),
        "shown": list(spoil.SHOWN),
        "held_out": list(spoil.HELD_OUT),
        "bytes": int(sum(array.nbytes for array in found.values())),
        "kept aside": metrics,
    }
    write_text(given.table, numbers.c_text(found))
    numbers_file = save(found)
    write_whole(given.out / "head.safetensors", lambda file: file.write(numbers_file))
    write_text(given.out / "head.json", json.dumps(record, indent=1) + "\n")
    for name, figures in metrics.items():
        print(name, json.dumps({k: v for k, v in figures.items() if k != "passed_of_bad"}))


def logits(head: Head, of: samples.Samples) -> np.ndarray:
    with torch.no_grad():
        return head(torch.from_numpy(of.features).float()).double().numpy()


if __name__ == "__main__":
    main()
