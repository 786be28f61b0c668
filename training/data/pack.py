"""Pictures of a source as one tar shard of small WebP files, to travel to a machine with a GPU.

    python -m pocketvision.training.data.pack faces_more --list faces_more_list.csv \\
        --out faces_more.tar --quality 65 --aside

A teacher labels what it sees, so that a student loses nothing by a picture that was packed harder.
The pictures that :func:`aside` keeps from training stay here where ``--aside`` is given.
"""

from __future__ import annotations

import argparse
import io
import tarfile
from pathlib import Path
from typing import BinaryIO

from PIL import Image
from tqdm import tqdm

from pocketvision.files import write_whole

from .aside import aside
from .folder import Folder


def pack(faces: Folder, out: Path, quality: int, keep_aside: bool) -> tuple[int, int]:
    """Writes the shard ``out``; returns the numbers of pictures packed and kept aside.

    Args:
        quality: of WebP, 1 to 100.
    """
    chosen = [index for index, file in enumerate(faces.files) if not (keep_aside and aside(file))]

    def write(stream: BinaryIO) -> None:
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for index in tqdm(chosen, desc=out.name, disable=None):
                picture = io.BytesIO()
                Image.fromarray(faces.image(index)).save(picture, "WEBP", quality=quality)
                label = faces.names[faces.labels[index]]
                for suffix, content in (("webp", picture.getvalue()), ("cls", label.encode())):
                    member = tarfile.TarInfo(f"{index:07d}.{suffix}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))

    write_whole(out, write)
    return len(chosen), len(faces.files) - len(chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="folder of the source's pictures")
    parser.add_argument("--list", type=Path, help="CSV with a column path, and perhaps identity")
    parser.add_argument("--out", type=Path, required=True, metavar="PART.tar")
    parser.add_argument("--quality", type=int, default=70)
    parser.add_argument("--aside", action="store_true", help="leave out what is kept aside")
    given = parser.parse_args()
    try:
        faces = Folder(given.root, given.list)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    packed, kept = pack(faces, given.out, given.quality, given.aside)
    size = given.out.stat().st_size / 2**20
    print(f"{given.out}: {packed:,} pictures, {size:.1f} MiB; {kept:,} kept aside")


if __name__ == "__main__":
    main()
