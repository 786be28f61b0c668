"""Protocols against cases worked by hand, and invariants on random scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvision.faces.calibration.pairs import DIGITS, rounded
from pocketvision.training.evaluate.faces import protocol


def test_ten_fold_by_hand():
    # Two folds of four. Fold A (d, same): (.105 y) (.205 y) (.305 n) (.155 n); fold B: (.105 y)
    # (.405 y) (.505 n) (.605 n).
    distances = [0.105, 0.205, 0.305, 0.155, 0.105, 0.405, 0.505, 0.605]
    same = [True, True, False, False, True, True, False, False]
    accuracies, thresholds = protocol.ten_fold(distances, same, folds=2)
    # Threshold for A comes from B: all four right first at 0.41, which accepts all of A: 2 of 4.
    # For B from A: three right from 0.11 (one accepted, right) or 0.21; the first is 0.11, which
    # accepts one of B's genuine pairs: 3 of 4.
    assert thresholds == pytest.approx([0.41, 0.11])
    assert accuracies == pytest.approx([0.5, 0.75])


def test_the_comparison_is_strict():
    # At threshold 0 nothing is accepted, not even distance 0; the first best threshold is 0.01.
    _, thresholds = protocol.ten_fold([0.0, 3.0, 0.0, 3.0], [True, False, True, False], folds=2)
    assert thresholds == pytest.approx([0.01, 0.01])


def test_folds_are_contiguous_and_the_first_are_longer():
    accuracies, _ = protocol.ten_fold([0.1, 3, 0.1, 3, 3], [True, False, True, False, True], 2)
    # Folds of 3 and 2. On the second (impostor and genuine at 3) every threshold has one right up
    # to 3, so the first, 0, rejects all of fold one: 1 of 3. Fold one gives 0.11: 1 of 2.
    assert accuracies == pytest.approx([1 / 3, 0.5])


def test_tar_at_far_by_hand():
    scores = [0.9, 0.8, 0.4, 0.3, 0.7, 0.35, 0.2, 0.1]
    same = [True] * 4 + [False] * 4
    assert protocol.tar_at_far(scores, same, 0.0) == 0.5  # above 0.7: two of four
    assert protocol.tar_at_far(scores, same, 0.25) == 0.75  # accepting 0.7 lets 0.4 in
    assert protocol.tar_at_far(scores, same, 0.5) == 1.0  # accepting 0.35 lets 0.3 in


def test_threshold_at_far_by_hand():
    impostors = np.arange(300) / 1000  # 0 .. 0.299
    scores, same = [0.9, *impostors], [True] + [False] * 300
    threshold = protocol.threshold_at_far(scores, same, 0.01)  # three may pass: .297 .298 .299
    assert 0.296 < threshold < 0.297
    assert (impostors >= threshold).sum() == 3


def test_rule_of_three():
    scores, same = [0.9, *np.linspace(0, 0.5, 299)], [True] + [False] * 299
    with pytest.raises(ValueError, match="at least 300 impostor pairs"):
        protocol.threshold_at_far(scores, same, 0.01)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.02, 0.1]), st.booleans())
def test_threshold_never_accepts_more_than_promised(seed, far, ties):
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=800)
    if ties:
        scores = scores.round(1)
    same = np.arange(800) < 400
    threshold = protocol.threshold_at_far(scores, same, far)
    assert (scores[~same] >= threshold).mean() <= far
    # The protocol's TAR counts whole ties, as the threshold does.
    accepted = (scores[same] >= threshold).mean()
    assert accepted == pytest.approx(protocol.tar_at_far(scores, same, far))


def test_views_are_added_before_normalising():
    fused = protocol.fuse([np.array([[3.0, 0.0]]), np.array([[0.0, 4.0]])])
    assert fused == pytest.approx(np.array([[0.6, 0.8]]))


@pytest.mark.parametrize("row", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_an_embedding_without_direction_is_an_error(row):
    with pytest.raises(ValueError, match="embedding 1"):
        protocol.unit(np.array([[1.0, 0.0], row]))


@pytest.mark.parametrize(
    ("distances", "same", "message"),
    [
        ([0.1, 0.2], [True], "shapes"),
        ([0.1, np.nan], [True, False], "not finite"),
        ([0.1, 0.2], [True, True], "only one kind"),
    ],
)
def test_bad_input(distances, same, message):
    with pytest.raises(ValueError, match=message):
        protocol.ten_fold(distances, same, 2)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 7))
def test_printed_thresholds_accept_no_more_impostors_than_their_rate(seed, digits):
    """Scores of few and of many digits: half of them would be rounded down to the nearest."""
    random = np.random.default_rng(seed)
    scores = random.normal(0.1, 0.15, 3100).clip(-0.999, 0.999).round(digits)
    same = np.arange(3100) < 100
    impostors = scores[~same]
    for far in (1e-2, 1e-3):
        exact = protocol.threshold_at_far(scores, same, far)
        printed = float(f"{rounded(exact, up=True):.{DIGITS}f}")
        assert (impostors >= printed).sum() <= far * 3000 + 1e-9
        assert exact <= printed < exact + 1.0001e-4
        assert (impostors >= np.float32(printed)).sum() <= far * 3000 + 1e-9
