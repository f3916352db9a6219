"""GrabCut: models of each class's colours and a cut along the outlines, in turns."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float, Int64
from pydantic import Field
from scipy import sparse, special
from scipy.sparse import csgraph

from pointillist.core.shapes import ImageArray, MaskArray
from pointillist.propagate.mixture import Mixture
from pointillist.propagate.pixel_graph import distances, edges_of, lengths_of, squared_steps
from pointillist.propagate.seeded import SeededPropagator

PER_UNIT = 50
"""Capacities are whole numbers: so many to a unit of cost."""
START_COST = 300.0
"""Pixels that a change of colour by one standard deviation is worth on the paths to the nearest seed."""
SURE = 400.0
"""What it costs to cut a seed off: more than a pixel's eight edges, which cost `smoothness` each at most."""


class Grabcut(SeededPropagator):
    """Fit a mixture of Gaussians to the colours of each class, cut along the outlines, and again.

        E(y) = sum over pixels i of D_i(y_i)  +  smoothness * sum over neighbours i, j with y_i != y_j of
               exp(-|I_i - I_j|^2 / (2 mean |I_i - I_j|^2)) / |i - j|

    with D_i(c) minus the log density of the colour I_i under the mixture of class c. The seeds are fixed.
    Every pixel begins with the class of its nearest seed, by geodesic distance; then the mixtures are fitted
    to the present pixels of their classes, and each class is cut from the others at the least cost.

    The probabilities are the mean of the cut (0 or 1) and of what the mixtures say of the pixel's colour:
    0.75 where the colours do not tell two classes apart, and less where they speak against the cut.

    Args:
        components: of each class's mixture.
        smoothness: what a piece of outline costs where the image is flat, in units of log density.
        rounds: of fitting and cutting.

    Source: C. Rother, V. Kolmogorov and A. Blake, GrabCut, SIGGRAPH 2004, equations 2 to 11; its edge term
    is Boykov's and Jolly's (ICCV 2001). Ours begins from seeds, in a box from its middle, where theirs takes
    all the box for the object; adds a component's densities where theirs takes the largest; scales colours
    by their variance; takes K classes, one against the others; and turns the cut into probabilities.
    """

    kind: Literal["grabcut"] = "grabcut"
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.95
    components: Annotated[int, Field(ge=1, le=50)] = 5
    smoothness: Annotated[float, Field(ge=0, le=50)] = 50.0
    rounds: Annotated[int, Field(ge=1, le=20)] = 3

    def share(self, image: ImageArray, seeds: MaskArray, classes: int) -> Float[np.ndarray, "_ h w"]:
        """Give every pixel to its nearest seed, then fit and cut in turns."""
        edges = edges_of(seeds.shape[0], seeds.shape[1], neighbours=8)
        steps = squared_steps(image.reshape(len(image), -1), edges)
        paths = np.hypot(lengths_of(edges, seeds.shape[1]), START_COST * np.sqrt(steps))
        nearest = distances(edges, paths, seeds.ravel().astype(np.int64), classes).argmin(0)
        nothing = np.zeros((classes, *seeds.shape))
        return self.cut(image, seeds, nearest.reshape(seeds.shape), nothing)

    def cut(
        self,
        image: ImageArray,
        seeds: MaskArray,
        start: Int64[np.ndarray, "h w"],
        given: Float[np.ndarray, "k h w"],
    ) -> Float[np.ndarray, "k h w"]:
        """Fit and cut in turns, from a first labelling.

        Args:
            image: float in [0, 1].
            seeds: their pixels keep their class; IGNORE elsewhere.
            start: the first class of every pixel; each class has a pixel.
            given: what each class costs at each pixel beside its colour, in units of log density.
        """
        classes = np.arange(len(given))
        pixels = image.reshape(len(image), -1).astype(float)
        colours = (pixels / max(float(np.sqrt(pixels.var(axis=1).sum())), 1e-6)).T
        flat, labels = seeds.ravel().astype(np.int64), start.ravel()
        edges = edges_of(seeds.shape[0], seeds.shape[1], neighbours=8)
        steps = squared_steps(image.reshape(len(image), -1), edges)
        fences = np.exp(-steps / max(2 * steps.mean(), 1e-12)) / lengths_of(edges, seeds.shape[1])
        for _ in range(self.rounds):
            mixtures = [Mixture.fit(colours[labels == c], self.components) for c in classes]
            costs = np.stack([mixture.cost(colours) for mixture in mixtures]) + given.reshape(len(given), -1)
            before, labels = labels, labelled_by_cuts(costs, flat, edges, self.smoothness * fences)
            if (before == labels).all() or not np.isin(classes, labels).all():
                break
        told = special.softmax(-costs, axis=0)
        shares: np.ndarray = (told + (labels == classes[:, None])) / 2
        return shares.reshape(given.shape)


