"""Superpixels: small patches of one colour, each of which takes the class of its seeds and passes it on."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float, Int64
from pydantic import Field
from skimage.segmentation import slic

from pointillist.core.shapes import IGNORE, ImageArray, MaskArray
from pointillist.propagate.pixel_graph import edges_of, harmonic, squared_steps
from pointillist.propagate.seeded import SeededPropagator, Share

FLOOR = 1e-6
"""Added to every weight, so that no superpixel is cut off from all seeds."""


class Superpixels(SeededPropagator):
    """Cut the image into superpixels; those with seeds take their shares, and random walks settle the rest.

    A superpixel with seeds of one class is of that class, one with several holds each class's share of the
    seeds. The others get their shares from random walks between neighbouring superpixels, which shun changes
    of mean colour and take wide borders rather than narrow ones:

        w_ab = exp(-beta |I_a - I_b|^2 / var(I)) * length of the border between a and b

    with var(I) the variance of the superpixels' mean colours, summed over channels.

    Args:
        segments: about so many superpixels.
        compactness: of the superpixels: small follows colours, large makes squares; colours have a variance
            of 1 in this balance.
        beta: how much walks shun a change of colour.

    Source: R. Achanta et al., SLIC superpixels, IEEE TPAMI 34(11), 2012; spreading over their graph as in
    D. Lin et al., ScribbleSup, CVPR 2016, section 3.1. Ours solves Grady's random walker (2006) there, in
    place of a graph cut, which gives probabilities; SLIC runs on the colours as they are, scaled to a
    variance of 1, so that any number of channels will do.
    """

    kind: Literal["superpixels"] = "superpixels"
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.9
    segments: Annotated[int, Field(ge=1, le=100_000)] = 600
    compactness: Annotated[float, Field(gt=0)] = 0.3
    beta: Annotated[float, Field(gt=0)] = 30.0

    def share(self, image: ImageArray, seeds: MaskArray, classes: int) -> Float[np.ndarray, "_ h w"]:
        """Cut, seed and spread."""
        return self.sharing(image)(seeds, classes)

    def sharing(self, image: ImageArray) -> Share:
        """Cut the image into superpixels, and weigh their borders."""
        patches = self._patches(image)
        number = patches.ravel()
        count = int(number.max()) + 1
        sums = np.stack([np.bincount(number, band, count) for band in image.reshape(len(image), -1)])
        colours = sums / np.bincount(number, minlength=count)
        borders, lengths = _borders(patches)
        weights = (np.exp(-self.beta * squared_steps(colours, borders)) + FLOOR) * lengths

        def share(seeds: MaskArray, classes: int) -> Float[np.ndarray, "_ h w"]:
            ends = np.zeros((classes, count))
            seeded = np.flatnonzero(seeds.ravel() != IGNORE)
            np.add.at(ends, (seeds.ravel()[seeded], number[seeded]), 1)
            ends /= np.maximum(ends.sum(0), 1)
            return harmonic(borders, weights, ends)[:, number].reshape(classes, *seeds.shape)

        return share

    def _patches(self, image: ImageArray) -> Int64[np.ndarray, "h w"]:
        spread = np.sqrt(image.astype(float).var(axis=(1, 2)).sum())
        scaled = image / max(float(spread), 1e-6)
        patches = slic(
            scaled,
            n_segments=self.segments,
            compactness=self.compactness,
            channel_axis=0,
            convert2lab=False,
            start_label=0,
        )
        return np.unique(patches, return_inverse=True)[1].reshape(patches.shape).astype(np.int64)


def _borders(
    patches: Int64[np.ndarray, "h w"],
) -> tuple[Int64[np.ndarray, "2 e"], Float[np.ndarray, " e"]]:
    """List the pairs of touching superpixels and how many pixels' sides they share."""
    sides = patches.ravel()[edges_of(patches.shape[0], patches.shape[1], neighbours=4)]
    sides = np.sort(sides[:, sides[0] != sides[1]], axis=0)
    pairs, lengths = np.unique(sides, axis=1, return_counts=True)
    return pairs, lengths.astype(float)
