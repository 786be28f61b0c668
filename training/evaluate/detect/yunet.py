"""YuNet by onnxruntime: the teacher of our detector, and what it is compared with.

W. Wu, H. Peng, S. Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence
Research 2023; the file of OpenCV's zoo, which takes BGR 0..255. Cells are decoded as OpenCV's
``FaceDetectorYN`` does: offsets count from a cell's corner, sides are exponentials.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from ...models.detector import STRIDES
from .boxes import Found, suppressed
from .seen import OVERLAP, SCORE, back, fit

KINDS = ("cls", "obj", "bbox", "kps")


class YuNet:
    """The network, for inputs of any size.

    Raises:
        FileNotFoundError: no such file.
        ValueError: its outputs are not YuNet's.
    """

    def __init__(self, path: Path, threads: int = 1):
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such model; YuNet of OpenCV's zoo is expected")
        model = onnx.load(path)
        self.outputs = [f"{kind}_{stride}" for stride in STRIDES for kind in KINDS]
        missing = set(self.outputs) - {value.name for value in model.graph.output}
        if missing:
            raise ValueError(f"{path}: not YuNet, it has no output {sorted(missing)[0]!r}")
        for axis, name in zip((0, 2, 3), ("batch", "height", "width"), strict=True):
            model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
        # What was computed for one size is not true of others.
        del model.graph.value_info[:]
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3
        self.name = model.graph.input[0].name
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, ["CPUExecutionProvider"]
        )

    def cells(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of uint8 RGB (N, H, W, 3), sides multiples of 32, what it says of each cell.

        Returns:
            Float32 (N, A, 16): probabilities of class and objectness, then in pixels left, top,
            right, bottom and five points; cells in the order of ``models.detector.cells``.
        """
        count, height, width = pictures.shape[:3]
        planes = np.ascontiguousarray(pictures[..., ::-1].transpose(0, 3, 1, 2), np.float32)
        values = self.session.run(self.outputs, {self.name: planes})
        parts = []
        for index, stride in enumerate(STRIDES):
            rows, columns = height // stride, width // stride
            cls, obj, box, points = (
                value.reshape(count, rows * columns, -1) for value in values[4 * index :][:4]
            )
            y, x = np.divmod(np.arange(rows * columns), columns)
            corner = np.stack([x, y], axis=1).astype(np.float32)
            centres = (corner + box[..., :2]) * stride
            half = np.exp(box[..., 2:]) * stride / 2
            points = (points + np.tile(corner, 5)) * stride
            parts.append(np.concatenate([cls, obj, centres - half, centres + half, points], 2))
        return np.concatenate(parts, axis=1).astype(np.float32)

    def detector(self, height: int, width: int):  # type: ignore[no-untyped-def]
        """A :data:`seen.Detector` of this input size."""

        def detect(picture: NDArray[np.uint8]) -> Found:
            pixels, scale = fit(picture, height, width)
            return back(suppressed(faces(self.cells(pixels[None])[0]), OVERLAP), scale)

        return detect


def faces(cells: NDArray[np.float32]) -> Found:
    """All that may be faces of one picture's cells (A, 16)."""
    scores = np.sqrt(np.clip(cells[:, 0], 0, 1) * np.clip(cells[:, 1], 0, 1))
    found = Found(scores, cells[:, 2:6], cells[:, 6:].reshape(-1, 5, 2))
    return found.chosen(scores >= SCORE)
