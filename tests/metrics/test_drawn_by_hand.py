"""Metrics of 8 x 8 maps drawn in the source, counted by hand; histograms; what a user may do wrong."""

import numpy as np
import pytest
from scipy.special import expit

from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE
from pointillist.metrics.confusion import (
    accuracy,
    confusion_matrix,
    dice,
    iou,
    precision,
    sensitivity,
    specificity,
)
from pointillist.metrics.curve import Histogram, average_precision, roc_auc
from pointillist.metrics.surface import hd95, surface_dice

CLASSES = {".": 0, "#": 1, "o": 2, "?": IGNORE}


def drawn(*rows: str) -> np.ndarray:
    return np.array([[CLASSES[c] for c in row] for row in rows], np.uint8)


TRUTH = drawn(
    "........",
    ".###....",
    ".###....",
    ".###..??",
    "......??",
    ".....ooo",
    ".....ooo",
    "........",
)
PREDICTION = drawn(
    "........",
    "..###...",
    "..###...",
    "..###.##",
    "......oo",
    ".....o..",
    ".....o..",
    "#.......",
)


def test_counts_and_scores() -> None:
    matrix = confusion_matrix(PREDICTION, TRUTH, 3)
    assert matrix.tolist() == [[41, 4, 0], [3, 6, 0], [4, 0, 2]]
    assert dice(matrix)[1:].tolist() == [2 * 6 / (9 + 10), 2 * 2 / (6 + 2)]
    assert iou(matrix)[1:].tolist() == [6 / 13, 2 / 6]
    assert sensitivity(matrix)[1:].tolist() == [6 / 9, 2 / 6]
    assert precision(matrix)[1:].tolist() == [6 / 10, 1.0]
    assert specificity(matrix)[1:].tolist() == [47 / 51, 1.0]
    assert accuracy(matrix) == 49 / 60


def test_outlines() -> None:
    square = TRUTH == 1
    assert hd95((PREDICTION == 2) & (TRUTH != IGNORE), TRUTH == 2) == 2.0
    # Each outline has 8 pixels (a square's centre is none), 4 of which lie on the other outline.
    shifted = np.roll(square, 1, axis=1)
    assert hd95(shifted, square) == 1.0
    assert hd95(shifted, square, spacing=(1.0, 0.5)) == 0.5
    assert surface_dice(shifted, square, tolerance=1.0) == 1.0
    assert surface_dice(shifted, square, tolerance=0.9) == 8 / 16


def test_empties() -> None:
    nothing, something = np.zeros((6, 8), bool), np.ones((6, 8), bool)
    for one_sided in ((nothing, something), (something, nothing)):
        assert hd95(*one_sided) == 10.0  # the image's diagonal
        assert hd95(*one_sided, spacing=(2.0, 2.0)) == 20.0
        assert surface_dice(*one_sided, tolerance=100.0) == 0.0
    assert np.isnan(hd95(nothing, nothing))
    assert np.isnan(surface_dice(nothing, nothing, tolerance=1.0))
    matrix = confusion_matrix(something.astype(np.uint8), nothing.astype(np.uint8), 2)
    assert [f(matrix)[1] for f in (dice, iou, precision)] == [0.0, 0.0, 0.0]
    assert np.isnan(sensitivity(matrix)[1])
    assert precision(confusion_matrix(nothing.astype(np.uint8), something.astype(np.uint8), 2))[1] == 0.0


def test_scores_of_many_matrices_at_once() -> None:
    matrices = np.arange(2 * 3 * 4 * 4).reshape(2, 3, 4, 4)
    for function in (dice, iou, sensitivity, specificity, precision, accuracy):
        together = function(matrices)
        for place in np.ndindex(2, 3):
            np.testing.assert_array_equal(together[place], function(matrices[place]))


# Probabilities of float64 nearer to 1 than float32 can say are taken as tied: no model gives them.
@pytest.mark.parametrize(
    ("dtype", "spread"),
    [(np.float32, 1.0), (np.float32, 4.0), (np.float32, 12.0), (np.float64, 1.0), (np.float64, 4.0)],
)
@pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
def test_histogram_is_within_a_ten_thousandth(share: float, dtype: type, spread: float) -> None:
    rng = np.random.default_rng(3)
    truth = rng.random((200, 250)) < share
    logits = spread * (rng.normal(size=truth.shape) + 2.0 * truth - 1)
    probs = expit(logits).astype(dtype)
    histogram = Histogram.of(probs, truth)
    assert histogram.roc_auc() == pytest.approx(roc_auc(probs, truth), abs=1e-4)
    assert histogram.average_precision() == pytest.approx(average_precision(probs, truth), abs=1e-4)
    assert histogram.positives.sum() == truth.sum()
    assert histogram.negatives.sum() == (~truth).sum()


def test_histogram_keeps_the_ends_of_the_scale() -> None:
    probs = np.array([0.0, 1e-30, 1e-9, 0.5, 1 - 1e-9, 1.0])
    assert Histogram.of(probs, probs > 1e-10).roc_auc() == 1.0
    assert Histogram.of(probs, np.ones(6, bool)).positives[[0, -1]].tolist() == [1, 1]
    assert np.isnan(Histogram.of(probs[:0], probs[:0] > 0).roc_auc())


def test_histogram_of_hard_decisions_is_exact() -> None:
    rng = np.random.default_rng(0)
    truth, hard = rng.random(5000) < 0.1, (rng.random(5000) < 0.3).astype(np.float32)
    histogram = Histogram.of(hard, truth)
    assert histogram.roc_auc() == pytest.approx(roc_auc(hard, truth), abs=1e-12)
    assert histogram.average_precision() == pytest.approx(average_precision(hard, truth), abs=1e-12)


def test_mistakes_are_named() -> None:
    mask = np.zeros((2, 3), np.uint8)
    with pytest.raises(InputError, match=r"truth must hold classes in 0\.\.1, or 255; got class 4"):
        confusion_matrix(mask, mask + 4, 2)
    with pytest.raises(InputError, match=r"prediction must hold classes in 0\.\.1; got class 255"):
        confusion_matrix(mask + IGNORE, mask, 2)
    with pytest.raises(InputError, match="spacing must be positive"):
        hd95(mask > 0, mask > 0, spacing=(0.0, 1.0))
    with pytest.raises(InputError, match="tolerance"):
        surface_dice(mask > 0, mask > 0, tolerance=-1.0)
    with pytest.raises(InputError, match=r"probs must lie in 0\.\.1; got 0\.0 to 3\.5"):
        Histogram.of(np.array([0.0, 3.5]), np.array([True, False]))
    with pytest.raises(InputError, match=r"probs must lie in 0\.\.1; got nan"):
        Histogram.of(np.array([0.0, np.nan]), np.array([True, False]))
    with pytest.raises(InputError, match="scores must be numbers"):
        roc_auc(np.array([0.0, np.nan]), np.array([True, False]))
