"""What the labels on an image say of the pixels around them, beside what all images' labels have taught."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from pointillist.core.shapes import ImageArray
from pointillist.data.resample import resized
from pointillist.propagate import Superpixels
from pointillist.propagate.filters import Maps, guided

SPREAD = Superpixels()
CORNERS_PX = 6
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
    for labelled, alike in told:
        if alike is not None:
            weights.append(min(labelled, MOST))
            shares.append(alike)
    mean = float(np.average(shares, weights=weights))
    return min(1.0, max(0.0, (mean - THIN) / (BROAD - THIN)))


def share(here: int, elsewhere: Sequence[int]) -> float:
    """Say how much an image's own labels count, beside 1 for what all images' taught: at most as much.

    As much where the other images have as many labels or fewer; less where theirs taught a good deal and few
    are here.

    Args:
        here: labelled pixels of the image, of the class that has fewest.
        elsewhere: of every other image with labels.

    >>> share(1, []), share(3, [3, 3]), share(1, [9])
    (1.0, 1.0, 0.2)
    """
    mean = float(np.mean([min(count, MOST) for count in elsewhere])) if elsewhere else 0.0
    return min(1.0, 2 * here / (here + mean)) if here else 0.0


class Nearby(NamedTuple):
    """What an image's own labels say of it.

    Args:
        probs: class probabilities, at any size; a class that is not labelled there has none.
        weight: how much they count beside 1.
    """

    probs: Maps
    weight: float


def along_edges(probs: Maps, image: ImageArray) -> Maps:
    """Round the corners of superpixels, where the image has no edge; a class without any keeps none."""
    shown = probs.max((1, 2)) > 0
    rounded: Maps = guided(probs, image, CORNERS_PX) * shown[:, None, None]
    return rounded


def mixed(taught: Maps, nearby: Nearby) -> Maps:
    """Average what was taught by all images and what an image's own labels say.

    Of classes that are not labelled on the image these can't say anything: they stay as they were taught.

    Args:
        taught: class probabilities of a classifier or network, at any size.
        nearby: of the same image; where it says nothing all is as it was taught.
    """
    silent = nearby.probs.max((1, 2)) == 0
    if silent.all():
        return taught
    left = 1 - taught[silent].sum(0)
    mean = taught.copy()
    # Class by class: of a large image not much must fit into memory beside what was taught.
    for label in np.flatnonzero(~silent):
        said = resized(nearby.probs[label : label + 1], *taught.shape[1:])[0] * left
        mean[label] = (taught[label] + nearby.weight * said) / (1 + nearby.weight)
    return mean
