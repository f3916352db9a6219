"""How well predictions agree with annotations of any kind, at every place where the line may be drawn."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int64
from scipy import ndimage, optimize

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE

UNITS = 10
"""A statement about a whole image (a tag, a size) counts like so many clicks."""
FEWEST = 30
"""Labelled pixels of a class below which areas are not estimated from them, nor the line moved."""
OFFSETS = np.arange(-4, 4.01, 0.25)
"""What may be added to the background's logit, in steps of which a few clicks can't tell neighbours apart."""
_NEAR_ZERO = np.exp(-(OFFSETS**2) / 2)
_CAUTION = 0.002
_ZERO = int(np.argmin(np.abs(OFFSETS)))


class Agreement:
    """Estimates the Dice score on all pixels from what is known of some, for every offset.

    An offset b is added to the background's logit. Networks that learn from as many clicks on small things as
    on large ones, or from labels that spread too far, draw the line in the wrong place; clicks that nobody
    learnt from show where it belongs.

    - Labelled pixels give the share of class k that is taken for class j, r_kj. The predicted areas a_j of
      the images are known without labels, and a = r' pi holds for the true areas pi: solved for pi by least
      squares, over all offsets at once, those near 0 counting most. Then
      Dice_k = 2 min(pi_k r_kk, a_k) / (pi_k + a_k): that of *all* pixels, though clicks show each class as
      often as people like. With full masks it is the pooled Dice score. A class without a labelled pixel is
      taken to be where it is predicted.
    - Of a box, each row and each column across it should meet the object, and none beside it: hits, misses
      and false alarms. (The background outside boxes is no sample of all background, and is not counted.)
    - A tag counts ten hits, misses or false alarms; so does a range of sizes, in part: by the share of the
      range's nearer end that is lacking or too much.

    Args:
        num_classes: K.

    Source: pi from r and a is the estimator of W. Rogan and B. Gladen, American Journal of Epidemiology 1978,
    for K classes. It supposes that clicks lie anywhere on their class; clicks at centres are always right,
    say nothing about the line, and leave it near where it was.
    """

    def __init__(self, num_classes: int) -> None:
        count, k = len(OFFSETS), num_classes
        self.taken = np.zeros((count, k, k))
        self.areas = np.zeros((count, k))
        self.told = np.zeros((count, k, 3))
        self._boxes = False
        self._logs, self._counts = np.zeros(k), np.zeros(k)

    def add(
        self, probs: Float[np.ndarray, "k h w"], known: Known, region: Bool[np.ndarray, "h w"] | None = None
    ) -> None:
        """Count one image.

        Args:
            probs: class probabilities.
            known: what its annotation says.
            region: where it counts; None: everywhere.
        """
        logs = np.log(np.maximum(probs, 1e-6))
        labels = known.labels
        if len(known.boxes):
            labels = np.where(labels == 0, np.uint8(IGNORE), labels)
        here = labels != IGNORE
        for k in np.unique(known.labels[known.labels != IGNORE]):
            self._logs[k] += logs[k][known.labels == k].sum()
            self._counts[k] += (known.labels == k).sum()
        if len(probs) == 1:
            return
        odds, likeliest = logs[1:].max(0) - logs[0], logs[1:].argmax(0) + 1
        inside = np.ones_like(here) if region is None else region
        if here.any():
            self.taken += _taken(odds[here], likeliest[here], labels[here].astype(int), len(probs))
            one = np.zeros(int(inside.sum()), int)
            self.areas += _taken(odds[inside], likeliest[inside], one, len(probs))[:, 0]
        for k in range(1, len(probs)):
            mine = np.where(inside & (likeliest == k), odds, -np.inf)
            self._add_boxes(k, mine, known)
            self._add_statement(k, mine, known)

    def _add_boxes(self, k: int, odds: np.ndarray, known: Known) -> None:
        boxes = known.boxes[known.boxes[:, 0] == k]
        for axis in (0, 1) if len(boxes) else ():
            wanted = np.zeros(odds.shape[axis], bool)
            for box in boxes:
                wanted[box[1 + axis] : box[3 + axis]] = True
            met = odds.max(1 - axis) > OFFSETS[:, None]
            self._boxes = True
            inside = wanted.astype(float)  # A product of truth values would be one, too.
            self.told[:, k] += np.stack([met @ inside, ~met @ inside, met @ (1 - inside)], 1)

    def _add_statement(self, k: int, odds: np.ndarray, known: Known) -> None:
        """Count a tag or a range of sizes, but for what labels and boxes have said already."""
        if (known.labels == k).any() or (known.boxes[:, 0] == k).any() or (known.labels != IGNORE).all():
            return
        low, high = known.sizes[k]
        low = max(low, float(known.tags[k] == 1))
        area = odds.size - np.searchsorted(np.sort(odds, axis=None), OFFSETS, side="right").astype(float)
        if known.tags[k] == 0:
            self.told[:, k, 2] += UNITS * (area > 0)
        elif low > 0 or np.isfinite(high):
            lacking = np.clip(1 - area / max(low, 1e-9), 0, 1) if low > 0 else np.zeros_like(area)
            much = np.clip(1 - high / np.maximum(area, 1e-9), 0, 1)
            self.told[:, k] += UNITS * np.stack([1 - np.maximum(lacking, much), lacking, much], 1)

    @property
    def curve(self) -> Float[np.ndarray, " o"]:
        """Mean Dice of the foreground classes that are known of, at every offset; 0 where none is."""
        count = self.taken[0].sum(1)
        seen = count > 0
        shares = self.taken / np.maximum(count, 1)[:, None]
        shares[:, ~seen] = np.eye(len(seen))[~seen]
        areas = self.areas / max(1.0, self.areas[0].sum())
        true = _true_areas(shares, areas)
        right = np.minimum(true * np.diagonal(shares, axis1=1, axis2=2), areas)
        hits, misses, false = np.moveaxis(self.told, 2, 0)
        pixels = count.sum() * seen
        overlap = 2 * pixels * right + 2 * hits
        total = pixels * (true + areas) + 2 * hits + misses + false
        return _mean_dice(overlap, total, seen | self.told.any((0, 2)))

    def best(self) -> tuple[float, float]:
        """Give the highest score and its offset: 0 unless both sides of the line are known of.

        With fewer than 30 labelled pixels of a class it is the Dice of the labelled pixels themselves.
        The curve is smoothed, since a few clicks make it jump, and moving the line must be worth it: by
        0.002 b^2, less than a hundredth within the range that matters.
        """
        count = self.taken[0].sum(1)
        clicked = count[count > 0]
        if len(clicked) and clicked.min() < FEWEST and not self._boxes:
            return self._plain(), 0.0
        if not (self._boxes or (count[0] and count[1:].any())):
            return float(self.curve[_ZERO]), 0.0
        smooth = ndimage.gaussian_filter1d(self.curve, 1.0, mode="nearest") - _CAUTION * OFFSETS**2
        # Among equals the one that changes least.
        place = max(range(len(OFFSETS)), key=lambda i: (round(float(smooth[i]), 6), -abs(float(OFFSETS[i]))))
        return float(smooth[place]), float(OFFSETS[place])

    def _plain(self) -> float:
        """Give the Dice of what is labelled or told, as it is: too few pixels are labelled to tell areas."""
        matrix = self.taken[_ZERO]
        hits, misses, false = self.told[_ZERO].T
        overlap = 2 * (np.diagonal(matrix) + hits)
        total = matrix.sum(0) + matrix.sum(1) + 2 * hits + misses + false
        known = matrix.sum(1) + hits + misses + false > 0
        return float(_mean_dice(overlap[None], total[None], known)[0])

    def at(self, offset: float) -> float:
        """Give the score at one offset."""
        return float(self.curve[int(np.argmin(np.abs(OFFSETS - offset)))])

    def likelihood(self) -> float:
        """Give the mean log p of the true class over the labelled pixels, each class weighing the same."""
        seen = self._counts > 0
        return float(np.mean(self._logs[seen] / self._counts[seen])) if seen.any() else 0.0


def _mean_dice(
    overlap: Float[np.ndarray, "o k"], total: Float[np.ndarray, "o k"], known: Bool[np.ndarray, " k"]
) -> Float[np.ndarray, " o"]:
    """Average overlap / total over the foreground classes that are known of; 0 where none is."""
    if not known[1:].any():
        return np.zeros(len(overlap))
    scores = overlap / np.where(total > 0, total, 1)
    means: np.ndarray = scores[:, 1:][:, known[1:]].mean(1)
    return means


def _taken(
    odds: Float[np.ndarray, " n"], likeliest: Int64[np.ndarray, " n"], true: Int64[np.ndarray, " n"], k: int
) -> Float[np.ndarray, "o k k"]:
    """Count, for every offset, how many pixels of each class are taken for which."""
    above = np.searchsorted(OFFSETS, odds)  # So many offsets are exceeded: foreground at all of these.
    steps = len(OFFSETS) + 1
    counts = np.bincount((true * k + likeliest) * steps + above, minlength=k * k * steps)
    counts = counts.reshape(k, k, steps)
    foreground = counts.sum(2, keepdims=True) - np.cumsum(counts, 2)[:, :, :-1]
    foreground = np.moveaxis(foreground, 2, 0).astype(float)
    foreground[:, :, 0] = counts.sum((1, 2)) - foreground.sum(2)
    taken: np.ndarray = foreground
    return taken


def _true_areas(shares: np.ndarray, areas: np.ndarray) -> Float[np.ndarray, " k"]:
    """Solve a = r' pi for the classes' areas, pi >= 0, their sum 1."""
    if not areas.any():
        return np.zeros(areas.shape[1])
    near = np.repeat(_NEAR_ZERO, areas.shape[1])
    equations = np.moveaxis(shares, 2, 1).reshape(-1, areas.shape[1]) * near[:, None]
    heavy = 1e3  # The sum is certain.
    left = np.vstack([equations, np.full((1, areas.shape[1]), heavy)])
    solved: np.ndarray = optimize.nnls(left, np.append(areas.reshape(-1) * near, heavy))[0]
    return solved
