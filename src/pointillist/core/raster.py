"""From marks to label maps."""

from __future__ import annotations

import numpy as np

from pointillist.core.annotation import Annotation, Dense, Points
from pointillist.core.shapes import IGNORE, MaskArray


def to_labels(annotation: Annotation, height: int | None = None, width: int | None = None) -> MaskArray:
    """Draw an annotation as a label map, IGNORE where nothing was drawn.

    Later marks overwrite earlier ones. Where the wanted size differs from the annotated image's, positions
    and lengths are scaled with it (a click stays at least one pixel, a dense map takes the nearest pixel).

    Args:
        annotation: what was drawn.
        height: rows of the map; the annotated image's by default.
        width: its columns.

    Shapes:
        uint8 (height, width).

    >>> from pointillist.core.annotation import Points
    >>> clicks = Points(label=1, at=((0.0, 2.0),))
    >>> to_labels(Annotation(name="a", height=1, width=3, classes=("no", "yes"), marks=(clicks,))).tolist()
    [[255, 255, 1]]
    """
    height, width = height or annotation.height, width or annotation.width
    scale = np.array([height / annotation.height, width / annotation.width])
    labels = np.full((height, width), IGNORE, dtype=np.uint8)
    for mark in annotation.marks:
        if isinstance(mark, Dense):
            drawn = _nearest(mark.to_map(), height, width)
            labels = np.where(drawn == IGNORE, labels, drawn)
        elif isinstance(mark, Points):
            for at in _scaled(mark.at, scale):
                _draw_segment(labels, at, at, mark.radius * float(scale.mean()), mark.label)
        else:
            path = _scaled(mark.path, scale)
            # A line of width w covers the pixels within (w - 1) / 2 of it: width 1 is one pixel wide.
            radius = (mark.width - 1) / 2 * float(scale.mean())
            for start, end in zip(path, path[1:] if len(path) > 1 else path, strict=False):
                _draw_segment(labels, start, end, radius, mark.label)
    return labels


def _scaled(points: tuple[tuple[float, float], ...], scale: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = (np.array(points, dtype=float).reshape(-1, 2) + 0.5) * scale - 0.5
    return scaled


def _nearest(labels: MaskArray, height: int, width: int) -> MaskArray:
    rows = ((np.arange(height) + 0.5) * labels.shape[0] / height).astype(int)
    cols = ((np.arange(width) + 0.5) * labels.shape[1] / width).astype(int)
    nearest: MaskArray = labels[rows[:, None], cols[None, :]]
    return nearest


def _draw_segment(labels: MaskArray, start: np.ndarray, end: np.ndarray, radius: float, label: int) -> None:
    limit = np.array(labels.shape) - 1
    steps = int(np.ceil(np.abs(end - start).max())) + 1
    for at in start + (end - start) * np.linspace(0, 1, steps)[:, None]:
        centre = np.clip(np.floor(at + 0.5), 0, limit).astype(int)
        reach = int(radius)
        top, left = np.maximum(centre - reach, 0)
        bottom, right = np.minimum(centre + reach, limit) + 1
        rows = np.arange(top, bottom)[:, None] - centre[0]
        cols = np.arange(left, right)[None, :] - centre[1]
        inside = rows**2 + cols**2 <= radius**2
        labels[top:bottom, left:right][inside] = label
