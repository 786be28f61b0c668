"""Which cells answer for which faces, and what is lost: cases by hand and a slow reference."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.models.detector import LIMIT, cells, decoded  # noqa: E402
from pocketvision.training.train.detect import assign as assigns  # noqa: E402
from pocketvision.training.train.detect.objective import eiou, focal  # noqa: E402

WHERE = cells(64, 96)


def faces(*boxes: tuple[float, float, float, float]) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    middle = (made[:, :2] + made[:, 2:]) / 2
    return made, middle[:, None].expand(-1, 5, 2).clone()


def untrained(seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return 0.3 * torch.randn(len(WHERE), 16) + torch.tensor([-1.0, -1] + [1.0] * 4 + [0.0] * 10)


def test_what_is_wanted_decodes_to_itself() -> None:
    boxes, points = faces((10, 12, 40, 50))
    points += torch.arange(10.0).reshape(5, 2)
    told = assigns.wanted(boxes, points, WHERE[:1])
    values = torch.cat([torch.zeros(1, 2), told], dim=1)
    found = decoded(values[None], WHERE[:1])
    torch.testing.assert_close(found.boxes[0], boxes)
    torch.testing.assert_close(found.points[0], points)


@pytest.mark.parametrize("seed", range(5))
def test_every_face_has_cells_that_can_say_it(seed: int) -> None:
    random = np.random.default_rng(seed)
    places = random.uniform(0, [60, 30], (4, 2))
    sides = random.uniform(7, 34, (4, 1)) * [1, 1.2]
    boxes, points = faces(*np.concatenate([places, places + sides], axis=1).tolist())
    found, overlaps = assigns.assign(untrained(seed), WHERE, boxes, points, torch.zeros(4) > 0)
    for face in range(4):
        cell = torch.nonzero(found == face)[:, 0]
        box = boxes[face]
        # Two faces may want the one cell of a small one; else each has its own.
        alone = all(
            assigns.pairwise(boxes[face : face + 1], boxes[other : other + 1]) < 0.01
            for other in range(4) if other != face
        )  # fmt: skip
        assert len(cell) or not alone
        told = assigns.wanted(box, points[face], WHERE[cell])
        assert (told.abs() <= LIMIT).all()
        near = torch.maximum((box[2:] - box[:2]) / 2, assigns.NEAR * WHERE[cell, 2:])
        assert ((WHERE[cell, :2] - (box[:2] + box[2:]) / 2).abs() <= near).all()
        said = decoded(untrained(seed)[None], WHERE).boxes[0, cell]
        torch.testing.assert_close(overlaps[cell], assigns.pairwise(said, box[None])[:, 0])


def test_a_face_gets_the_cheapest_of_its_candidates() -> None:
    """The reference: all candidates by a loop, sorted by cost."""
    boxes, points = faces((20, 10, 52, 46))
    values = untrained(7)
    found, _ = assigns.assign(values, WHERE, boxes, points, torch.zeros(1) > 0)
    said = decoded(values[None], WHERE)
    cost, common = {}, {}
    for index, (x, y, stride) in enumerate(WHERE.tolist()):
        reach = [
            min(max(side / 2, assigns.NEAR * stride), assigns.FAR * stride) for side in (32, 36)
        ]
        told = assigns.wanted(boxes[0], points[0], WHERE[index])
        if abs(x - 36) > reach[0] or abs(y - 28) > reach[1] or told.abs().max() > LIMIT:
            continue
        if assigns.SMALLEST * stride > 36:
            continue
        iou = assigns.pairwise(said.boxes[0, index : index + 1], boxes).item()
        common[index] = iou
        cost[index] = -np.log(said.scores[0, index]) - assigns.OVERLAP_COST * np.log(max(iou, 1e-3))
    number = max(1, int(sum(sorted(common.values())[-assigns.BEST :])))
    expected = sorted(sorted(cost, key=lambda index: cost[index])[:number])
    assert torch.nonzero(found == 0)[:, 0].tolist() == expected


def test_ignored_faces_are_neither() -> None:
    boxes, points = faces((0, 0, 32, 32))
    found, _ = assigns.assign(untrained(), WHERE, boxes, points, torch.ones(1) > 0)
    inside = (WHERE[:, :2] <= 32).all(dim=1)
    assert (found[inside] == assigns.IGNORED).all()
    assert (found[~inside] == assigns.BACKGROUND).all()


def test_no_face_at_all() -> None:
    boxes, points = faces()
    found, overlaps = assigns.assign(untrained(), WHERE, boxes, points, torch.zeros(0) > 0)
    assert (found == assigns.BACKGROUND).all() and not overlaps.any()


def test_eiou_of_boxes_by_hand() -> None:
    true = torch.tensor([[0.0, 0, 10, 10]])
    assert eiou(true, true).item() == pytest.approx(0)
    # Half of it: IoU 1/2; centres 2.5 apart within 10x10; width 5 short of 10.
    half = torch.tensor([[0.0, 0, 5, 10]])
    assert eiou(half, true).item() == pytest.approx(0.5 + 2.5**2 / 200 + 25 / 100)
    # What does not overlap is pulled nearer all the same.
    far, near = (torch.tensor([[x, 0, x + 10, 10]], requires_grad=True) for x in (30.0, 20.0))
    assert eiou(far, true).item() > eiou(near, true).item() > 1
    eiou(near, true).sum().backward()
    assert near.grad is not None and near.grad[0, [0, 2]].sum() > 0


def test_focal_is_cross_entropy_weighed_by_the_error() -> None:
    logits, targets = torch.tensor([0.0, 3.0]), torch.tensor([1.0, 1.0])
    plain = -torch.nn.functional.logsigmoid(logits)
    torch.testing.assert_close(focal(logits, targets, 0), plain)
    torch.testing.assert_close(focal(logits, targets, 2), plain * (1 - logits.sigmoid()) ** 2)
