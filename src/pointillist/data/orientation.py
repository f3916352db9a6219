"""EXIF orientation: what a file declares, and how its stored rows become upright."""

from __future__ import annotations

import numpy as np


def orientation_of(declared: object) -> tuple[int, tuple[str, ...]]:
    """Give the orientation to undo, and what to say where the declared one means nothing.

    >>> orientation_of(6), orientation_of(None), orientation_of(9)[0]
    ((6, ()), (1, ()), 1)
    """
    if declared is None:
        return 1, ()
    if isinstance(declared, int) and 1 <= declared <= 8:
        return declared, ()
    return 1, (f"ignored invalid EXIF orientation {declared!r}: taken as upright",)


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn stored rows upright.

    Args:
        pixels: (H, W) or (H, W, C) as stored.
        orientation: 1..8: 2, 4 mirrored; 3 upside down; 5, 7 transposed; 6, 8 a quarter turn.
    """
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
