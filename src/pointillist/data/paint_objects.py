"""Paint broad things of any colour and texture on any ground: what an object is, whatever it is."""

from __future__ import annotations

import numpy as np

from pointillist.data.paint import Painting, cloud, log_uniform, paint_strokes, soft_step
from pointillist.data.paint_lesion import paint_lesion

LESIONS = 0.4
"""Share of the images that are skin lesions as `paint_lesion` paints them."""
MOST = 5
"""Objects of an image."""


def paint_objects(height: int, width: int, rng: np.random.Generator) -> Painting:
    """Paint one object or a few of one kind, class 1, on a ground of another colour and texture.

    Shapes, colours, textures, how sharp the outlines are, light, blur and noise are drawn for each image;
    lines and spots lie on top of both, which are neither. Two in five are painted skin lesions. Made to
    pretrain decoders on; see `PretrainedUnet`.

    Args:
        height: rows.
        width: columns.
        rng: the only source of chance.

    Source: domain randomisation after J. Tobin et al., IROS 2017.
    """
    if rng.random() < LESIONS:
        return paint_lesion(height, width, rng)
    unit = float(np.sqrt(height * width))
    depth = _depths(height, width, unit, rng)
    share = soft_step(depth, log_uniform(rng, 0.003, 0.03))[..., None]
    ground, inside = _surface(height, width, unit, rng), _surface(height, width, unit, rng)
    if rng.random() < 0.5:  # Of the ground's own colours, darker or brighter.
        inside = 0.6 * ground + 0.4 * inside + rng.choice([-1, 1]) * rng.uniform(0.08, 0.3)
    pixels = ground + (inside - ground) * share * rng.uniform(0.5, 1)
    pixels = _on_top(pixels, unit, rng)
    return Painting(_camera(pixels, rng), (depth > 0).astype(np.uint8))


def _depths(height: int, width: int, unit: float, rng: np.random.Generator) -> np.ndarray:
    """Give how deep inside an object each pixel lies, negative outside, in units."""
    count = 1 if rng.random() < 0.6 else int(rng.integers(2, MOST + 1))
    largest = 0.4 if count == 1 else 0.4 / np.sqrt(count)
    radius = log_uniform(rng, 0.07, largest)
    rows, cols = np.mgrid[:height, :width] / unit
    deepest = np.full((height, width), -np.inf)
    for _ in range(count):
        size = radius * rng.uniform(0.7, 1.3)
        at = rng.uniform(0.2, 0.8, 2) * (height, width) / unit
        angle, stretch = rng.uniform(0, np.pi), np.sqrt(rng.uniform(1, 2.5))
        along = ((cols - at[1]) * np.cos(angle) + (rows - at[0]) * np.sin(angle)) / stretch
        across = ((rows - at[0]) * np.cos(angle) - (cols - at[1]) * np.sin(angle)) * stretch
        # Between a diamond, an ellipse and nearly a rectangle.
        power = rng.choice([1.3, 2, 2, 2, 6])
        away = (np.abs(along) ** power + np.abs(across) ** power) ** (1 / power)
        depth = size - away
        depth += size * rng.uniform(0, 0.25) * cloud(rng, height, width, size * unit * rng.uniform(0.4, 1.2))
        depth += size * rng.uniform(0, 0.06) * cloud(rng, height, width, size * unit * 0.25, octaves=3)
        deepest = np.maximum(deepest, depth)
    return deepest


def _surface(height: int, width: int, unit: float, rng: np.random.Generator) -> np.ndarray:
    """Give a colour with its texture."""
    colour = rng.uniform(0.1, 0.9) + rng.normal(0, 0.12, 3)
    pixels = np.ones((height, width, 3)) * colour
    for _ in range(int(rng.integers(1, 4))):
        cell = log_uniform(rng, 3, unit)
        clouds = cloud(rng, height, width, cell, octaves=int(rng.integers(1, 5)))
        pixels += clouds[..., None] * (rng.normal(0, 0.4, 3) + rng.normal()) * rng.uniform(0, 0.09)
    return pixels


def _on_top(pixels: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """Lay a few straight or bent lines and some spots over everything."""
    height, width = pixels.shape[:2]
    steps = np.linspace(0, 1, 12)[:, None]
    paths = []
    for _ in range(rng.poisson(4) if rng.random() < 0.4 else 0):
        start, angle = rng.uniform((0, 0), (height, width)), rng.uniform(0, 2 * np.pi)
        forward = np.array([np.sin(angle), np.cos(angle)]) * unit * rng.uniform(0.2, 0.9)
        bend = np.array([forward[1], -forward[0]]) * rng.normal(0, 0.5)
        path = start + steps * forward + steps * (1 - steps) * bend
        paths.append((path, np.full(len(path), rng.uniform(0.5, 0.012 * unit + 0.6))))
    lines = paint_strokes(height, width, paths, 0.6)[..., None] * rng.uniform(0.3, 0.9)
    pixels = pixels + (rng.uniform(0, 1, 3) - pixels) * lines
    for _ in range(rng.poisson(5) if rng.random() < 0.3 else 0):
        at, radius = rng.uniform((0, 0), (height, width)), rng.uniform(0.005, 0.03) * unit
        rows, cols = np.ogrid[:height, :width]
        spot = soft_step(radius - np.hypot(rows - at[0], cols - at[1]), 0.6)[..., None]
        pixels = pixels + spot * rng.normal(0, 0.25)
    return pixels


def _camera(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light that falls off to a side and to the corners, grain."""
    height, width = pixels.shape[:2]
    rows, cols = np.mgrid[:height, :width] / np.hypot(height, width)
    slope = rng.normal(0, 0.3, 2)
    light = 1 + slope[0] * (rows - 0.3) + slope[1] * (cols - 0.4)
    light -= rng.uniform(0, 0.8) * ((rows - rows.mean()) ** 2 + (cols - cols.mean()) ** 2)
    lit: np.ndarray = pixels * light[..., None]
    lit += rng.standard_normal(pixels.shape) * log_uniform(rng, 0.003, 0.04)
    return lit
