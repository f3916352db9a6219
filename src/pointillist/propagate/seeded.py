"""What propagators share that compare the seeds' classes: which are compared, and at what size."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeAlias

import numpy as np
from jaxtyping import Float
from pydantic import Field
from scipy import ndimage

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, ImageArray, MaskArray
from pointillist.data.resample import resized, wanted_size
from pointillist.propagate.propagator import LocalPropagator, Probs
from pointillist.propagate.start import seeds_of, shrunk_seeds

Share: TypeAlias = Callable[[MaskArray, int], Float[np.ndarray, "_ h w"]]
"""From seeds and the number of their classes to each pixel's probability of every class."""


class SeededPropagator(LocalPropagator):
    """A propagator that shares the image among the classes that have a seed in it.

    With seeds of one class only nothing is said beyond them, since nothing shows where that class ends;
    unless the tags rule out all the others. A class without a seed gets nothing, present or not: give every
    class that is present a label or a box.

    Args:
        side: an image with a longer side is looked at shrunk to it, in pixels, and the probabilities are
            enlarged again.
        smooth: standard deviation of the Gaussian that the shrunk image is smoothed with first, in pixels:
            hair, glare and noise are no outlines. 0 for structures that are a few pixels wide.
    """

    side: Annotated[int, Field(ge=1, le=4096)] = 256
    smooth: Annotated[float, Field(ge=0, le=100)] = 1.5

    @abstractmethod
    def share(self, image: ImageArray, seeds: MaskArray, classes: int) -> Float[np.ndarray, "_ h w"]:
        """Give each pixel's probability of every seeded class.

        Args:
            image: float in [0, 1], shrunk and smoothed.
            seeds: 0..classes-1, each at least once; IGNORE where there is no seed.
            classes: how many, at least two.
        """

    def sharing(self, image: ImageArray) -> Share:
        """Do all that needs no seeds once; give what shares the image, shrunk and smoothed, among them."""
        return partial(self.share, image)

    def spread(self, image: ImageArray, known: Known) -> Probs:
        """Share the image among the seeded classes."""
        if (plain := _plain(known)) is not None:
            return plain
        return self.looked_at(image)(known)

    def looked_at(self, image: ImageArray) -> Callable[[Known], Probs]:
        """Look at an image once; give what spreads the seeds in it, whenever there are others."""
        small = self.shrunk(image)
        share = self.sharing(small)

        def spread(known: Known) -> Probs:
            if (plain := _plain(known)) is not None:
                return plain
            seeds = shrunk_seeds(seeds_of(known), *small.shape[1:])
            classes = np.setdiff1d(seeds, [IGNORE])
            probs = np.zeros((len(known.tags), *known.labels.shape), np.float32)
            if len(classes) > 1:
                order = np.full(IGNORE + 1, IGNORE, np.uint8)
                order[classes] = np.arange(len(classes))
                shares = share(order[seeds], len(classes)).astype(np.float32)
                probs[classes] = resized(shares, *known.labels.shape)
            return probs

        return spread

    def shrunk(self, image: ImageArray) -> Float[np.ndarray, "_ _ _"]:
        """Give the image at the size at which it is looked at, smoothed."""
        small = resized(image, *wanted_size(image.shape[1], image.shape[2], self.side))
        smooth: np.ndarray = ndimage.gaussian_filter(small, (0, self.smooth, self.smooth))
        return smooth


def _plain(known: Known) -> Probs | None:
    """Give the probabilities where nothing is to be shared; None: labels or boxes show two classes."""
    possible = np.flatnonzero(known.tags != 0)
    shown = np.union1d(np.setdiff1d(known.labels, [IGNORE]), known.boxes[:, 0])
    if len(possible) > 1 and len(shown) > 1:
        return None
    probs = np.zeros((len(known.tags), *known.labels.shape), np.float32)
    if len(possible) == 1:
        probs[possible] = 1
    return probs
