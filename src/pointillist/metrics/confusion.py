"""Metrics of one confusion matrix: rows are the truth, columns the prediction."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from jaxtyping import Float64, Int64

from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE, MaskArray

Matrix: TypeAlias = Int64[np.ndarray, "k k"]
Matrices: TypeAlias = Int64[np.ndarray, "*batch k k"]
PerClass: TypeAlias = Float64[np.ndarray, "*batch k"]
PerMatrix: TypeAlias = Float64[np.ndarray, "*batch"]
Counts: TypeAlias = Int64[np.ndarray, "*sizes"]
Ratios: TypeAlias = Float64[np.ndarray, "*sizes"]


def confusion_matrix(prediction: MaskArray, truth: MaskArray, num_classes: int) -> Matrix:
    """Count the pixels of every pair (true class, predicted class); unknown pixels are not counted.

    ``M[i, j] = #{pixels with truth i and prediction j}``. Matrices of several images add up to the matrix of
    all their pixels, so a data set's scores depend neither on the order of the images nor on batches.

    Args:
        prediction: predicted classes; its values where the truth is unknown are immaterial.
        truth: true classes, IGNORE where unknown (void, or outside the region that counts).
        num_classes: K, with background.

    Shapes:
        (H, W), (H, W) -> (K, K)

    Raises:
        InputError: the sizes differ, or a class is not in 0..K-1 at a known pixel.

    >>> truth = np.array([[0, 0, 1, 1, 255]], np.uint8)
    >>> confusion_matrix(np.array([[0, 1, 1, 1, 1]], np.uint8), truth, 2).tolist()
    [[1, 1], [0, 2]]
    """
    if prediction.shape != truth.shape:
        fix = "Bring the prediction to the size of its mask first."
        raise InputError("prediction and truth must have one size", f"{prediction.shape}, {truth.shape}", fix)
    # All pairs of two bytes are counted at once: no copy of the known pixels, and wrong classes show up.
    pairs = truth.ravel().astype(np.uint16) << 8 | prediction.ravel()
    counts = np.bincount(pairs, minlength=1 << 16).reshape(256, 256).astype(np.int64, copy=False)
    known = np.delete(counts, IGNORE, axis=0)
    for what, wrong in (("truth", known[num_classes:]), ("prediction", known[:, num_classes:].T)):
        if wrong.any():
            first = num_classes + int(wrong.any(axis=1).argmax())
            expected = f"{what} must hold classes in 0..{num_classes - 1}" + ", or 255" * (what == "truth")
            raise InputError(expected, f"class {first}", "Check the number of classes and the mask's coding.")
    return np.ascontiguousarray(counts[:num_classes, :num_classes])


def flawless(matrix: Matrices) -> Matrices:
    """Give the matrix that a prediction equal to the truth would have.

    A metric has a number there exactly where it asks something of every prediction; where it has none, one is
    measured only because it invented the class.

    >>> flawless(np.array([[6, 1], [1, 2]])).tolist()
    [[7, 0], [0, 3]]
    """
    true = matrix.sum(axis=-1)
    return np.asarray(true[..., None] * np.eye(true.shape[-1], dtype=np.int64))


def _ratio(part: Counts, whole: Counts) -> Ratios:
    """Divide; NaN where the whole is nothing."""
    empty = whole == 0
    return np.asarray(np.where(empty, np.nan, part / np.where(empty, 1, whole)))


def _counts(matrix: Matrices) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give true positives, predicted pixels and true pixels of each class."""
    return np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(axis=-2), matrix.sum(axis=-1)


def dice(matrix: Matrices) -> PerClass:
    """Twice the overlap over the sum of both areas: ``2 TP / (2 TP + FP + FN)``.

    NaN for a class that is absent from truth and prediction; 0 when only one of them has it.

    >>> dice(np.array([[6, 1], [1, 2]])).round(3).tolist()
    [0.857, 0.667]

    Source: Dice 1945; Sorensen 1948.
    """
    hit, predicted, true = _counts(matrix)
    return _ratio(2 * hit, predicted + true)


def iou(matrix: Matrices) -> PerClass:
    """Overlap over union: ``TP / (TP + FP + FN)``; NaN where :func:`dice` is.

    >>> iou(np.array([[6, 1], [1, 2]])).tolist()
    [0.75, 0.5]

    Source: Jaccard 1901.
    """
    hit, predicted, true = _counts(matrix)
    return _ratio(hit, predicted + true - hit)


def sensitivity(matrix: Matrices) -> PerClass:
    """Share of the true pixels that were found (recall): ``TP / (TP + FN)``; NaN when the truth has none."""
    hit, _, true = _counts(matrix)
    return _ratio(hit, true)


def specificity(matrix: Matrices) -> PerClass:
    """Share of the other pixels left alone: ``TN / (TN + FP)``; NaN when every true pixel is of the class."""
    hit, predicted, true = _counts(matrix)
    others = matrix.sum(axis=(-2, -1))[..., None] - true
    return _ratio(others - (predicted - hit), others)


def precision(matrix: Matrices) -> PerClass:
    """Share of the predicted pixels that are right: ``TP / (TP + FP)``; NaN where :func:`dice` is.

    A class that is there but never predicted has precision 0, not NaN: else deleting the last true positive
    would take the image out of the mean and improve it.
    """
    hit, predicted, true = _counts(matrix)
    return np.where((predicted == 0) & (true > 0), 0.0, _ratio(hit, predicted))


def accuracy(matrix: Matrices) -> PerMatrix:
    """Share of the known pixels that are right: ``sum TP / all``; NaN when no pixel is known.

    >>> float(accuracy(np.array([[6, 1], [1, 2]])))
    0.8
    """
    hit, _, true = _counts(matrix)
    return _ratio(np.asarray(hit.sum(axis=-1)), np.asarray(true.sum(axis=-1)))
