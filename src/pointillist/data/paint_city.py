"""A city's own frame and the three sheets that it is drawn on: what is seen, shadows, footprints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
FINE = 3
"""Drawn this much larger and averaged down, so that slanted edges are smooth."""


@dataclass(frozen=True)
class Box:
    """A rectangle in the city's own frame, whose streets run along its axes; lengths in metres."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def corners(self) -> np.ndarray:
        """The four corners in order, as (x, y)."""
        return np.array(
            [
                (self.left, self.top),
                (self.right, self.top),
                (self.right, self.bottom),
                (self.left, self.bottom),
            ]
        )

    @property
    def circle(self) -> tuple[np.ndarray, float]:
        """Centre and radius of the circle around it."""
        centre = np.array([self.left + self.right, self.top + self.bottom]) / 2
        return centre, float(np.hypot(self.right - self.left, self.bottom - self.top)) / 2

    def shrunk(self, by: float) -> Box:
        """Draw every side in."""
        return Box(self.left + by, self.top + by, self.right - by, self.bottom - by)


class City:
    """Three sheets to draw on (what is seen, shadows, footprints) and the way from metres to their pixels.

    Args:
        height: rows of the picture.
        width: its columns.
        rng: the only source of chance.
    """

    def __init__(self, height: int, width: int, rng: np.random.Generator) -> None:
        self.rng = rng
        self.scale = float(np.sqrt(height * width)) / 256
        self.reach = float(np.hypot(height, width)) / self.scale / 2
        angle = rng.uniform(0, np.pi / 2)
        self._turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        self._centre = np.array([width, height]) * FINE / 2
        sun = rng.uniform(0, 2 * np.pi)
        self.sun = np.array([np.cos(sun), np.sin(sun)])
        size = (width * FINE, height * FINE)
        green = rng.uniform(0, 1)
        self.lawn = np.array([96 + 34 * green, 108 + 8 * green, 66 + 16 * green])
        self.sheet = Image.new("RGB", size, self.tint(self.lawn, 0))
        self.shadows = Image.new("L", size, 0)
        self.footprints = Image.new("L", size, 0)
        self._pen, self._shade, self._foot = map(ImageDraw.Draw, (self.sheet, self.shadows, self.footprints))

    def tint(self, colour: Sequence[float] | np.ndarray, spread: float, light: float = 1.0) -> Colour:
        """Give a colour a little apart from the named one, lighter or darker."""
        shifted = np.asarray(colour, dtype=float) * light + self.rng.normal(0, spread + 1e-9)
        red, green, blue = np.clip(shifted, 0, 255).astype(int).tolist()
        return red, green, blue

    def pick(self, colours: Sequence[Colour]) -> Colour:
        """Draw one of several colours."""
        return colours[int(self.rng.integers(len(colours)))]

    def to_pixels(self, metres: np.ndarray) -> np.ndarray:
        """Turn (x, y) in metres into (x, y) on the sheets."""
        pixels: np.ndarray = (metres @ self._turn) * (self.scale * FINE) + self._centre
        return pixels

    def sees(self, at: np.ndarray, radius: float) -> bool:
        """Say whether any of a disc can lie in the picture."""
        offset = np.abs(self.to_pixels(at) - self._centre)
        return bool((offset < self._centre + radius * self.scale * FINE).all())

    def fill(self, metres: np.ndarray, colour: Colour) -> None:
        """Fill a polygon."""
        self._pen.polygon(self.to_pixels(metres).ravel().tolist(), fill=colour)

    def blob(self, at: np.ndarray, radius: float, colour: Colour) -> None:
        """Fill a disc."""
        (x, y), r = self.to_pixels(at), radius * self.scale * FINE
        self._pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def cast(self, metres: np.ndarray, tall: float) -> None:
        """Draw the shadow of something with this outline."""
        outline = self.to_pixels(metres)
        moved = outline + self.sun * (tall * self.scale * FINE)
        ring = np.arange(len(outline))
        for here, there in zip(ring, np.roll(ring, -1), strict=True):
            side = np.concatenate([outline[[here, there]], moved[[there, here]]])
            self._shade.polygon(side.ravel().tolist(), fill=255)
        self._shade.polygon(moved.ravel().tolist(), fill=255)

    def cast_disc(self, at: np.ndarray, radius: float) -> None:
        """Draw the shadow of something as tall as it is wide."""
        size = self.scale * FINE
        (x, y), r = self.to_pixels(at) + self.sun * (radius * size), radius * size
        self._shade.ellipse((x - r, y - r, x + r, y + r), fill=255)

    def found(self, metres: np.ndarray) -> None:
        """Mark a building's footprint."""
        self._foot.polygon(self.to_pixels(metres).ravel().tolist(), fill=255)

    def facing(self, direction: np.ndarray) -> float:
        """Say how bright a slope is that falls off in this direction (in metres)."""
        return float(1 - 0.24 * (direction @ self._turn @ self.sun))
