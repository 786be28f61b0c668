"""The IJB protocol on a case worked by hand."""

import numpy as np
import pytest

from pocketvision.training.evaluate.faces import templates


def test_features_keep_norms_and_count_detector_scores():
    found = templates.features(
        np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[1.0, 2.0], [0.0, 2.0]]), np.array([0.5, 1.0])
    )
    assert found.tolist() == [[1.0, 1.0], [0.0, 4.0]]


def test_a_video_counts_once():
    # Template 7: medium 1 has two frames, mean (2, 0); medium 2 one picture, (0, 2): sum (2, 2).
    # Template 3: one picture, (0, 5). Had the frames counted singly, 7 would lean to (4, 2).
    faces = np.array([[1.0, 0], [3.0, 0], [0, 2.0], [0, 5.0]])
    vectors, ids = templates.pool(faces, np.array([7, 7, 7, 3]), np.array([1, 1, 2, 1]))
    assert ids.tolist() == [3, 7]
    assert vectors == pytest.approx(np.array([[0, 1], [0.5**0.5, 0.5**0.5]]))
    cosine = templates.cosines(vectors, ids, np.array([3, 7]), np.array([7, 7]), block=1)
    assert cosine == pytest.approx([0.5**0.5, 1])


def test_a_template_without_faces_is_named():
    with pytest.raises(ValueError, match=r"1 templates of the pair list have no face.*\[9\]"):
        templates.cosines(np.eye(2), np.array([1, 2]), np.array([1, 9]), np.array([2, 2]))


def test_tar_at_the_nearest_point():
    # Impostors 0.30, 0.29 ...: 30 of them. FAR 0.1 is three accepted, at 0.28: genuine 0.9, 0.285.
    impostors = 0.30 - 0.01 * np.arange(30)
    scores = np.concatenate([[0.9, 0.285, 0.1349, -0.5], impostors])
    found = templates.tar(scores, np.arange(34) < 4, fars=(0.1, 0.01))
    assert found == {0.1: 0.5}, "30 impostors support FAR 0.1 and not 0.01"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((2, 3)), np.ones((2, 4)), None), "mirrored"),
        ((np.ones((2, 3)), None, np.ones(3)), "detector"),
        ((np.array([[1.0], [np.nan]]), None, None), "face 1 is not finite"),
    ],
)
def test_wrong_features(arguments, message):
    with pytest.raises(ValueError, match=message):
        templates.features(*arguments)
