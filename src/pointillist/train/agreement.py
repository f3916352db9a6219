"""How well predictions agree with annotations of any kind: counted in one confusion matrix."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE
from pointillist.metrics.confusion import confusion_matrix, dice

UNITS = 10
"""A statement about a whole image (a tag, a size) counts like so many clicks."""


class Agreement:
    """Counts agreement and disagreement over images.

    Labelled pixels count as they are. Of a box, each row and each column across it should meet the object:
    one that does counts as a hit, one that does not as a miss. A tag counts ten hits, misses or false alarms,
    and so does a range of sizes, in part: by the share of the range's nearer end that is lacking or too much.

    Args:
        num_classes: K.
    """

    def __init__(self, num_classes: int) -> None:
        self.matrix = np.zeros((num_classes, num_classes), dtype=np.int64)
        self._logs, self._counts = np.zeros(num_classes), np.zeros(num_classes)

    def add(self, probs: Float[np.ndarray, "k h w"], known: Known) -> None:
        """Count one image."""
        prediction = probs.argmax(0).astype(np.uint8)
        labels = known.labels
        self.matrix += confusion_matrix(prediction, labels, len(self.matrix))
        for k in np.unique(labels[labels != IGNORE]):
            here = labels == k
            self._logs[k] += np.log(np.maximum(probs[k][here], 1e-6)).sum()
            self._counts[k] += here.sum()
        for label, top, left, bottom, right in known.boxes:
            found = prediction[top:bottom, left:right] == label
            touched = int(found.any(0).sum() + found.any(1).sum())
            self._count(label, touched, sum(found.shape) - touched, 0)
        areas = np.bincount(prediction.ravel(), minlength=len(self.matrix))
        for k in range(1, len(self.matrix)):
            self._add_statement(k, int(areas[k]), known)

    def _add_statement(self, k: int, area: int, known: Known) -> None:
        """Count a tag or a range of sizes, but for what labels and boxes have said already."""
        if (known.labels == k).any() or (known.boxes[:, 0] == k).any() or (known.labels != IGNORE).all():
            return
        low, high = known.sizes[k]
        low = max(low, float(known.tags[k] == 1))
        if known.tags[k] == 0:
            self._count(k, 0, 0, UNITS * (area > 0))
        elif low > 0 and area < low:
            hits = round(UNITS * area / low)
            self._count(k, hits, UNITS - hits, 0)
        elif np.isfinite(high) and area > high:
            hits = round(UNITS * high / area)
            self._count(k, hits, 0, UNITS - hits)
        elif low > 0 or np.isfinite(high):
            self._count(k, UNITS, 0, 0)

    def _count(self, label: int, hits: int, misses: int, false_alarms: int) -> None:
        self.matrix[label, label] += hits
        self.matrix[label, 0] += misses
        self.matrix[0, label] += false_alarms

    def likelihood(self) -> float:
        """Give the mean log p of the true class over the labelled pixels, each class weighing the same."""
        seen = self._counts > 0
        return float(np.mean(self._logs[seen] / self._counts[seen])) if seen.any() else 0.0


def mean_dice(matrix: np.ndarray) -> float:
    """Give the mean Dice of the foreground classes that are there; 0 when none is."""
    foreground = dice(matrix)[1:]
    known = foreground[np.isfinite(foreground)]
    return float(known.mean()) if len(known) else 0.0
