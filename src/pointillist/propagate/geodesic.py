"""Geodesic distance: the class whose seed is reached over the shortest and smoothest path."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from pointillist.core.shapes import ImageArray, MaskArray
from pointillist.propagate.pixel_graph import distances, edges_of, lengths_of, squared_steps
from pointillist.propagate.seeded import SeededPropagator

HAIR = 1e-6
"""Added to every distance, in pixels: a seed's own distance is 0."""


class Geodesic(SeededPropagator):
    """Share each pixel by its distance to the seeds, along paths on which changes of colour cost extra.

        d_c = the shortest path to a seed of c by steps sqrt(|i - j|^2 + edge_cost^2 |I_i - I_j|^2 / var(I))
        p_c = (1 / d_c) / sum over classes k of 1 / d_k

    over the eight neighbours, with var(I) the variance of all the image's colours, summed over channels: a
    change of colour by one standard deviation is as far as `edge_cost` pixels. For two classes p is the
    other class's share of both distances: 0.8 means four times as near.

    Args:
        edge_cost: pixels that a step of one standard deviation is worth; 0: the plain distance.

    Source: A. Criminisi, T. Sharp and A. Blake, GeoS, ECCV 2008, equation 2, with the distance from several
    classes. Ours finds it exactly, by Dijkstra's algorithm, where GeoS sweeps; and scales by the variance.
    """

    kind: Literal["geodesic"] = "geodesic"
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.7
    edge_cost: Annotated[float, Field(ge=0)] = 300.0

    def share(self, image: ImageArray, seeds: MaskArray, classes: int) -> Float[np.ndarray, "_ h w"]:
        """Measure the distances."""
        edges = edges_of(seeds.shape[0], seeds.shape[1], neighbours=8)
        steps = squared_steps(image.reshape(len(image), -1), edges)
        lengths = np.hypot(lengths_of(edges, seeds.shape[1]), self.edge_cost * np.sqrt(steps))
        reached = distances(edges, lengths, seeds.ravel().astype(np.int64), classes)
        near = 1 / (reached + HAIR)
        shares: np.ndarray = near / near.sum(0)
        return shares.reshape(classes, *seeds.shape)
