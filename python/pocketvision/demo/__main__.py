"""Runs the demonstration: scores and verdicts on real faces, latency, a picture.

python -m pocketvision.demo --out build/demo
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import PocketvisionError
from ..faces.compare import verify
from ..faces.embedder import Embedder
from ..runtime.shipped import DEFAULT_MODEL

FAR = 1e-2
SHOWN = 6


def main(arguments: list[str] | None = None) -> int:
    """Prints tables and writes ``faces.png``; 0 when all went well, 2 for what is missing."""
    parser = argparse.ArgumentParser(prog="pocketvision.demo", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for faces.png")
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
    from .faces import PATCH_FACES, astronaut, patches
    from .latency import measure

    embedder = Embedder(model)
    faces = [astronaut(), *patches(PATCH_FACES)]
    scores = score(embedder, faces)
    original = embedder.embed(faces[0].picture, faces[0].landmarks)[0]
    print(f"{embedder.name} on {embedder.target}: scikit-image's astronaut against copies of it")
    for name, make in COPIES.items():
        copy = make(faces[0])
        verdict = verify(
            original,
            embedder.embed(copy.picture, copy.landmarks)[0],
            far=FAR,
            model=embedder,
        )
        print(f"  {name:10} {verdict}")
    stranger = embedder.embed(faces[1].picture, faces[1].landmarks)[0]
    print(f"  {'a stranger':10} {verify(original, stranger, far=FAR, model=embedder)}")
    print(
        f"\ncosine to the original, for the astronaut and {PATCH_FACES} faces of LFW "
        "(* below the threshold)"
    )
    print(report.table(scores, SHOWN, verdict.threshold))
    print()
    print(report.strangers(scores, verdict.threshold))
    print(
        "The patches are 25x25 grey pixels without landmarks, enlarged to 112x112 by bilinear\n"
        "interpolation and aligned by the mean face: far below what the network is made for. Two\n"
        "of them may show one person. LFW accuracy is measured on full pictures by the official\n"
        "protocol instead: pocketvision evaluate lfw."
    )
    print()
    print(report.latency(measure(embedder, rounds)))
    out.mkdir(parents=True, exist_ok=True)
    png = report.write_png(embedder, faces[:SHOWN], scores, verdict.threshold, out / "faces.png")
    print(f"wrote {png}")


if __name__ == "__main__":
    sys.exit(main())
