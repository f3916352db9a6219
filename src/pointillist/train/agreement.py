"""How well predictions agree with annotations of any kind, at every place where the line may be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64
from scipy import ndimage

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, MaskArray
from pointillist.train.calibrate import calibrate
from pointillist.train.line import (
    OFFSETS,
    Areas,
    areas_of,
    beyond,
    crossing,
    each_the_same,
    line_of,
    taken_for,
    two_sided,
)

TOLD = 0.1
"""A statement about a whole image (a tag, a size) counts like a tenth of an image whose pixels are known."""
FEWEST = 20
"""Labelled pixels of a class below which the line is not moved for their sake."""
SLACK = 0.005
"""An estimate this much lower says nothing: on PH2 with 5+5 clicks its own spread is .007."""
BOX_SLACK = 0.01
"""Likewise for rows and columns of boxes, tags and sizes, which hardly see the outline."""
FEWEST_JOINED = 50
"""Likewise with learnt ones among them: drawn by 25 clicks of each class, one line of three cost .019."""
BY_HEART = 2.0
"""Standard errors by which learnt labels may be better known than held-out ones, and still count."""
PARTS = 20
"""So many parts of the images are left out in turn, to tell how far an estimate rests on which there are."""
FEWEST_PARTS = 3
"""Images below which nothing can be told of that."""
_DENSE = 0.25
_SAMPLE = 200_000
_OF_ONE = (256, 16_384)
_CAUTION = 0.002
_ZERO = int(np.argmin(np.abs(OFFSETS)))


class Agreement:
    """Estimates the Dice score on all pixels from what is known of some, for every offset.

    An offset b is added to the background's logit. Networks that learn from as many clicks on small things as
    on large ones, or from labels that spread too far, draw the line in the wrong place; clicks that nobody
    learnt from show where it belongs. Every image weighs the same: the score is the mean over images of
    their Dice, as results are told. What is found in an image that does not show a class counts as false, as
    a share of what is usual in those that do.

    - Images of which a quarter or more is labelled are counted as they are.
    - From fewer labelled pixels the network is calibrated (see `calibrate`), and then an image's expected
      Dice is 2 E[predicted and true] / (E[predicted] + E[true]) over a sample of its pixels. The spread is
      half of that of an estimate which counts right and wrong clicks (on PH2, 5+5 clicks on 40 images). When
      clicks show the background alone, or the foreground alone, they are counted as they are, together.
    - Of a box, each row and each column across it should meet the object, and none beside it: hits, misses
      and false alarms, as shares of the rows and columns. To be met takes a tenth of the pixels that are
      usual there: on PH2 the line lies then within .001 Dice of the best, with single pixels .006 below.
      (The background outside boxes is no sample of all background, and is not counted; nor are extreme
      points, which say what their box says.)
    - A tag counts a tenth of an image as a hit, miss or false alarm; so does a range of sizes, in part: by
      the share of the range's nearer end that is lacking or too much.

    Args:
        num_classes: K.
        images: how many there will be; from more of them fewer pixels each are looked at.
    """

    def __init__(self, num_classes: int, images: int = 1) -> None:
        count, k = len(OFFSETS), num_classes
        self._pixels = int(np.clip(_SAMPLE // max(1, images), *_OF_ONE))
        self._dense: list[Areas] = []
        self.told = np.zeros((count, k, 3))
        self._boxes = False
        self._sparse: list[_Sparse] = []
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
        logs, labels = np.log(np.maximum(probs, 1e-6)), known.within
        for k in np.unique(labels[labels != IGNORE]):
            self._logs[k] += logs[k][labels == k].sum()
            self._counts[k] += (labels == k).sum()
        if len(probs) == 1:
            return
        odds, likeliest = line_of(logs)
        inside = np.ones(odds.shape, bool) if region is None else region
        if len(known.boxes):
            labels = np.where(labels == 0, np.uint8(IGNORE), labels)
        self._add_labels(logs, odds, likeliest, labels, inside)
        for k in range(1, len(probs)):
            mine = np.where(inside & (likeliest == k), odds, -np.inf)
            self._add_boxes(k, mine, known)
            self._add_statement(k, mine, known)

    def _add_labels(
        self, logs: np.ndarray, odds: np.ndarray, likeliest: np.ndarray, labels: MaskArray, inside: np.ndarray
    ) -> None:
        here = labels != IGNORE
        if not here.any():
            return
        taken = taken_for(odds[here], likeliest[here], labels[here].astype(int), len(logs))
        if here.sum() >= _DENSE * inside.sum():
            self._dense.append(areas_of(taken / here.sum()))
            return
        # The same pixels whenever an image is scored, so that one network is compared with the next fairly.
        rng = np.random.default_rng(0)
        chosen = [_some(np.flatnonzero(labels == k), self._pixels, rng) for k in range(len(logs))]
        places = np.concatenate(chosen)
        anywhere = rng.choice(np.flatnonzero(inside), self._pixels)
        flat = logs.reshape(len(logs), -1)
        there, fair = (flat[:, at].T.astype(np.float32) for at in (places, anywhere))
        shown = np.bincount(labels[here], minlength=len(logs))[: len(logs)] > 0
        self._sparse.append(_Sparse(there, labels.ravel()[places].astype(int), fair, shown, taken))

    def _add_boxes(self, k: int, odds: np.ndarray, known: Known) -> None:
        boxes = known.boxes[known.boxes[:, 0] == k]
        for axis in (0, 1) if len(boxes) else ():
            wanted = np.zeros(odds.shape[axis], bool)
            for box in boxes:
                wanted[box[1 + axis] : box[3 + axis]] = True
            met = crossing(odds if axis == 0 else odds.T, wanted) > OFFSETS[:, None]
            self._boxes = True
            inside = wanted.astype(float)  # A product of truth values would be one, too.
            counts = np.stack([met @ inside, ~met @ inside, met @ (1 - inside)], 1)
            self.told[:, k] += counts / sum(odds.shape)

    def _add_statement(self, k: int, odds: np.ndarray, known: Known) -> None:
        """Count a tag or a range of sizes, but for what labels and boxes have said already."""
        if (known.boxes[:, 0] == k).any() or (known.labels != IGNORE).all():
            return
        low, high = known.sizes[k]
        low = max(low, float(known.tags[k] == 1))
        if (known.labels == k).any() and low <= 1 and not np.isfinite(high):
            return
        area = odds.size - np.searchsorted(np.sort(odds, axis=None), OFFSETS, side="right").astype(float)
        if known.tags[k] == 0:
            self.told[:, k, 2] += TOLD * (area > 0)
        elif low > 0 or np.isfinite(high):
            lacking = np.clip(1 - area / max(low, 1e-9), 0, 1) if low > 0 else np.zeros_like(area)
            much = np.clip(1 - high / np.maximum(area, 1e-9), 0, 1)
            self.told[:, k] += TOLD * np.stack([1 - np.maximum(lacking, much), lacking, much], 1)

    @property
    def clicks(self) -> Float[np.ndarray, "o k k"]:
        """How many pixels of each class, where few are labelled, are taken for which, at every offset."""
        none = np.zeros((len(OFFSETS), len(self._logs), len(self._logs)))
        return sum((item.taken for item in self._sparse), none)

    @property
    def curve(self) -> Float[np.ndarray, " o"]:
        """Mean Dice of the foreground classes that are known of, at every offset; 0 where none is."""
        hits, misses, false = np.moveaxis(self.told, 2, 0)
        overlap, total = 2 * hits, 2 * hits + misses + false
        known: Bool[np.ndarray, " k"] = np.logical_or.reduce(self.told, axis=(0, 2))
        if self._sparse and not two_sided(self.clicks):
            clicked = areas_of(self.clicks * len(self._sparse) / self.clicks[0].sum())
            overlap, total, known = overlap + clicked.overlap, total + clicked.total, known | clicked.shown
        if found := self._dense + (self._expected() if two_sided(self.clicks) else []):
            each = each_the_same(found)
            overlap, total, known = overlap + each.overlap, total + each.total, known | each.shown
        if not known[1:].any():
            return np.zeros(len(OFFSETS))
        scores = overlap / np.where(total > 0, total, 1)
        curve: np.ndarray = scores[:, 1:][:, known[1:]].mean(1)
        return curve

    def _expected(self) -> list[Areas]:
        """What calibrated probabilities make of each sparsely labelled image."""
        logs, labels, everywhere = (
            np.concatenate(parts) for parts in list(zip(*self._sparse, strict=True))[:3]
        )
        fit = calibrate(logs, labels, everywhere)
        return [_expected(fit(item.everywhere), item) for item in self._sparse]

    @property
    def by_few(self) -> bool:
        """Whether labels on some pixels, of background and of foreground, are all that is known."""
        return not self.told.any() and not self._dense and two_sided(self.clicks)

    def with_learnt(self, learnt: Agreement) -> Agreement | None:
        """Join labels that the network has learnt, unless it knows them by heart.

        By heart: their mean log p is more than two standard errors above that of these, held-out ones.

        Args:
            learnt: counted on training images; only what is labelled sparsely there is joined.

        Returns:
            both together; None: there is too little to join, or it says nothing.
        """
        counts = (self.clicks + learnt.clicks)[0].sum(1)
        if not learnt._sparse or counts[counts > 0].min() < FEWEST_JOINED:
            return None
        (mine, doubt), (theirs, their_doubt) = _likelihood(self._sparse), _likelihood(learnt._sparse)
        if theirs > mine + BY_HEART * np.sqrt(doubt + their_doubt):
            return None
        both = Agreement(len(self._logs))
        both._sparse = self._sparse + learnt._sparse
        both._logs, both._counts = self._logs + learnt._logs, self._counts + learnt._counts
        return both

    def without_each(self) -> list[float]:
        """Estimate the Dice again without each twentieth of the images, or each image of fewer.

        The line stays where all images draw it. Drawn anew it would jump back where one image less leaves
        fewer labels than move it, and to an estimate of such leaps no jackknife applies.

        Returns:
            what `at` says then of the offset that `best` gives, in an order that only depends on the images';
            empty where more is known than labels of pixels, or there are fewer than three images.
        """
        parts = min(PARTS, len(self._dense) + len(self._sparse))
        if self.told.any() or parts < FEWEST_PARTS:
            return []
        offset = self.best()[1]
        return [self._without(part, parts).at(offset) for part in range(parts)]

    def _without(self, part: int, parts: int) -> Agreement:
        rest = Agreement(len(self._logs))
        rest._dense = [item for place, item in enumerate(self._dense) if place % parts != part]
        rest._sparse = [
            item for place, item in enumerate(self._sparse, len(self._dense)) if place % parts != part
        ]
        return rest

    @property
    def slack(self) -> float:
        """By how much less later weights may score without being worse; 0 where all is counted."""
        if self.told.any():
            return BOX_SLACK
        return SLACK if self._sparse else 0.0

    def best(self) -> tuple[float, float]:
        """Give the highest score and its offset: 0 unless both sides of the line are known of.

        Fewer than 20 labelled pixels of a class do not move the line. The curve is smoothed, since rows and
        columns of boxes make it jump, and moving the line must be worth it: by 0.002 b^2, less than a
        hundredth within the range that matters.
        """
        counts = self.clicks[0].sum(1)
        enough = two_sided(self.clicks) and counts[counts > 0].min() >= FEWEST
        drawn = {k for areas in self._dense for k in np.flatnonzero(areas.shown)}
        if not (self._boxes or (0 in drawn and len(drawn) > 1) or enough):
            return float(self.curve[_ZERO]), 0.0
        smooth = ndimage.gaussian_filter1d(self.curve, 1.0, mode="nearest") - _CAUTION * OFFSETS**2
        # Among equals the one that changes least.
        place = max(range(len(OFFSETS)), key=lambda i: (round(float(smooth[i]), 6), -abs(float(OFFSETS[i]))))
        return float(smooth[place]), float(OFFSETS[place])

    def at(self, offset: float) -> float:
        """Give the score at one offset."""
        return float(self.curve[int(np.argmin(np.abs(OFFSETS - offset)))])

    def likelihood(self) -> float:
        """Give the mean log p of the true class over the labelled pixels, each class weighing the same."""
        seen = self._counts > 0
        return float(np.mean(self._logs[seen] / self._counts[seen])) if seen.any() else 0.0


class _Sparse(NamedTuple):
    """Log-probabilities of one image: at its labelled pixels, their labels, and at a sample of all pixels.

    And which classes are labelled, and how many pixels of each are taken for which, for every offset.
    """

    logs: Float[np.ndarray, "n k"]
    labels: Int64[np.ndarray, " n"]
    everywhere: Float[np.ndarray, "m k"]
    shown: Bool[np.ndarray, " k"]
    taken: Float[np.ndarray, "o k k"]


def _likelihood(items: Sequence[_Sparse]) -> tuple[float, float]:
    """Give the mean log p of the true class, each class weighing the same, and its squared standard error."""
    logs, labels = (np.concatenate(parts) for parts in list(zip(*items, strict=True))[:2])
    each = [logs[labels == label, label] for label in np.unique(labels)]
    mean = float(np.mean([values.mean() for values in each]))
    return mean, float(sum(values.var() / len(values) for values in each)) / len(each) ** 2


def _expected(probs: Float[np.ndarray, "m k"], item: _Sparse) -> Areas:
    """Give what is expected of one image whose pixels have these probabilities."""
    odds, likeliest = line_of(item.everywhere.T)
    size, k = probs.shape
    mine = np.take_along_axis(probs, likeliest[:, None], 1)[:, 0]
    right = beyond(odds, likeliest, mine, k) / size
    area = beyond(odds, likeliest, np.ones(size), k) / size
    return Areas(2 * right, area + probs.mean(0), item.shown)


def _some(places: Int64[np.ndarray, " p"], most: int, rng: np.random.Generator) -> Int64[np.ndarray, " q"]:
    chosen: np.ndarray = places if len(places) <= most else rng.choice(places, most, replace=False)
    return chosen
