"""From marks to label maps."""

from __future__ import annotations

import math
from itertools import chain, pairwise

import numpy as np
from jaxtyping import Float, Int64, UInt8

from pointillist.core.annotation import Annotation
from pointillist.core.errors import InputError
from pointillist.core.marks import (
    MAX_PIXELS,
    Box,
    Centroid,
    Dense,
    ExtremePoints,
    Places,
    Points,
    Scribble,
    Size,
    Tag,
)
from pointillist.core.shapes import IGNORE, MaskArray


def to_labels(annotation: Annotation, height: int | None = None, width: int | None = None) -> MaskArray:
    """Draw an annotation as a label map, IGNORE where nothing was drawn.

    Later marks overwrite earlier ones; with boxes, what lies outside all of them is background unless a mark
    says otherwise, or something is drawn of a class that has no box: of that one the boxes say nothing. Tags,
    sizes and centroids draw nothing. Where the wanted size differs from the annotated
    image's, positions and lengths are scaled with it (a click stays at least one pixel, a dense map takes the
    nearest pixel).

    Args:
        annotation: what was drawn.
        height: rows of the map; the annotated image's by default.
        width: its columns.

    Shapes:
        uint8 (height, width).

    Raises:
        InputError: the map would have more than 2^28 pixels.

    >>> from pointillist.core.marks import Points
    >>> clicks = Points(label=1, at=((0.0, 2.0),))
    >>> to_labels(Annotation(name="a", height=1, width=3, classes=("no", "yes"), marks=(clicks,))).tolist()
    [[255, 255, 1]]
    """
    height, width = height or annotation.height, width or annotation.width
    if height * width > MAX_PIXELS:
        fix = "Draw it smaller, or cut the image into tiles."
        raise InputError(f"a label map must have at most {MAX_PIXELS} pixels", f"{height} x {width}", fix)
    scale = np.array([height / annotation.height, width / annotation.width])
    labels = np.full((height, width), IGNORE, dtype=np.uint8)
    for mark in annotation.marks:
        if isinstance(mark, Dense):
            drawn = _nearest(mark.to_map(), height, width)
            labels = np.where(drawn == IGNORE, labels, drawn)
        elif isinstance(mark, Points | Scribble | ExtremePoints):
            _draw(labels, mark, scale)
    boxes = [mark for mark in annotation.marks if isinstance(mark, Box | ExtremePoints)]
    there = _said_to_be_there(annotation) | set(np.unique(labels[labels != IGNORE]).tolist())
    if boxes and {box.label for box in boxes} >= there - {0}:
        outside = labels == IGNORE
        for box in boxes:
            top, left, bottom, right = outline(box, scale, (height, width))
            outside[top:bottom, left:right] = False
        labels[outside] = 0
    return labels


def _said_to_be_there(annotation: Annotation) -> set[int]:
    """List the classes of which something is said, without drawing it, that holds of what is there alone."""
    return {
        mark.label
        for mark in annotation.marks
        if isinstance(mark, Centroid)
        or (isinstance(mark, Tag) and mark.present)
        or (isinstance(mark, Size) and mark.low > 0)
    }


