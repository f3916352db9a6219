"""What is known of a whole image, carried into a training window: tags, boxes, sizes and centroids."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE

_HAIR = 1e-6


@dataclass(frozen=True)
class Window:
    """Where a training window lies in its image.

    Args:
        top: first row of the window, negative where it begins beyond the image's edge.
        left: likewise its first column.
        height: rows of the window.
        width: its columns.
        image_height: rows of the image.
        image_width: its columns.
        filled: beyond the image's edges lies one colour and no object; else they are mirrored.
    """

    top: int
    left: int
    height: int
    width: int
    image_height: int
    image_width: int
    filled: bool = False


def carry_facts(
    known: Known, window: Window, inverse: Float[np.ndarray, "2 2"], size: tuple[int, int]
) -> Known:
    """Say what is known in the coordinates of the augmented window; labels and soft stay behind (empty).

    Facts about a whole image hold in a part of it, turned or mirrored beyond its edges, only in part:

    - an absent class stays absent; a present one is known to be present only if the whole image is seen;
    - a box stays a tight box if it is seen whole; where one is cut, all boxes of its class are forgotten,
      since boxes say that the class is nowhere else (the label map says so too, and keeps it);
    - a lowest size and a centroid are known only if the whole image is seen;
    - a highest size holds in every part;
    - where the image is turned askew, zoomed, or mirrored beyond its edge, boxes, sizes and centroids are
      forgotten: `Known.of_the_whole` tells which images had better stay upright;
    - what an image is filled up with is background: of that no highest size, no centroid and no absence hold.

    Args:
        known: about the whole image.
        window: what was cut out of it.
        inverse: moves a source offset (x, y) from the window's centre to one from the result's centre.
        size: rows and columns of the result.
    """
    if window.filled:
        known = _beside_more_background(known)
    nothing = Known.nothing(len(known.tags), *size)
    absent = np.where(known.tags == 0, known.tags, np.uint8(IGNORE))
    sizes = nothing.sizes.copy()
    sizes[known.tags == 0, 1] = 0.0
    partly = replace(nothing, tags=absent, sizes=sizes)
    if not _upright(inverse):
        return partly
    corners = np.array(
        [[-window.top, -window.left], [window.image_height - window.top, window.image_width - window.left]],
        float,
    )
    low, high = _moved(corners, window, inverse, size)
    if not window.filled and ((low > _HAIR).any() or (high < np.array(size) - _HAIR).any()):
        return partly  # Smaller than the result: mirrored beyond its edge, an object may show twice.
    boxes = _boxes(known, window, inverse, size)
    if (low < -_HAIR).any() or (high > np.array(size) + _HAIR).any():
        return replace(partly, boxes=boxes, sizes=np.stack([sizes[:, 0], known.sizes[:, 1]], 1))
    centroids = known.centroids.copy()
    for label in np.flatnonzero(np.isfinite(known.centroids).all((1, 2))):
        # Pixel centres to edges and back: a range moves as the box whose corners it names.
        corners = known.centroids[label].T + 0.5 - np.array([window.top, window.left])
        moved = _moved(corners, window, inverse, size)
        centroids[label] = np.stack(moved, 1) - 0.5
    return Known(nothing.labels, known.tags, boxes, known.sizes, centroids)


def _beside_more_background(known: Known) -> Known:
    tags, sizes, centroids = known.tags.copy(), known.sizes.copy(), known.centroids.copy()
    tags[0] = IGNORE if tags[0] == 0 else tags[0]
    sizes[0, 1] = np.inf
    centroids[0] = [[-np.inf, np.inf]] * 2
    return replace(known, tags=tags, sizes=sizes, centroids=centroids)


def _upright(inverse: np.ndarray) -> bool:
    """Whether a matrix only mirrors and turns by quarters."""
    rounded = np.round(inverse)
    return bool(np.allclose(inverse, rounded, atol=1e-5) and np.allclose(np.abs(rounded).sum(0), 1))


def _moved(
    corners: np.ndarray, window: Window, inverse: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Move two (row, col) corners, in edge coordinates of the window, and sort them again."""
    offsets = corners - np.array([window.height, window.width]) / 2
    turned = (np.round(inverse) @ offsets[:, ::-1].T).T[:, ::-1] + np.array(size) / 2
    return turned.min(0), turned.max(0)


def _boxes(known: Known, window: Window, inverse: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    rows, cut = [], set()
    for label, top, left, bottom, right in known.boxes:
        corners = np.array([[top, left], [bottom, right]], float) - np.array([window.top, window.left])
        low, high = _moved(corners, window, inverse, size)
        if (low >= -_HAIR).all() and (high <= np.array(size) + _HAIR).all():
            rows.append([label, *np.round(low).astype(int), *np.round(high).astype(int)])
        elif (low < np.array(size) - _HAIR).all() and (high > _HAIR).all():
            cut.add(label)
    return np.array([row for row in rows if row[0] not in cut], np.int64).reshape(-1, 5)
