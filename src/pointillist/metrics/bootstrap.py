"""Confidence intervals by resampling images, or groups of images where several belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float64, Int64

from pointillist.core.rng import numpy_rng

Counts: TypeAlias = Int64[np.ndarray, "r n"]
Values: TypeAlias = Float64[np.ndarray, "r"]
CONFIDENCE = 0.95


def group_of(name: str, group: str) -> str:
    """Give what an image is drawn together with: its group, or itself where it has none.

    >>> group_of("IMD002", "patient 7"), group_of("IMD002", "")
    ('group patient 7', 'image IMD002')
    """
    return f"group {group}" if group else f"image {name}"


def resample_counts(groups: Sequence[str], resamples: int, seed: int) -> Counts:
    """Draw how often each image enters each resample; the images of one group are drawn together.

    As many groups as there are, with replacement. Every statistic that is a function of sums over images
    then costs one product with this matrix.

    Args:
        groups: the group of each image; images of one group (patient, slide) are not independent.
        resamples: how many.
        seed: of the draw.

    >>> counts = resample_counts(["a", "a", "b"], resamples=4, seed=0)
    >>> bool((counts[:, 0] == counts[:, 1]).all() and (counts[:, 1:].sum(axis=1) == 2).all())
    True
    """
    names, place = np.unique(np.asarray(groups), return_inverse=True)
    shares = np.full(names.size, 1 / names.size)
    drawn = numpy_rng(seed, "bootstrap").multinomial(names.size, shares, size=resamples)
    return drawn.astype(np.int64, copy=False)[:, place]


def interval(values: Values) -> tuple[float, float] | None:
    """Give the middle 95 % of a statistic's resamples; those where it is undefined are left out.

    Source: Efron 1979, the percentile interval. It is a little narrow below some twenty groups.
    """
    defined = values[~np.isnan(values)]
    if not defined.size:
        return None
    low, high = np.quantile(defined, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
