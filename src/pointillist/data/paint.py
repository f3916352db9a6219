"""What the painters of generated images share: clouds of noise, smooth strokes, polygons and paintings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from pointillist.core.shapes import ImageArray, MaskArray, RegionArray

FINE = 4
"""Strokes and polygons are drawn this much larger and averaged down, so that their edges are smooth."""


@dataclass(frozen=True, eq=False)
class Painting:
    """A drawn scene: its pixels with the truth about them.

    Args:
        pixels: RGB or grey, float (H, W, C), meant to lie in [0, 1].
        mask: class indices, uint8 (H, W).
        region: bool (H, W); None: everywhere.
    """

    pixels: np.ndarray
    mask: MaskArray
    region: RegionArray | None = None

    def to_image(self) -> ImageArray:
        """Give float32 (C, H, W) on the 256 levels that a file or uint8 memory would keep."""
        levels = np.rint(np.clip(self.pixels, 0, 1) * 255).astype(np.float32) / np.float32(255)
        return np.ascontiguousarray(levels.transpose(2, 0, 1))


def centred_grid(height: int, width: int, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Give each pixel's (row, col) from the image's centre, as (H, 1) and (1, W) arrays in units."""
    rows = (np.arange(height, dtype=np.float32) - (height - 1) / 2) / unit
    cols = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / unit
    return rows[:, None], cols[None, :]


def cloud(rng: np.random.Generator, height: int, width: int, cell: float, octaves: int = 1) -> np.ndarray:
    """Draw smooth noise of mean 0 and deviation about 1.

    Args:
        rng: the only source of chance.
        height: rows.
        width: columns.
        cell: size of the largest spots in pixels; never below one pixel.
        octaves: how many layers, each with half the spots and half the strength of the one before.
    """
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        size = max(1.0, cell / 2**octave)
        reach_rows, reach_cols = height / size, width / size
        shape = (int(np.ceil(reach_rows)) + 2, int(np.ceil(reach_cols)) + 2)
        grid = Image.fromarray(rng.standard_normal(shape, dtype=np.float32))
        box = (1.0, 1.0, 1.0 + reach_cols, 1.0 + reach_rows)
        total += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC, box)) * 0.5**octave
    # Interpolation between independent values damps them: about .7 of the deviation is left.
    return total / np.float32(0.7 * np.sqrt(sum(0.25**octave for octave in range(octaves))))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose order of magnitude is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def soft_step(values: np.ndarray, softness: np.ndarray | float) -> np.ndarray:
    """Rise smoothly from 0 to 1 where values pass 0: the logistic function of values / softness."""
    return 1 / (1 + np.exp(-np.clip(values / softness, -30, 30)))


def blend(under: np.ndarray, over: np.ndarray | Sequence[float], share: np.ndarray) -> np.ndarray:
    """Lay a colour, or an (H, W, 3) picture, over another where share (H, W) says how much."""
    blended: np.ndarray = under + (np.asarray(over, dtype=np.float32) - under) * share[..., None]
    return blended


def paint_strokes(
    height: int, width: int, paths: Sequence[tuple[np.ndarray, np.ndarray]], shown_width: float = 0.8
) -> np.ndarray:
    """Draw round brush strokes and give how much of each pixel they cover, 0 to 1.

    Args:
        height: rows.
        width: columns.
        paths: for each stroke its corners (n, 2) as (row, col), and its width at each, in pixels.
        shown_width: thinner strokes are drawn this wide, since no camera would resolve them.
    """
    canvas = Image.new("L", (width * FINE, height * FINE), 0)
    pen = ImageDraw.Draw(canvas)
    for corners, widths in paths:
        at = ((corners[:, ::-1] + 0.5) * FINE).tolist()
        radii = (np.maximum(widths, shown_width) * (FINE / 2)).tolist()
        for (x0, y0), (x1, y1), r in zip(at, at[1:], radii[1:], strict=False):
            pen.line((x0, y0, x1, y1), fill=255, width=max(1, round(2 * r)))
            if r > FINE / 2:
                pen.ellipse((x1 - r, y1 - r, x1 + r, y1 + r), fill=255)
    return np.asarray(canvas.reduce(FINE), dtype=np.float32) / 255
