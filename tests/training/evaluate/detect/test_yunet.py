"""YuNet's cells by a made file: corners, exponentials, colours, sizes and batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.data.detect.faces import Faces, Labels  # noqa: E402
from pocketvision.training.evaluate.detect import __main__ as command  # noqa: E402
from pocketvision.training.evaluate.detect import protocol  # noqa: E402
from pocketvision.training.evaluate.detect.judge import judge  # noqa: E402
from pocketvision.training.evaluate.detect.seen import fit  # noqa: E402
from pocketvision.training.evaluate.detect.yunet import YuNet  # noqa: E402
from pocketvision.training.models.detector import cells  # noqa: E402

from . import made  # noqa: E402

BOX = [0.5, 0.25, float(np.log(3)), float(np.log(2))]
POINTS = [0.0, 0.5, 1.0, 0.5, 0.5, 1.0, 0.25, 1.5, 0.75, 1.5]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> YuNet:
    return YuNet(made.yunet(tmp_path_factory.mktemp("yunet") / "made.onnx", BOX, POINTS))


def test_cells_by_hand(net: YuNet) -> None:
    """Two pictures of another size than the file's; each cell told in the order of ours."""
    pictures = np.zeros((2, 64, 96, 3), np.uint8)
    pictures[1, :8, 16:24] = (0, 144, 160)  # one cell of stride 8, red green blue
    found = net.cells(pictures)
    where = cells(64, 96).numpy()
    assert found.shape == (2, len(where), 16)
    logits = np.log(found[1, 2, :2] / (1 - found[1, 2, :2]))
    np.testing.assert_allclose(logits, [4, 2], atol=1e-4)
    assert found[0, 2, 0] < 1e-6
    for place in (0, 2, 100, len(where) - 1):
        x, y, stride = where[place]
        corner = np.array([x, y]) - stride / 2
        centre = corner + stride * np.array(BOX[:2])
        half = stride * np.array([3, 2]) / 2
        np.testing.assert_allclose(found[0, place, 2:6], [*(centre - half), *(centre + half)],
                                   rtol=1e-5)  # fmt: skip
        points = corner + stride * np.array(POINTS).reshape(5, 2)
        np.testing.assert_allclose(found[0, place, 6:].reshape(5, 2), points, rtol=1e-5)


def test_a_picture_is_fitted_and_faces_come_back_in_its_pixels(net: YuNet) -> None:
    picture = np.zeros((128, 128, 3), np.uint8)
    picture[32:48, 48:64] = (0, 255, 255)  # in the input of 64 pixels: row 2, column 3 of stride 8
    found = net.detector(64, 64)(picture)
    corner = np.array([24, 16])
    centre, half = (corner + 8 * np.array(BOX[:2])) * 2, 2 * 8 * np.array([3, 2]) / 2
    np.testing.assert_allclose(found.boxes[0], [*(centre - half), *(centre + half)], rtol=1e-4)
    assert fit(np.zeros((10, 40, 3), np.uint8), 64, 64).scale == 1.6


def test_the_judge_sees_what_is_found(net: YuNet, tmp_path: Path, capsys) -> None:
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[16:24, 24:32] = (0, 255, 255)
    names = [f"{number}.png" for number in range(12)]
    for name in names:
        Image.fromarray(picture).save(tmp_path / "pictures" / name)
    box = np.array([[28 - 12, 18 - 8, 28 + 12, 18 + 8]], np.float32)
    points = np.array([24, 16]) + 8 * np.array(POINTS, np.float32).reshape(1, 5, 2)
    labels = Labels(box, points.astype(np.float32), ("hand",))
    faces = Faces(tmp_path, tuple(names), (labels,) * 12, ("made",) * 12)
    score = judge(net.detector(64, 64), faces, 64, 64)
    assert (score.recall, score.precision, score.faces) == (1.0, 1.0, 12)
    assert score.error == pytest.approx(0, abs=1e-5)
    rows = list(command.rows("made", net.detector(64, 64), faces, (64, 64)))
    assert [row[1] for row in rows] == ["made", "all"] and rows[0][4] == "1.0000"
    assert protocol.IOU == 0.5


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such model"):
        YuNet(tmp_path / "none.onnx")
    file = made.yunet(tmp_path / "made.onnx", BOX, POINTS)
    model = onnx.load(file)
    del model.graph.output[3]
    onnx.save(model, file)
    with pytest.raises(ValueError, match="not YuNet, it has no output 'kps_8'"):
        YuNet(file)
