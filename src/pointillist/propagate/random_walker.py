"""The random walker: which class's seed a walk from each pixel is likely to meet first."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from pointillist.core.shapes import ImageArray, MaskArray
from pointillist.propagate.pixel_graph import edges_of, harmonic, lengths_of, squared_steps
from pointillist.propagate.seeded import SeededPropagator

FLOOR = 1e-6
"""Added to every weight, so that no part of an image is cut off from all seeds."""


class RandomWalker(SeededPropagator):
    """Share each pixel by where a random walk from it, which shuns edges, first meets a seed.

        w_ij = exp(-beta |I_i - I_j|^2 / var(I)) / |i - j|,   p_c = the harmonic function that is 1 on the
        seeds of c and 0 on all other seeds

    over the eight neighbours, with var(I) the variance of all the image's colours, summed over channels. One
    sparse direct solution gives all classes.

    Args:
        beta: how much walks shun a change of colour.

    Source: L. Grady, Random walks for image segmentation, IEEE TPAMI 28(11), 2006, equations 1 and 11. Ours
    divides by the image's variance where he scales the intensities, so that beta means the same at any
    contrast, and has eight neighbours instead of four.
    """

    kind: Literal["random-walker"] = "random-walker"
    beta: Annotated[float, Field(gt=0)] = 600.0

    def share(self, image: ImageArray, seeds: MaskArray, classes: int) -> Float[np.ndarray, "_ h w"]:
        """Walk."""
        edges = edges_of(seeds.shape[0], seeds.shape[1], neighbours=8)
        steps = squared_steps(image.reshape(len(image), -1), edges)
        weights = (np.exp(-self.beta * steps) + FLOOR) / lengths_of(edges, seeds.shape[1])
        ends = (seeds.ravel() == np.arange(classes)[:, None]).astype(float)
        return harmonic(edges, weights, ends).reshape(classes, *seeds.shape)
