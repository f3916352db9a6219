"""What the labels on an image say of the pixels around them, beside what all images' labels have taught."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE
from pointillist.propagate import Superpixels
from pointillist.propagate.filters import Maps

SPREAD = Superpixels()
ENOUGH = 4
"""Labelled pixels of each class on an image with which it is believed as much as what others have taught."""
THIN, BROAD = 0.6, 0.95
"""How much of the ways between labels looks like them where things are thin, and where they are broad."""
SUPPOSED = 3
"""Things are supposed to be broad as if so many labelled pixels had shown it."""
MOST = 20
"""An image's labels show no more than so many of them."""


def breadth(told: Iterable[tuple[int, float | None]]) -> float:
    """Say how broad the things are, 0 to 1, by how much of the ways between labels looks like them.

    Labels on vessels say nothing of the pixels around them; those on a lesion much. A few labels show by
    chance what they do, whence the supposition.

    Args:
        told: of each image the number of its labelled pixels, and what `joined` says of them.

    >>> breadth([]), breadth([(10, 0.5), (12, 0.4)])
    (1.0, 0.0)
    """
    weights, shares = [float(SUPPOSED)], [1.0]
    for labelled, share in told:
        if share is not None:
            weights.append(min(labelled, MOST))
            shares.append(share)
    mean = float(np.average(shares, weights=weights))
    return min(1.0, max(0.0, (mean - THIN) / (BROAD - THIN)))


def mixed(taught: Maps, nearby: Maps, known: Known, trust: float, others: bool) -> Maps:
    """Average what was taught by all images and what this image's own labels say.

    On the first image of PH2 (20 of them, clicks on the largest error) Dice after 2, 4, 6 and 10 clicks was
    .68, .69, .87, .92 by what was taught alone, and .86, .90, .94, .95 so.

    Args:
        taught: class probabilities of a classifier.
        nearby: those that the image's own labels were spread to; all zeros where they say nothing. Of
            classes that are not labelled here they can't say anything: these stay as they were taught.
        known: the image's labels.
        trust: weight of what they say, beside 1 for what was taught.
        others: whether the classifier has learnt from other images too: then few labels here count less.
    """
    silent = nearby.max((1, 2)) == 0
    here = np.where(silent[:, None, None], taught, nearby * (1 - taught[silent].sum(0)))
    counts = np.bincount(known.labels[known.labels != IGNORE], minlength=1)
    fewest = counts[counts > 0].min(initial=ENOUGH)
    weight = trust * (min(1.0, fewest / ENOUGH) if others else 1.0) * nearby.any(0)
    mean: Maps = ((taught + weight * here) / (1 + weight)).astype(np.float32)
    return mean