def outline(box: Box | ExtremePoints, scale: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Give top, left, bottom and right (half-open) of the smallest box of whole pixels around a drawn one.

    Args:
        box: what was drawn.
        scale: rows and columns of the wanted image per row and column of the annotated one.
        size: rows and columns of the wanted image.

    >>> outline(Box(label=1, top=2, left=0, bottom=5, right=4), np.array([0.5, 0.5]), (8, 8))
    (1, 0, 3, 2)
    """
    if isinstance(box, Box):
        edges = np.array([[box.top, box.left], [box.bottom, box.right]], float)
    else:
        at = np.floor(np.array(box.at) + 0.5)
        edges = np.stack([at.min(0), at.max(0) + 1])
    # A hair's breadth of tolerance, so that 3 * (1 / 3) is 1 and takes no second pixel.
    low = np.clip(np.floor(edges[0] * scale + 1e-6), 0, np.array(size) - 1).astype(int)
    high = np.clip(np.ceil(edges[1] * scale - 1e-6), low + 1, size).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _draw(labels: MaskArray, mark: Points | Scribble | ExtremePoints, scale: np.ndarray) -> None:
    if isinstance(mark, Points):
        places, radius = scaled(mark.at, scale), mark.radius
    elif isinstance(mark, ExtremePoints):
        places, radius = scaled(mark.at, scale), 0.0
    else:
        places = _along(scaled(mark.path, scale))
        # A line of width w covers the pixels within (w - 1) / 2 of it: width 1 is one pixel wide.
        radius = (mark.width - 1) / 2
    _stamp(labels, nearest_pixels(places, labels.shape), radius * float(scale.mean()), mark.label)


def nearest_pixels(places: np.ndarray, size: tuple[int, ...]) -> Int64[np.ndarray, "n 2"]:
    """Give the pixel of an image of so many rows and columns that each place lies on."""
    pixels: np.ndarray = np.clip(np.floor(places + 0.5), 0, np.array(size) - 1).astype(np.int64)
    return pixels


def scaled(points: Places, scale: np.ndarray) -> Float[np.ndarray, "n 2"]:
    """Carry places to an image with so many rows and columns per row and column of theirs."""
    flat = np.fromiter(chain.from_iterable(points), float, 2 * len(points))
    places: np.ndarray = (flat.reshape(-1, 2) + 0.5) * scale - 0.5
    return places


def _nearest(labels: MaskArray, height: int, width: int) -> UInt8[np.ndarray, "{height} {width}"]:
    rows = ((np.arange(height) + 0.5) * labels.shape[0] / height).astype(int)
    cols = ((np.arange(width) + 0.5) * labels.shape[1] / width).astype(int)
    nearest: np.ndarray = labels[rows[:, None], cols[None, :]]
    known = np.nonzero(labels != IGNORE) if nearest.size < labels.size else ()
    if not len(known) or len(known[0]) == labels.size:
        return nearest
    # Shrinking by the nearest pixel alone would lose most single labelled pixels: carry each to its place.
    carried = np.full((height, width), IGNORE, dtype=np.uint8)
    # By the pixels' centres, as `nearest` looks and clicks are scaled.
    at = [
        (2 * place + 1) * new // (2 * old)
        for place, new, old in zip(known, nearest.shape, labels.shape, strict=True)
    ]
    carried[at[0], at[1]] = labels[known]
    return np.where(nearest == IGNORE, carried, nearest)


def _along(path: np.ndarray) -> np.ndarray:
    """Put a point on every pixel that the line through the corners crosses."""
    pieces = [path[:1]]
    for start, end in pairwise(path):
        steps = math.ceil(np.abs(end - start).max())
        pieces.append(start + (end - start) * np.linspace(0, 1, steps + 1)[1:, None])
    return np.concatenate(pieces)


def _stamp(labels: MaskArray, centres: np.ndarray, radius: float, label: int) -> None:
    """Draw the disc of the radius around each centre: row by row of the disc, all centres at once."""
    if radius < 1 or not len(centres):
        labels[centres[:, 0], centres[:, 1]] = label
        return
    # Only where it is drawn: of a large image most is far from any mark.
    low = np.maximum(centres.min(0) - int(radius), 0)
    high = centres.max(0) + int(radius) + 1
    labels, centres = labels[low[0] : high[0], low[1] : high[1]], centres - low
    drawn = np.zeros(labels.shape, dtype=bool)
    drawn[centres[:, 0], centres[:, 1]] = True
    height, width = labels.shape
    rows, cols = np.nonzero(drawn)
    # +1 where a disc's row begins, -1 behind its end: the running sum is positive where any disc covers.
    edges = np.zeros((height, width + 1), dtype=np.int32)
    flat = edges.reshape(-1)
    for offset in range(-int(radius), int(radius) + 1):
        half = int(math.sqrt(radius**2 - offset**2))
        inside = (rows + offset >= 0) & (rows + offset < height)
        row, col = (rows[inside] + offset) * (width + 1), cols[inside]
        np.add.at(flat, row + np.maximum(col - half, 0), 1)
        np.add.at(flat, row + np.minimum(col + half + 1, width), -1)
    labels[np.cumsum(edges[:, :-1], axis=1) > 0] = label
