"""Metrics of outlines: how far the predicted outline of a class lies from the true one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float64
from scipy import ndimage

from pointillist.core.errors import InputError
from pointillist.core.shapes import RegionArray

Spacing: TypeAlias = tuple[float, float]
Distances: TypeAlias = Float64[np.ndarray, "n"]
OtherDistances: TypeAlias = Float64[np.ndarray, "m"]


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances between two outlines, from which every metric of outlines follows.

    Args:
        to_truth: from each pixel of the predicted outline to the nearest one of the true outline.
        to_prediction: the other way round.
        diagonal: of the image; no distance in it is longer.
    """

    to_truth: Distances
    to_prediction: OtherDistances
    diagonal: float

    def hd95(self) -> float:
        """Give the larger of the two 95th percentiles: NaN with no outline, the diagonal with only one."""
        if not self.to_truth.size and not self.to_prediction.size:
            return float("nan")
        if not self.to_truth.size or not self.to_prediction.size:
            return self.diagonal
        return max(float(np.quantile(d, 0.95)) for d in (self.to_truth, self.to_prediction))

    def dice(self, tolerance: float) -> float:
        """Give the share of both outlines that is near the other: NaN with no outline, 0 with only one."""
        both = np.concatenate([self.to_truth, self.to_prediction])
        return float((both <= tolerance).mean()) if both.size else float("nan")


def surface_distances(prediction: RegionArray, truth: RegionArray, spacing: Spacing) -> SurfaceDistances:
    """Measure the distances between the outlines of two maps.

    The outline is the foreground without its erosion by a cross: pixels with a 4-neighbour that is background
    or beyond the image. Where only one map has an outline, its distances are infinite.

    Args:
        prediction: where the class is predicted.
        truth: where it is.
        spacing: of (rows, columns): the unit of every distance.

    Raises:
        InputError: the sizes differ, or a spacing is not positive.
    """
    if prediction.shape != truth.shape:
        fix = "Bring the prediction to the size of its mask first."
        raise InputError("prediction and truth must have one size", f"{prediction.shape}, {truth.shape}", fix)
    if not min(spacing) > 0:
        raise InputError("spacing must be positive", str(spacing), "Use (1, 1) for pixels.")
    diagonal = float(np.hypot(truth.shape[0] * spacing[0], truth.shape[1] * spacing[1]))
    window = _window(prediction | truth)
    edges = [m & ~ndimage.binary_erosion(m) for m in (prediction[window], truth[window])]
    return SurfaceDistances(
        _distances(edges[0], edges[1], spacing), _distances(edges[1], edges[0], spacing), diagonal
    )


def _window(inside: RegionArray) -> tuple[slice, slice]:
    # Distances are only read on outlines: the frame around both maps changes nothing and costs time.
    spans = [np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0)]
    if not spans[0].size:
        return slice(0), slice(0)
    return slice(spans[0][0], spans[0][-1] + 1), slice(spans[1][0], spans[1][-1] + 1)


def _distances(start: RegionArray, end: RegionArray, spacing: Spacing) -> Distances:
    if not end.any():
        return np.full(int(start.sum()), np.inf)
    distances: np.ndarray = ndimage.distance_transform_edt(~end, sampling=spacing)[start]
    return distances


def hd95(prediction: RegionArray, truth: RegionArray, spacing: Spacing = (1, 1)) -> float:
    """Distance that 95 % of the outline keeps below: a robust worst error, in the unit of the spacing.

    ``max(q95 of d(p, T) over p in P, q95 of d(t, P) over t in T)`` with P, T the two outlines and q95 the
    linearly interpolated percentile. Both empty: NaN, not counted. One empty: the image's diagonal, so that a
    missed object is the worst result and not one that leaves the mean.

    Reads bool maps, which know no void: a caller sets void to False in *both*, so that the border of the
    known region is treated as the image's border is.

    Args:
        prediction: where the class is predicted.
        truth: where it is.
        spacing: of (rows, columns): the unit of the distance.

    Shapes:
        (H, W), (H, W) -> scalar

    Raises:
        InputError: the sizes differ, or a spacing is not positive.

    >>> truth = np.zeros((8, 8), bool)
    >>> truth[2:5, 2:5] = True
    >>> hd95(np.roll(truth, 2, axis=1), truth)
    2.0

    Source: Huttenlocher et al. 1993, eq. 1, with the percentile in place of its inner maximum. References
    disagree: MONAI and google-deepmind/surface-distance take the larger of two percentiles, as we do; medpy
    takes one percentile of both sets together. The former is kept because in the latter a long predicted
    outline dilutes the misses of a short true one. For one empty side MONAI gives NaN.
    """
    return surface_distances(prediction, truth, spacing).hd95()


def surface_dice(
    prediction: RegionArray, truth: RegionArray, tolerance: float, spacing: Spacing = (1, 1)
) -> float:
    """Share of both outlines that lies within a tolerance of the other: what needs no redrawing.

    ``(#{p: d(p, T) <= tolerance} + #{t: d(t, P) <= tolerance}) / (#P + #T)``. Both empty: NaN, not counted.
    One empty: 0. Void as in :func:`hd95`.

    Args:
        prediction: where the class is predicted.
        truth: where it is.
        tolerance: what counts as near, in the unit of the spacing.
        spacing: of (rows, columns).

    Shapes:
        (H, W), (H, W) -> scalar

    Raises:
        InputError: the sizes differ, or a spacing is not positive, or the tolerance is negative.

    >>> truth = np.zeros((8, 8), bool)
    >>> truth[2:5, 2:5] = True
    >>> surface_dice(np.roll(truth, 1, axis=1), truth, tolerance=0.0)
    0.5

    Source: Nikolov et al. 2021 (arXiv:1809.04430), section "Surface Dice". Outline pixels are counted, as
    MONAI's SurfaceDice does by default; the paper weighs them by the length of outline they stand for.
    """
    if not tolerance >= 0:
        raise InputError("tolerance must be >= 0", str(tolerance), "Two pixels are usual.")
    return surface_distances(prediction, truth, spacing).dice(tolerance)
