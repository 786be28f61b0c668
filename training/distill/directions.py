"""The projection of a teacher's embeddings to a smaller student's, as a file that runs share.

    python -m pocketvision.training.distill.directions train_112 --list train_list.csv \\
        --teacher mobileface_v2.onnx --size 128 --out mobileface_v2_128.npy
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from pocketvision.files import write_whole

from ..data.folder import Folder
from ..run.parallel import parallel
from . import parts, teacher


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="folder of aligned crops")
    parser.add_argument("--list", type=Path, help="CSV with a column path")
    parser.add_argument("--teacher", type=Path, required=True, help="an ONNX file")
    parser.add_argument("--size", type=int, required=True, help="of the student's embedding")
    parser.add_argument("--out", type=Path, required=True, metavar="DIRECTIONS.npy")
    given = parser.parse_args()
    try:
        faces = Folder(given.root, given.list)
        crops = np.stack(list(parallel(faces.image, range(len(faces)))))
        teachers = [teacher.open_teacher(given.teacher.name, given.teacher.parent)]
        with tempfile.TemporaryDirectory() as folder:
            cache = Path(folder, "teacher.npy")
            parts.embed(teachers, crops, cache)
            found = teacher.basis(teacher.embedded(cache, len(crops)), given.size)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    write_whole(given.out, lambda file: np.save(file, found))
    print(f"{given.out}: {found.shape[0]} dimensions to {found.shape[1]}")


if __name__ == "__main__":
    main()
