"""Graphs of pixels: their edges, how colours change along them, and random walks and paths over them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64
from scipy import sparse
from scipy.sparse import csgraph, linalg

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


def edges_of(height: int, width: int, neighbours: int) -> Int64[np.ndarray, "2 e"]:
    """List the pairs of neighbouring pixels, as flat indices row * W + col; each pair once.

    Args:
        height: rows.
        width: columns.
        neighbours: of a pixel: 4 or 8.

    >>> edges_of(2, 2, neighbours=4).tolist()
    [[0, 2, 0, 1], [1, 3, 2, 3]]
    """
    index = np.arange(height * width).reshape(height, width)
    pairs = []
    for down, right in STEPS[: neighbours // 2]:
        start = index[: height - down, max(0, -right) : width - max(0, right)]
        end = index[down:, max(0, right) : width + min(0, right)]
        pairs.append(np.stack([start.ravel(), end.ravel()]))
    edges: np.ndarray = np.concatenate(pairs, axis=1)
    return edges


def lengths_of(edges: Int64[np.ndarray, "2 e"], width: int) -> Float[np.ndarray, " e"]:
    """Give each edge's length in pixels: 1, or the square root of 2."""
    rows, cols = np.divmod(edges, width)
    lengths: np.ndarray = np.hypot(rows[1] - rows[0], cols[1] - cols[0])
    return lengths


def squared_steps(
    colours: Float[np.ndarray, "c _"], edges: Int64[np.ndarray, "2 e"]
) -> Float[np.ndarray, " e"]:
    """Give the squared change of colour along each edge, in units of the colours' whole variance.

    So neither contrast nor the number of channels matters; 0 throughout where there is one colour.

    >>> squared_steps(np.array([[0.0, 0.0, 0.5]]), np.array([[0, 1], [1, 2]])).round(6).tolist()
    [0.0, 4.5]
    """
    variance = colours.astype(float).var(axis=1).sum()
    steps = ((colours[:, edges[0]] - colours[:, edges[1]]).astype(float) ** 2).sum(0)
    scaled: np.ndarray = steps / max(variance, 1e-12)
    return scaled


def harmonic(
    edges: Int64[np.ndarray, "2 e"], weights: Float[np.ndarray, " e"], seeds: Float[np.ndarray, "k n"]
) -> Float[np.ndarray, "k n"]:
    """Solve for where a random walk first meets a seed, from every node of a connected graph.

    With L the graph's Laplacian, U the nodes without a seed and S those with one:  L_UU x = -L_US s.

    Args:
        edges: pairs of nodes.
        weights: of the edges, above 0: a walk takes an edge in proportion to it.
        seeds: each seed's shares of the classes, which sum to 1; all 0 where there is no seed; at least one.

    >>> line, even = np.array([[0, 1, 2], [1, 2, 3]]), np.ones(3)
    >>> harmonic(line, even, np.array([[1.0, 0, 0, 0], [0, 0, 0, 1.0]]))[1].round(3).tolist()
    [0.0, 0.333, 0.667, 1.0]
    """
    size = seeds.shape[1]
    known = seeds.sum(0) > 0
    unknown, met = np.flatnonzero(~known), np.flatnonzero(known)
    probs = seeds.astype(float)
    if not len(unknown):
        return probs
    one_way = sparse.coo_array((weights, (edges[0], edges[1])), shape=(size, size)).tocsr()
    adjacency = one_way + one_way.T
    laplacian = (sparse.diags_array(adjacency.sum(axis=1)) - adjacency).tocsr()[unknown]
    # Direct, since an iterative solver stops early on the near-zero weights across edges. The matrix is
    # symmetric and dominated by its diagonal: no pivoting, and the ordering that suits it.
    factors = linalg.splu(
        laplacian[:, unknown].tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    solved = factors.solve(-(laplacian[:, met] @ probs[:, met].T)).T
    probs[:, unknown] = solved.clip(0, None) / solved.clip(0, None).sum(0)
    return probs


def distances(
    edges: Int64[np.ndarray, "2 e"],
    lengths: Float[np.ndarray, " e"],
    seeds: Int64[np.ndarray, " n"],
    classes: int,
) -> Float[np.ndarray, "{classes} n"]:
    """Give the length of the shortest path from every node to the nearest seed of each class.

    Args:
        edges: pairs of nodes.
        lengths: of the edges, above 0.
        seeds: 0..classes-1, each at least once; anything else where there is no seed.
        classes: how many.
    """
    size = len(seeds)
    graph = sparse.coo_array((lengths, (edges[0], edges[1])), shape=(size, size)).tocsr()
    return np.stack(
        [
            csgraph.dijkstra(graph, directed=False, indices=np.flatnonzero(seeds == label), min_only=True)
            for label in range(classes)
        ]
    )
