"""From one image's prediction and mask to a table over a data set: pooled and per image, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from pointillist.core.config import Config
from pointillist.core.errors import InputError, nearest
from pointillist.core.shapes import IGNORE, MaskArray
from pointillist.metrics import METRICS
from pointillist.metrics.bootstrap import group_of, interval, resample_counts
from pointillist.metrics.confusion import Matrix, confusion_matrix, flawless
from pointillist.metrics.curve import MIXED, Histogram, average_precisions, roc_areas
from pointillist.metrics.surface import Spacing, surface_distances

FEWEST = 5
"""Groups below which no interval is given."""
PerForeground: TypeAlias = Float64[np.ndarray, "f"]
Draws: TypeAlias = Float64[np.ndarray, "rows f"]
Flags: TypeAlias = Bool[np.ndarray, "n f"]
Weights: TypeAlias = Int64[np.ndarray, "rows n"]
BLOCK = 32


@dataclass(frozen=True, eq=False)
class ImageResult:
    """What one image contributes to every table: small, and enough for all metrics.

    Args:
        name: the sample's name.
        group: what belongs together (patient, slide); empty: the image stands alone.
        matrix: its confusion matrix.
        hd95: of each foreground class, in the unit of the spacing.
        surface_dice: of each foreground class.
        histogram: of each foreground class's probability; None without probabilities.
    """

    name: str
    group: str
    matrix: Matrix
    hd95: PerForeground
    surface_dice: PerForeground
    histogram: tuple[Histogram, ...] | None = None


def measure(
    name: str,
    group: str,
    prediction: MaskArray,
    truth: MaskArray,
    num_classes: int,
    probs: Float[np.ndarray, "k h w"] | None = None,
    spacing: Spacing = (1, 1),
    tolerance: float = 2.0,
) -> ImageResult:
    """Measure one prediction against its mask; unknown pixels count nowhere.

    Args:
        name: the sample's name.
        group: its group, or "".
        prediction: predicted classes.
        truth: true classes, IGNORE where unknown or outside the region of interest (``Sample.truth()``).
        num_classes: K, with background.
        probs: the model's probabilities; None: no ROC AUC and average precision.
        spacing: of (rows, columns), for HD95 and surface Dice.
        tolerance: of the surface Dice, in the unit of the spacing.

    Shapes:
        (H, W), (H, W), (K, H, W)

    Raises:
        InputError: sizes differ, or a class or probability is out of range.
    """
    matrix = confusion_matrix(prediction, truth, num_classes)
    if probs is not None and probs.shape != (num_classes, *truth.shape):
        expected = f"probs must have shape {(num_classes, *truth.shape)}"
        raise InputError(expected, str(probs.shape), "Give one map per class, background first.")
    known = truth != IGNORE
    surfaces = [
        surface_distances((prediction == k) & known, truth == k, spacing) for k in range(1, num_classes)
    ]
    histogram = None
    if probs is not None:
        inside = truth[known]
        histogram = tuple(Histogram.of(probs[k][known], inside == k) for k in range(1, num_classes))
    return ImageResult(
        name=name,
        group=group,
        matrix=matrix,
        hd95=np.array([s.hd95() for s in surfaces], np.float64),
        surface_dice=np.array([s.dice(tolerance) for s in surfaces], np.float64),
        histogram=histogram,
    )


class MetricRow(Config):
    """One number of a table, and how many images it rests on.

    Args:
        metric: its name; the name of a mean over images ends in ``_per_image``.
        pooling: "pooled": of all pixels together; "per-image": mean over images.
        value: None where undefined.
        low: end of the 95 % interval; None where undefined or where fewer than five groups show a class.
        high: the other end.
        images_used: images with a number in some class; the others lack the class, or any known pixel.
        images: all images.
        images_failed: used images where only one of truth and prediction has the class (missed or invented).
        class_name: None: the mean over the foreground classes that an image shows.
        rare: the classes that fewer than five groups of images show: no interval rests on these.
    """

    metric: str
    pooling: Literal["pooled", "per-image"]
    value: float | None
    low: float | None
    high: float | None
    images_used: int
    images: int
    images_failed: int = 0
    class_name: str | None = None
    rare: tuple[str, ...] = ()


class Summary(Config):
    """The table of one data set, as JSON too (``to_json``, with null where a number is undefined)."""

    rows: tuple[MetricRow, ...]

    def row(self, metric: str, class_name: str | None = None) -> MetricRow:
        """Find a row.

        Raises:
            InputError: there is none; the message names the nearest.
        """
        rows = {row.metric: row for row in self.rows if row.class_name == class_name}
        if metric not in rows:
            raise InputError("metric must be in the table", repr(metric), nearest(metric, rows))
        return rows[metric]


@dataclass(frozen=True, eq=False)
class _Column:
    """One metric over the foreground classes: row 0 holds its values, the others those of the resamples.

    ``used`` are the images where it has a number, ``shown`` those where it has one for every prediction.
    """

    metric: str
    pooling: Literal["pooled", "per-image"]
    values: Draws
    used: Flags
    shown: Flags


def _pooled(metric: str, values: np.ndarray, used: np.ndarray, shown: np.ndarray) -> _Column:
    values, used, shown = (part.reshape(len(part), -1) for part in (values, used, shown))
    return _Column(metric, "pooled", values, used, shown)


def _per_image(metric: str, scores: np.ndarray, shown: np.ndarray, weights: Weights) -> _Column:
    scores = scores.reshape(len(scores), -1)
    used = ~np.isnan(scores)
    counts = weights @ used.astype(np.int64)
    sums = weights.astype(np.float64) @ np.where(used, scores, 0.0)
    means = np.where(counts == 0, np.nan, sums / np.maximum(counts, 1))
    return _Column(f"{metric}_per_image", "per-image", means, used, shown.reshape(len(shown), -1))


def _confusion_columns(results: Sequence[ImageResult], weights: Weights) -> Iterator[_Column]:
    matrices = np.stack([r.matrix for r in results])
    pooled = np.tensordot(weights, matrices, axes=1)
    for name, metric in METRICS.items():
        if metric.needs == "confusion":
            parts = [metric.function(part) for part in (pooled, matrices, flawless(matrices))]
            if parts[0].ndim == 2:  # one number per class: the background is not averaged in
                parts = [part[:, 1:] for part in parts]
            whole, single, best = parts
            yield _pooled(name, whole, ~np.isnan(single), ~np.isnan(best))
            yield _per_image(name, single, ~np.isnan(best), weights)


def _curve_columns(
    histograms: Sequence[tuple[Histogram, ...]], shown: Flags, weights: Weights
) -> Iterator[_Column]:
    positives, negatives = (
        np.stack([[getattr(h, side) for h in per_class] for per_class in histograms]).astype(np.float64)
        for side in ("positives", "negatives")
    )
    used = (positives + negatives).sum(axis=-1) > 0
    pooled = np.empty((2, len(weights), used.shape[1]))
    for f in range(used.shape[1]):
        # Bins without a pixel change no area; blocks of resamples stay in the processor's cache.
        filled = (positives[:, f] + negatives[:, f]).any(axis=0)
        sides = positives[:, f, filled], negatives[:, f, filled]
        for start in range(0, len(weights), BLOCK):
            block = slice(start, start + BLOCK)
            inside, outside = (weights[block].astype(np.float64) @ side for side in sides)
            pooled[0, block, f] = roc_areas(inside, outside)
            pooled[1, block, f] = average_precisions(inside, outside, MIXED[filled])
    single = roc_areas(positives, negatives), average_precisions(positives, negatives, MIXED)
    for name, whole, each in zip(("roc_auc", "average_precision"), pooled, single, strict=True):
        yield _pooled(name, whole, used, shown)
        yield _per_image(name, each, shown, weights)


def _rows(column: _Column, failed: Flags, groups: np.ndarray, classes: Sequence[str]) -> Iterator[MetricRow]:
    # Resampling a handful of groups gives little more than their range: it would claim too much.
    few = np.array([np.unique(groups[one]).size < FEWEST for one in (column.used & column.shown).T])
    names = classes if len(few) == len(classes) else ("a known pixel",)

    def row(
        values: np.ndarray, used: np.ndarray, failed: np.ndarray, of: np.ndarray, class_name: str | None
    ) -> MetricRow:
        rare = tuple(compress(names, few & of))
        spread = None if rare or not of.any() else interval(values[1:])
        return MetricRow(
            metric=column.metric,
            pooling=column.pooling,
            value=None if np.isnan(values[0]) else float(values[0]),
            low=spread[0] if spread else None,
            high=spread[1] if spread else None,
            images_used=int(used.sum()),
            images=len(used),
            images_failed=int((used & failed).sum()),
            class_name=class_name,
            rare=rare,
        )

    # A resample that lost a class is left out (NaN): its mean over fewer classes is another quantity.
    # A class that no image shows is measured only where it was invented: its 0 would count in some tables.
    there = column.shown.any(axis=0) & ~np.isnan(column.values[0])
    mean = column.values[:, there].mean(axis=1) if there.any() else np.full(len(column.values), np.nan)
    any_used, any_failed = np.any(column.used, axis=1), np.any(failed, axis=1)
    yield row(mean, any_used, any_failed, there, None)
    if 1 < column.values.shape[1] == len(classes):
        for f, name in enumerate(classes):
            own = np.arange(len(few)) == f
            yield row(column.values[:, f], column.used[:, f], failed[:, f], own, name)


def _checked(results: Sequence[ImageResult], classes: Sequence[str]) -> list[ImageResult]:
    if not results:
        raise InputError("a summary needs at least one image", "none", "Check the split.")
    size = (len(classes), len(classes))
    if strangers := [r.name for r in results if r.matrix.shape != size]:
        raise InputError(f"every image must have {size[0]} classes", strangers[0], "Measure it anew.")
    twice = [key for key, count in Counter((r.group, r.name) for r in results).items() if count > 1]
    if twice:
        fix = "Each image counts once: more would make the intervals too narrow."
        raise InputError("images must be measured once", f"{twice[0][1]!r} several times", fix)
    return sorted(results, key=lambda r: (r.group, r.name))


def summarise(
    results: Sequence[ImageResult], classes: Sequence[str], resamples: int = 1000, seed: int = 0
) -> Summary:
    """Make the table of a data set: every metric, pooled and per image, with 95 % bootstrap intervals.

    Pooled metrics are functions of the sum of all matrices (or histograms); per-image ones are means over
    the images where they are defined. The mean over foreground classes is that of the classes' own rows, but
    for classes that no image shows. The order of the images is immaterial, to the bit.

    Args:
        results: of each image, once.
        classes: the class names, background first.
        resamples: draws of as many groups as there are, with replacement.
        seed: of the draws.

    Raises:
        InputError: no image, an image twice, another number of classes, or probabilities only for some.
    """
    ordered = _checked(results, classes)
    groups = np.array([group_of(r.name, r.group) for r in ordered])
    whole = np.ones((1, len(ordered)), np.int64)
    weights = np.concatenate([whole, resample_counts(groups.tolist(), resamples, seed)])
    columns = list(_confusion_columns(ordered, weights))
    matrices = np.stack([r.matrix for r in ordered])
    true, predicted = (matrices.sum(axis=axis)[:, 1:] > 0 for axis in (2, 1))
    columns += [_per_image("hd95", np.stack([r.hd95 for r in ordered]), true, weights)]
    columns += [_per_image("surface_dice", np.stack([r.surface_dice for r in ordered]), true, weights)]
    histograms = [r.histogram for r in ordered if r.histogram is not None]
    if histograms and len(histograms) < len(ordered):
        fix = "Measure all images with probs, or none."
        raise InputError(f"all {len(ordered)} images must have probabilities", str(len(histograms)), fix)
    if histograms:
        columns += list(_curve_columns(histograms, true, weights))
    failed = true != predicted
    rows = [row for column in columns for row in _rows(column, failed, groups, classes[1:])]
    return Summary(rows=tuple(rows))
