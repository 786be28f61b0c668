"""InsightFace record files (``train.rec`` beside ``train.idx``), read-only, without mxnet.

RecordIO: each record is magic, a word of 3 flag and 29 length bits, the content, padding to 4
bytes; content longer than a record, or holding the magic, is split into parts (flags 1 first, 2
middle, 3 last) that the magic joins again. The content of a picture is a header (flag, label, two
ids; ``flag`` further labels if it is above 0) and an encoded picture. Record 0 of a training set
holds two labels: the first record that describes a person, and one past the last; each of those,
the range of the person's pictures.
"""

from __future__ import annotations

import struct
from pathlib import Path

from .base import stamp
from .pictures import EncodedSet, numbered

MAGIC = 0xCED7230A
HEADER = struct.Struct("<IfQQ")
FRAME = struct.Struct("<II")


class Record(EncodedSet):
    """Pictures of a record file; ``place`` is the ``.rec`` file or the folder of ``train.rec``.

    Raises:
        FileNotFoundError: the .rec or the .idx is missing.
        ValueError: a frame is cut short, or an offset of the index points to none.
    """

    def __init__(self, place: Path):
        self.file = place / "train.rec" if place.is_dir() else place
        index = self.file.with_suffix(".idx")
        for file in (self.file, index):
            if not file.is_file():
                raise FileNotFoundError(f"{file}: no such file; a record set is .rec and .idx")
        self.offsets = _offsets(index, self.file.stat().st_size)
        self.keys = self._pictures()
        found = [self._label(key) for key in self.keys]
        kinds = sorted(set(found))
        super().__init__([f"{label:g}" for label in kinds], numbered(kinds, found))

    def encoded(self, index: int) -> tuple[bytes, str]:
        return self._content(index), f"{self.file}: record {self.keys[index]}"

    def stamp(self) -> str:
        return stamp((self.file, self.file.with_suffix(".idx")))

    def _content(self, index: int) -> bytes:
        return self._unpack(self.keys[index])[1]

    def _label(self, key: int) -> float:
        return self._unpack(key, head=True)[0][0]

    def _pictures(self) -> list[int]:
        if 0 in self.offsets:
            labels, content = self._unpack(0)
            if len(labels) == 2 and not content:
                return list(range(1, int(labels[0])))
        return sorted(self.offsets)

    def _unpack(self, key: int, head: bool = False) -> tuple[list[float], bytes]:
        if key not in self.offsets:
            raise ValueError(
                f"{self.file.with_suffix('.idx')}: no record {key}; get the file again"
            )
        content = self._frames(self.offsets[key], HEADER.size + 8 if head else None)
        if len(content) < HEADER.size:
            raise ValueError(f"{self.file}: record {key} is shorter than its header; get it again")
        flag, label, _, _ = HEADER.unpack_from(content)
        if not flag:
            return [label], content[HEADER.size :]
        end = HEADER.size + 4 * flag
        count = 1 if head else flag
        return list(struct.unpack_from(f"<{count}f", content, HEADER.size)), content[end:]

    def _frames(self, offset: int, most: int | None) -> bytes:
        parts: list[bytes] = []
        with open(self.file, "rb") as file:
            file.seek(offset)
            while True:
                frame = file.read(FRAME.size)
                if len(frame) < FRAME.size:
                    raise self._broken(offset, "ends inside a frame")
                magic, word = FRAME.unpack(frame)
                if magic != MAGIC:
                    raise self._broken(offset, f"expected the magic {MAGIC:#x}, got {magic:#x}")
                flag, size = word >> 29, word & ((1 << 29) - 1)
                content = file.read(size if most is None else min(size, most))
                if most is None and len(content) < size:
                    raise self._broken(offset, f"ends {size - len(content)} bytes early")
                parts.append(content)
                if flag in (0, 3) or most is not None:
                    return struct.pack("<I", MAGIC).join(parts)
                file.seek(-size % 4, 1)

    def _broken(self, offset: int, why: str) -> ValueError:
        return ValueError(f"{self.file}: the record at byte {offset} {why}; get the file again")


def _offsets(index: Path, length: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for number, line in enumerate(index.read_text().splitlines(), start=1):
        fields = line.split()
        if len(fields) != 2 or not all(field.isdigit() for field in fields):
            raise ValueError(f"{index}: line {number}: expected 'key offset', got {line!r}")
        key, offset = map(int, fields)
        if offset >= length:
            raise ValueError(
                f"{index}: line {number}: offset {offset} is past the end of the record file "
                f"({length} bytes), which is cut short; get it again"
            )
        found[key] = offset
    return found
