"""What propagators share that compare the seeds' classes: which are compared, and at what size."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import Field
from scipy import ndimage

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, ImageArray, MaskArray
from pointillist.data.resample import resized, wanted_size
from pointillist.propagate.propagator import LocalPropagator, Probs
from pointillist.propagate.start import seeds_of, shrunk_seeds


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

    def spread(self, image: ImageArray, known: Known) -> Probs:
        """Share the image among the seeded classes."""
        probs = np.zeros((len(known.tags), *known.labels.shape), np.float32)
        possible = np.flatnonzero(known.tags != 0)
        if len(possible) == 1:
            probs[possible] = 1
            return probs
        small, seeds = self.shrunk(image, known)
        classes = np.setdiff1d(seeds, [IGNORE])
        if len(classes) < 2:
            return probs
        order = np.full(IGNORE + 1, IGNORE, np.uint8)
        order[classes] = np.arange(len(classes))
        shares = self.share(small, order[seeds], len(classes)).astype(np.float32)
        probs[classes] = resized(shares, *known.labels.shape)
        return probs

    def shrunk(
        self, image: ImageArray, known: Known
    ) -> tuple[Float[np.ndarray, "_ _ _"], UInt8[np.ndarray, "_ _"]]:
        """Give the image at the size at which it is looked at, smoothed, and its seeds there."""
        height, width = wanted_size(image.shape[1], image.shape[2], self.side)
        small = ndimage.gaussian_filter(resized(image, height, width), (0, self.smooth, self.smooth))
        return small, shrunk_seeds(seeds_of(known), height, width)
