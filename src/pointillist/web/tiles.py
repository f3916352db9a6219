"""Images cut into tiles, as Deep Zoom does: lossless, and of the pixels that the server itself decoded."""

from __future__ import annotations

import io
from functools import lru_cache
from math import ceil, log2

from PIL import Image

from pointillist.core.shapes import ImageArray
from pointillist.data.draw import draw_image

TILE = 256
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

    Args:
        image: float (C, H, W) in 0..1.
    """

    def __init__(self, image: ImageArray) -> None:
        self.top = levels(image.shape[1], image.shape[2])
        self._full = Image.fromarray(draw_image(image, 1))
        self._level = lru_cache(maxsize=None)(self._reduced)
        # All smaller sizes together take a third of the full one.
        self.bytes = 4 * self._full.width * self._full.height

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

    def _reduced(self, level: int) -> Image.Image:
        if level == self.top:
            return self._full
        larger = self._level(level + 1)
        size = (max(1, ceil(larger.width / 2)), max(1, ceil(larger.height / 2)))
        return larger.resize(size, Image.Resampling.BOX)


def _span(number: int, size: int) -> tuple[int, int]:
    return max(0, number * TILE - OVERLAP), min((number + 1) * TILE + OVERLAP, size)


def png(picture: Image.Image) -> bytes:
    """Write a picture as PNG, quickly."""
    buffer = io.BytesIO()
    picture.save(buffer, format="png", compress_level=1)
    return buffer.getvalue()