def labelled_by_cuts(
    costs: Float[np.ndarray, "k n"],
    seeds: Int64[np.ndarray, " n"],
    edges: Int64[np.ndarray, "2 e"],
    fences: Float[np.ndarray, " e"],
) -> Int64[np.ndarray, " n"]:
    """Cut every class from all others, and give a pixel that several claim, or none, to the cheapest.

    For two classes that is the labelling of least cost; for more an approximation, since no polynomial
    algorithm is known.

    Args:
        costs: of giving a pixel to a class.
        seeds: classes that are fixed; anything else where none is.
        edges: pairs of pixels.
        fences: cost of giving the two pixels of an edge to different classes.
    """
    classes = np.arange(len(costs))
    fixed = np.where(seeds == classes[:, None], -SURE, np.where(np.isin(seeds, classes), SURE, 0.0))
    claims = []
    for label in classes[: 1 if len(classes) == 2 else None]:
        others = np.delete(costs, label, axis=0).min(0)
        gain = np.where(fixed[label] == 0, (costs[label] - others).clip(-SURE, SURE), fixed[label])
        claims.append(cheapest_cut(gain, edges, fences))
    if len(classes) == 2:
        claims.append(~claims[0])
    claimed = np.stack(claims)
    contested = claimed.sum(0) != 1
    cheapest = np.where(claimed | ~claimed.any(0), costs, np.inf).argmin(0)
    labels: np.ndarray = np.where(contested, cheapest, claimed.argmax(0))
    return np.where(np.isin(seeds, classes), seeds, labels)


def cheapest_cut(
    costs: Float[np.ndarray, " n"], edges: Int64[np.ndarray, "2 e"], fences: Float[np.ndarray, " e"]
) -> Bool[np.ndarray, " n"]:
    """Choose the pixels that minimise the sum of their costs and of the fences around them.

    The least cut between a source and a sink is found by the greatest flow; costs are rounded to a
    fiftieth. Of several cheapest choices the one with the fewest pixels is given.

    Args:
        costs: of choosing a pixel; negative: of leaving it.
        edges: pairs of pixels.
        fences: cost of choosing one of the two and leaving the other, at least 0.

    >>> row, fences = np.array([[0, 1, 2], [1, 2, 3]]), np.array([1.0, 0.1, 1.0])
    >>> cheapest_cut(np.array([-5.0, 0.5, 0.0, 5.0]), row, fences).tolist()
    [True, True, False, False]
    """
    size = len(costs)
    source, sink = size, size + 1
    whole = np.rint(costs * PER_UNIT).astype(np.int32)
    kept, left = np.flatnonzero(whole < 0), np.flatnonzero(whole > 0)
    limits = np.rint(fences * PER_UNIT).astype(np.int32)
    start = np.concatenate([edges[0], edges[1], np.full(len(kept), source), left])
    end = np.concatenate([edges[1], edges[0], kept, np.full(len(left), sink)])
    capacities = np.concatenate([limits, limits, -whole[kept], whole[left]])
    graph = sparse.csr_array((capacities, (start, end)), shape=(size + 2, size + 2))
    graph.eliminate_zeros()
    rest = graph - csgraph.maximum_flow(graph, source, sink).flow
    rest.eliminate_zeros()
    chosen = np.zeros(size + 2, dtype=bool)
    chosen[csgraph.breadth_first_order(rest, source, return_predecessors=False)] = True
    return chosen[:size]
