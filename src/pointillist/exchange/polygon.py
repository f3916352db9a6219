"""Polygons and pixels: which pixels lie within rings of corners, and the rings along the edges of pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64
from scipy import ndimage

_CHUNK = 1 << 22
"""Crossings that are computed at once: they bound the memory, whatever a file holds."""
_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


class Window(NamedTuple):
    """Pixels of a part of an image: the part's first row and column, and which of its pixels are meant."""

    top: int
    left: int
    inside: np.ndarray


def fill(rings: Sequence[Float[np.ndarray, "_ 2"]], height: int, width: int) -> Window:
    """Find the pixels whose centre lies within rings, by the even-odd rule: a ring in a ring is a hole.

    A centre on a ring belongs to what lies below or to the right, so that polygons with a common edge share
    no pixel and leave no gap.

    Args:
        rings: (row, col) of the corners, an integer being a pixel's centre; closed or not.
        height: rows of the image; what lies outside of it is cut off.
        width: its columns.

    >>> square = np.array([[-0.5, 0.5], [-0.5, 2.5], [1.5, 2.5], [1.5, 0.5]])
    >>> fill([square], 4, 4)[:2], fill([square], 4, 4).inside.tolist()
    ((0, 1), [[True, True], [True, True]])
    """
    edges = np.concatenate([np.concatenate([ring, np.roll(ring, -1, axis=0)], axis=1) for ring in rings])
    low = np.clip(np.ceil(edges.min(0)[:2]), 0, (height, width)).astype(int)
    high = np.clip(np.ceil(edges.max(0)[:2]), low, (height, width)).astype(int)
    # Every crossing flips all pixels of its row from there on to the right.
    flips = np.zeros(high - low + (0, 1), np.int32)
    first = np.clip(np.ceil(np.minimum(edges[:, 0], edges[:, 2])), low[0], high[0]).astype(int)
    last = np.clip(np.ceil(np.maximum(edges[:, 0], edges[:, 2])), low[0], high[0]).astype(int)
    crossed = last > first
    edges, first, counts = edges[crossed], first[crossed], (last - first)[crossed]
    breaks = np.flatnonzero(np.diff(np.cumsum(counts) // _CHUNK)) + 1
    for part in np.split(np.arange(len(edges)), breaks):
        rows, cols = _crossings(edges[part], first[part], counts[part])
        places = np.clip(np.ceil(cols), low[1], high[1]).astype(int) - low[1]
        np.add.at(flips, (rows - low[0], places), 1)
    return Window(int(low[0]), int(low[1]), np.cumsum(flips[:, :-1], axis=1) % 2 == 1)


def _crossings(edges: np.ndarray, first: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give row and column of each place where an edge crosses the line of a row's centres."""
    begin = np.cumsum(counts) - counts
    rows = np.arange(int(counts.sum())) - np.repeat(begin - first, counts)
    top, left, bottom, right = np.repeat(edges, counts, axis=0).T
    return rows, left + (rows - top) / (bottom - top) * (right - left)


def upright(corners: Float[np.ndarray, "_ 2"], noted: Counter[str]) -> list[float]:
    """Give the upright box around two opposite corners of a rectangle, or all four: top, left, bottom, right.

    Args:
        corners: (row, column) of each.
        noted: counts the rectangles that were turned.

    >>> upright(np.array([[4.0, 0.0], [1.0, 2.0]]), noted := Counter()), len(noted)
    ([1.0, 0.0, 4.0, 2.0], 0)
    """
    low, high = corners.min(0), corners.max(0)
    # Each corner of an upright one lies at its border in both directions.
    if not (np.isclose(corners, low) | np.isclose(corners, high)).all():
        noted["rectangles were turned: the upright box around each is taken"] += 1
    return [*low.tolist(), *high.tolist()]


def outlines(inside: Bool[np.ndarray, "h w"]) -> list[list[Int64[np.ndarray, "_ 2"]]]:
    """Draw around pixels: a polygon for each part whose pixels share edges, its outer ring, then its holes.

    Rings run along the edges of pixels, so that filling them gives back exactly these pixels. No ring touches
    itself; rings may touch each other at corners, as simple-feature geometry allows.

    Args:
        inside: the pixels.

    Returns:
        (row, col) of the rings' corners, where pixel (r, c) reaches from corner (r, c) to (r + 1, c + 1);
        the first corner is not repeated; outer rings run clockwise on the screen, holes the other way round.

    >>> [[ring.tolist() for ring in rings] for rings in outlines(np.array([[True, True]]))]
    [[[[0, 0], [0, 2], [1, 2], [1, 0]]]]
    """
    parts, _ = ndimage.label(inside)
    polygons = []
    for number, place in enumerate(ndimage.find_objects(parts), start=1):
        corner = np.array([place[0].start, place[1].start])
        polygons.append([ring + corner for ring in _rings(parts[place] == number)])
    return polygons


def _rings(part: np.ndarray) -> list[np.ndarray]:
    """Follow the edges between pixels inside (to the right hand) and outside (to the left)."""
    exits = _exits(part)
    stride = exits.shape[1]
    ways, left = exits.ravel().tolist(), exits.ravel().tolist()
    steps = [down * stride + across for down, across in _STEPS]
    rings = []
    for start in np.flatnonzero(exits).tolist():
        while left[start]:
            ring, at, heading = [], start, (left[start] & -left[start]).bit_length() - 1
            before = -1
            while left[at] >> heading & 1:
                left[at] &= ~(1 << heading)
                if heading != before:
                    ring.append(at)
                at, before = at + steps[heading], heading
                # Where two pixels touch at a corner alone, turning to the left keeps every ring from
                # touching itself: the part is connected elsewhere, so what lies between is a hole.
                turned = (heading + 3) % 4
                heading = turned if ways[at] >> turned & 1 else ways[at].bit_length() - 1
            rings.append(np.stack(np.divmod(np.array(ring), stride), axis=1))
    return rings


def _exits(part: np.ndarray) -> np.ndarray:
    """Say in the bits of each corner which ways lead on from it: 1 right, 2 down, 4 left, 8 up."""
    height, width = part.shape
    around = np.pad(part, 1)
    exits = np.zeros((height + 1, width + 1), np.uint8)
    exits[:-1, :-1] |= np.where(part & ~around[:-2, 1:-1], 1, 0).astype(np.uint8)
    exits[:-1, 1:] |= np.where(part & ~around[1:-1, 2:], 2, 0).astype(np.uint8)
    exits[1:, 1:] |= np.where(part & ~around[2:, 1:-1], 4, 0).astype(np.uint8)
    exits[1:, :-1] |= np.where(part & ~around[1:-1, :-2], 8, 0).astype(np.uint8)
    return exits
