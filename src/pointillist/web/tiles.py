"""Images cut into tiles, as Deep Zoom does: lossless, and of the pixels that the server itself decoded."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from math import ceil, log2

from PIL import Image

from pointillist.data.draw import Picture

TILE = 256
LARGE = 1 << 22
"""Pixels from which on a small picture is decoded on its own, before the full one."""
OVERLAP = 1
"""Pixels that a tile shares with each neighbour: without, the viewer stretches every tile by a pixel of the
screen against gaps, and what is clicked lies beside what is seen."""


def levels(height: int, width: int) -> int:
    """Give the number of the level that shows every pixel; level 0 is one pixel.

    >>> levels(560, 768), levels(1, 1)
    (10, 0)
    """
    return ceil(log2(max(height, width, 1)))


class Pyramid:
    """One image at all sizes, each half of the next, rounded up; made as they are asked for.

    A pixel of a smaller size lies over whole pixels of the full one, counted from the corner, where the
    viewer draws it; what is left over at the far edges makes the last.

    Args:
        height: of the image.
        width: of the image.
        full: decodes it, RGB.
        eighth: decodes an eighth of a large image at once, where its file offers that; else gives None.
    """

    def __init__(
        self,
        height: int,
        width: int,
        full: Callable[[], Picture],
        eighth: Callable[[], Picture | None] = lambda: None,
    ) -> None:
        self.top = levels(height, width)
        self._full = full
        self._eighth = eighth if height * width >= LARGE else lambda: None
        self._made: dict[int, Image.Image] = {}
        # The full image, which takes long, holds up nobody who asks for what an eighth of it shows.
        self._small, self._large = threading.RLock(), threading.RLock()
        # All smaller sizes together take a third of the full one.
        self.bytes = 4 * width * height

    def tile(self, level: int, col: int, row: int) -> bytes | None:
        """Give a tile as PNG; None: the level has no such tile."""
        if not 0 <= level <= self.top:
            return None
        picture = self._level(level)
        if not (0 <= col * TILE < picture.width and 0 <= row * TILE < picture.height):
            return None
        left, right = _span(col, picture.width)
        top, bottom = _span(row, picture.height)
        return png(picture.crop((left, top, right, bottom)))

    def _level(self, level: int) -> Image.Image:
        with self._small if level <= self.top - 3 else self._large:
            if level not in self._made:
                self._made[level] = self._make(level)
            return self._made[level]

    def _make(self, level: int) -> Image.Image:
        if level == self.top:
            return Image.fromarray(self._full())
        if level == self.top - 3 and (found := self._eighth()) is not None:
            return Image.fromarray(found)
        return self._level(level + 1).reduce(2)


def _span(number: int, size: int) -> tuple[int, int]:
    return max(0, number * TILE - OVERLAP), min((number + 1) * TILE + OVERLAP, size)


def png(picture: Image.Image) -> bytes:
    """Write a picture as PNG, quickly."""
    buffer = io.BytesIO()
    picture.save(buffer, format="png", compress_level=1)
    return buffer.getvalue()
