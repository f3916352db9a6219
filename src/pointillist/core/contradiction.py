"""Marks of one annotation that can't all be true."""

from __future__ import annotations

import numpy as np

from pointillist.core.annotation import Annotation
from pointillist.core.marks import Box, Dense, Drawn, ExtremePoints, Points, Size, Tag, classes_of
from pointillist.core.raster import nearest_pixels, outline, scaled


def contradictions(annotation: Annotation) -> list[str]:
    """Say in words which marks contradict each other; of clicks, how many.

    Looked at: clicks of two classes on one pixel, clicks on a class outside all of its boxes, what is drawn
    of a class that a tag calls absent or a size gives no pixel, and sizes that don't fit into the image.
    Later marks win where they overlap (see `to_labels`), so scribbles and label maps that correct others are
    no contradiction.

    >>> from pointillist.core.marks import Points
    >>> marks = (Points(label=0, at=((1.0, 1.0),)), Points(label=1, at=((1.2, 0.9),)))
    >>> contradictions(Annotation(name="a", height=4, width=4, classes=("no", "yes"), marks=marks))
    ['1 pixel clicked as two classes']
    """
    names = annotation.classes
    clicked = {label: _clicked(annotation, label) for label in range(len(names))}
    found = []
    everywhere = np.concatenate(list(clicked.values()))
    twice = len(everywhere) - len(np.unique(everywhere))
    if twice:
        found.append(f"{twice} pixel{'s' * (twice > 1)} clicked as two classes")
    for label, places in clicked.items():
        outside = _outside_boxes(annotation, label, places)
        if outside:
            found.append(f"{outside} click{'s' * (outside > 1)} on {names[label]!r} outside its boxes")
    absent = {mark.label for mark in annotation.marks if isinstance(mark, Tag) and not mark.present}
    empty = {mark.label for mark in annotation.marks if isinstance(mark, Size) and not mark.high}
    # Label maps are unpacked for it: not where nothing could contradict them.
    drawn = _drawn(annotation) if absent | empty else set()
    found += [f"{names[k]!r} tagged as absent, and drawn" for k in sorted(absent & drawn)]
    found += [f"{names[k]!r} said to have no pixel, and drawn" for k in sorted(empty & drawn)]
    lowest = {mark.label: mark.low for mark in annotation.marks if isinstance(mark, Size)}
    if (least := sum(lowest.values())) > annotation.height * annotation.width:
        of = f"{annotation.height} x {annotation.width}"
        found.append(f"sizes of at least {least:g} pixels in an image of {of}")
    return found


def _clicked(annotation: Annotation, label: int) -> np.ndarray:
    """The pixels, each once, that were clicked as a class, as row * width + column."""
    marks = annotation.marks
    at = tuple(place for m in marks if isinstance(m, Points) and m.label == label for place in m.at)
    rows, cols = nearest_pixels(scaled(at, np.ones(2)), (annotation.height, annotation.width)).T
    pixels: np.ndarray = np.unique(rows * annotation.width + cols)
    return pixels


def _outside_boxes(annotation: Annotation, label: int, pixels: np.ndarray) -> int:
    boxes = [m for m in annotation.marks if isinstance(m, Box | ExtremePoints) and m.label == label]
    if not boxes:
        return 0
    rows, cols = np.divmod(pixels, annotation.width)
    inside = np.zeros(len(pixels), bool)
    for box in boxes:
        size = (annotation.height, annotation.width)
        top, left, bottom, right = outline(box, np.ones(2), size)
        inside |= (rows >= top) & (rows < bottom) & (cols >= left) & (cols < right)
    return int((~inside).sum())


def _drawn(annotation: Annotation) -> set[int]:
    """The classes of which something is drawn."""
    marks = (mark for mark in annotation.marks if isinstance(mark, Drawn | Dense))
    return set().union(*(classes_of(mark) for mark in marks))
