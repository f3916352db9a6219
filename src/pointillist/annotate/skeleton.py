"""The lines that people scribble along: the middle of an object, or a line within its contour."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int64
from scipy import ndimage, sparse
from scipy.sparse import csgraph
from skimage.measure import find_contours
from skimage.morphology import skeletonize

Line: TypeAlias = Int64[np.ndarray, "_ 2"]
"""Pixels (row, col) in order, each a neighbour (of 8) of the one before."""
HALF = ((0, 1), (1, -1), (1, 0), (1, 1))
"""One step to each of four neighbours: with their opposites, all eight."""


def middle(region: Bool[np.ndarray, "h w"]) -> Line:
    """Give a long line along the middle of one object: the longest way through its skeleton.

    The skeleton is made of pixels; among the shortest ways between any two of them, the longest is found by
    two searches, each for the pixel farthest from where it begins. In a skeleton without loops it is exact.

    >>> middle(np.eye(3, dtype=bool)).tolist()
    [[0, 0], [1, 1], [2, 2]]
    """
    skeleton: np.ndarray = skeletonize(region)  # type: ignore[no-untyped-call]
    if not skeleton.any():
        # Thinning can eat a blot of 2 x 2 pixels whole.
        depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
        return np.argwhere(depth == depth.max())[:1]
    pixels = np.argwhere(skeleton)
    graph = _graph(skeleton, pixels)
    start = _ends(graph, 0)[0]
    end, before = _ends(graph, start)
    way = [end]
    while way[-1] != start:
        way.append(int(before[way[-1]]))
    return pixels[way]


def along_contour(depth: Float[np.ndarray, "h w"], level: float) -> Line | None:
    """Give the longest line on which an object is so deep, on pixels at least so deep; None: there is none.

    Args:
        depth: distance of each pixel of the object to the next pixel outside it; 0 outside.
        level: how deep.
    """
    # A contour needs a pixel on either side of it, not one that is as deep to the hair.
    if min(depth.shape) < 2 or not (contours := find_contours(depth, level - 1e-3)):  # type: ignore[no-untyped-call]
        return None
    contour = max(contours, key=len)
    # Each point lies between two neighbouring pixels: take the deeper one.
    low, high = np.floor(contour).astype(np.int64), np.ceil(contour).astype(np.int64)
    deeper = depth[tuple(high.T)] > depth[tuple(low.T)]
    pixels: np.ndarray = np.where(deeper[:, None], high, low)
    moved = np.append(True, (np.diff(pixels, axis=0) != 0).any(1))
    line: Line = pixels[moved]
    return line


def corners(line: Line) -> Line:
    """Keep the pixels at which a line turns, and its ends: drawn straight between them it is the same.

    >>> corners(np.array([[0, 0], [0, 1], [0, 2], [1, 3], [2, 4]])).tolist()
    [[0, 0], [0, 2], [2, 4]]
    """
    turns = (np.diff(line, n=2, axis=0) != 0).any(1)
    ends = np.ones(min(1, len(line) - 1), dtype=bool)
    kept: Line = line[np.concatenate([[True], turns, ends])]
    return kept


def _graph(skeleton: np.ndarray, pixels: np.ndarray) -> sparse.csr_array:
    number = np.full(tuple(np.array(skeleton.shape) + 2), -1)
    number[1:-1, 1:-1][skeleton] = np.arange(len(pixels))
    starts, ends, lengths = [], [], []
    for down, right in HALF:
        neighbour = number[pixels[:, 0] + 1 + down, pixels[:, 1] + 1 + right]
        linked = np.flatnonzero(neighbour >= 0)
        starts.append(linked)
        ends.append(neighbour[linked])
        lengths.append(np.full(len(linked), np.hypot(down, right)))
    links = (np.concatenate(starts), np.concatenate(ends))
    return sparse.csr_array((np.concatenate(lengths), links), shape=(len(pixels), len(pixels)))


def _ends(graph: sparse.csr_array, start: int) -> tuple[int, np.ndarray]:
    """Find the pixel farthest from a start, and for each pixel the one before it on the way there."""
    starts = np.array([start])
    far, before = csgraph.dijkstra(graph, directed=False, indices=starts, return_predecessors=True)
    return int(np.where(np.isfinite(far[0]), far[0], -1).argmax()), before[0]
