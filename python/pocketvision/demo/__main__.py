"""Runs the demonstration: faces of plain photos, scores and verdicts, latency, pictures.

python -m pocketvision.demo --out build/demo
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import InputError, PocketvisionError
from ..faces.compare import verify
from ..faces.find.photo import Faces
from ..runtime.shipped import DEFAULT_MODEL

FAR = 1e-2
SHOWN = 6


def main(arguments: list[str] | None = None) -> int:
    """Prints tables and writes ``photos.png`` and ``faces.png``.

    Returns 0 when all went well, 2 for what is missing.
    """
    parser = argparse.ArgumentParser(prog="pocketvision.demo", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a name or a compiled file")
    parser.add_argument("--rounds", type=int, default=40, help="timed rounds for the latency")
    options = parser.parse_args(arguments)
    try:
        _run(options.model, options.out, options.rounds)
    except ModuleNotFoundError as error:
        print(f"{error}: pip install 'pocketvision[demo]'", file=sys.stderr)
        return 2
    except (PocketvisionError, FileNotFoundError, ValueError) as error:
        print(f"pocketvision.demo: error: {error}", file=sys.stderr)
        return 2
    return 0


def _run(model: str, out: Path, rounds: int) -> None:
    from . import report
    from .compare import score
    from .damage import COPIES
    from .latency import measure
    from .photos import Photo, found, portraits, strangers

    finder = Faces(model)
    embedder = finder.embedder
    print(f"plain photos that scikit-image and matplotlib bring; {embedder.name} on")
    print(f"{embedder.target}, faces found by {finder.detector.name}")
    people, small = portraits(), strangers()
    for photo in people:
        print(
            f"  {photo.name:12} " + "; ".join(f"{f} ({f.quality})" for f in finder.find(photo[1]))
        )
    places = [found(finder, photo) for photo in [*people, *small]]
    faces = [face for face in places if face is not None]
    if None in places[: len(people)]:
        raise InputError(
            "model: the detector finds no face in a portrait; install the package anew"
        )
    original = embedder.embed(faces[0].picture, faces[0].landmarks)[0]
    print("\nthe astronaut against copies of the photo, in which the face is found anew")
    for name, make in COPIES.items():
        copy = found(finder, Photo(name, make(faces[0]).picture))
        if copy is None:
            print(f"  {name:12} no face found")
            continue
        answer = embedder.embed(copy.picture, copy.landmarks)[0]
        print(f"  {name:12} {verify(original, answer, far=FAR, model=embedder)}")
    other = embedder.embed(faces[1].picture, faces[1].landmarks)[0]
    verdict = verify(original, other, far=FAR, model=embedder)
    print(f"  {faces[1].name:12} {verdict}")
    scores = score(finder, faces)
    print(
        f"\ncosine to the original, for both and the {len(faces) - len(people)} of {len(small)} "
        "LFW patches in which a face is found\n(* below the threshold, - no face found in the copy)"
    )
    print(report.table(scores, SHOWN, verdict.threshold))
    print()
    print(report.strangers(scores, verdict.threshold))
    print(
        "The patches are 25x25 grey pixels, enlarged to 75x75: far below what the network is made\n"
        "for. Two of them may show one person. LFW accuracy is measured on full pictures by the\n"
        "official protocol instead: pocketvision evaluate lfw."
    )
    print()
    print(report.latency(measure(embedder, rounds)))
    out.mkdir(parents=True, exist_ok=True)
    drawn = report.write_photos(finder, people, out / "photos.png")
    png = report.write_png(embedder, faces[:SHOWN], scores, verdict.threshold, out / "faces.png")
    print(f"wrote {drawn} and {png}")


if __name__ == "__main__":
    sys.exit(main())
