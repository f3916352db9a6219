"""Paint a skin lesion as a dermoscope shows it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from pointillist.data.paint import Painting, blend, centred_grid, cloud, paint_strokes, soft_step

# How strongly red, green and blue are swallowed: Beer-Lambert gives the browns and reds of real skin.
MELANIN = np.array([0.62, 1.05, 1.45], dtype=np.float32)
BLOOD = np.array([0.12, 0.75, 0.62], dtype=np.float32)
PALE = np.array([0.93, 0.78, 0.72], dtype=np.float32)
HAIR = (0.13, 0.09, 0.08)


def paint_lesion(height: int, width: int, rng: np.random.Generator) -> Painting:
    """Paint one lesion, class 1, on skin.

    Neither darkness nor place alone gives it away: skin tone, light and pigment vary from image to image,
    corners may be dark, hairs and gel bubbles lie on top, and the border fades faster on one side.

    Args:
        height: rows.
        width: columns.
        rng: the only source of chance.
    """
    unit = float(np.sqrt(height * width))
    depth, radius = _outline(height, width, unit, rng)
    inside = _one_piece(depth > 0)
    depth = np.where(inside, np.abs(depth), -np.abs(depth))
    skin = _skin_absorption(height, width, unit, rng)
    pigment, blood, veil = _pigment(depth, radius, unit, rng)
    pixels = PALE * np.exp(-(skin + pigment[..., None] * MELANIN + blood[..., None] * BLOOD))
    pixels = blend(pixels, (0.47, 0.50, 0.58), veil)
    pixels = _hairs(pixels, unit, rng)
    pixels = _bubbles(pixels, unit, rng)
    pixels = _light(pixels, unit, rng)
    pixels += rng.standard_normal(pixels.shape, dtype=np.float32) * rng.uniform(0.006, 0.016)
    return Painting(pixels, inside.astype(np.uint8))


def _outline(height: int, width: int, unit: float, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Give how deep inside the lesion each pixel lies (negative outside), and its radius, in units."""
    rows, cols = centred_grid(height, width, unit)
    radius = float(np.sqrt(np.exp(rng.uniform(np.log(0.05), np.log(0.36))) / np.pi))
    rows = rows - rng.normal(0, 0.05)
    cols = cols - rng.normal(0, 0.07)
    angle, stretch = rng.uniform(0, np.pi), np.sqrt(rng.uniform(1, 1.7))
    along = (cols * np.cos(angle) + rows * np.sin(angle)) / stretch
    across = (rows * np.cos(angle) - cols * np.sin(angle)) * stretch
    depth = radius - np.hypot(along, across)
    size = radius * unit
    depth += radius * rng.uniform(0.10, 0.19) * cloud(rng, height, width, size * 0.9)
    depth += radius * rng.uniform(0.02, 0.06) * cloud(rng, height, width, size * 0.3, octaves=3)
    return depth.astype(np.float32), radius


def _one_piece(inside: np.ndarray) -> np.ndarray:
    pieces, count = ndimage.label(inside)
    if count == 0:  # A tiny image can miss the lesion between its pixels.
        inside = np.zeros_like(inside)
        inside[inside.shape[0] // 2, inside.shape[1] // 2] = True
        return inside
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    filled: np.ndarray = ndimage.binary_fill_holes(pieces == sizes.argmax())
    return filled


def _skin_absorption(height: int, width: int, unit: float, rng: np.random.Generator) -> np.ndarray:
    melanin = rng.uniform(0.02, 0.45) + 0.025 * cloud(rng, height, width, unit * 0.2, octaves=5)
    blood = rng.uniform(0.0, 0.45) + 0.05 * cloud(rng, height, width, unit * 0.3, octaves=4)
    return melanin[..., None] * MELANIN + blood[..., None] * BLOOD


def _pigment(
    depth: np.ndarray, radius: float, unit: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give melanin, blood and the share of a blue-white veil at each pixel."""
    height, width = depth.shape
    size = radius * unit
    # The border is sharp on one side and fades on the other.
    softness = radius * rng.uniform(0.05, 0.13) * np.exp(0.5 * cloud(rng, height, width, size * 1.2))
    # A person draws the outline where the pigment is gone, not where half of it is.
    body = soft_step(depth - 0.7 * softness, softness)
    shade = rng.uniform(0.45, 1.5) * np.exp(0.28 * cloud(rng, height, width, size * 0.6, octaves=4))
    core = soft_step(depth - radius * rng.uniform(0.2, 0.6), radius * 0.12)
    core = core * soft_step(cloud(rng, height, width, size * 0.7, octaves=2), 0.3)
    melanin = body * (shade + rng.uniform(0.0, 0.9) * core)
    melanin *= 1 + _network(depth, unit, rng)
    melanin += _globules(depth, radius, unit, rng) * rng.uniform(0.3, 0.8)
    flush = soft_step(depth + radius * 0.25, radius * 0.15)
    blood = flush * rng.uniform(0, 0.45) + body * rng.uniform(0, 0.3)
    blood = blood * np.exp(0.3 * cloud(rng, height, width, size * 0.5, octaves=3))
    veil = rng.uniform(0, 0.55) * core * soft_step(cloud(rng, height, width, size * 0.5) - 0.4, 0.25)
    return melanin, blood, veil.astype(np.float32)


def _network(depth: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """Give the net of darker lines that many naevi show, as a relative change of the pigment."""
    height, width = depth.shape
    mesh = np.abs(cloud(rng, height, width, unit * rng.uniform(0.02, 0.032)))
    where = soft_step(cloud(rng, height, width, unit * 0.25), 0.4)
    net: np.ndarray = rng.uniform(0.1, 0.5) * where * (0.5 - np.clip(mesh, 0, 1.2))
    return net


def _globules(depth: np.ndarray, radius: float, unit: float, rng: np.random.Generator) -> np.ndarray:
    spots = np.zeros_like(depth)
    candidates = np.argwhere(depth > 0)
    if len(candidates) == 0:
        return spots
    rows = np.arange(depth.shape[0], dtype=np.float32)[:, None]
    cols = np.arange(depth.shape[1], dtype=np.float32)[None, :]
    for at in candidates[rng.integers(0, len(candidates), rng.integers(0, 14))]:
        reach = unit * rng.uniform(0.005, 0.014)
        spots += np.exp(-((rows - at[0]) ** 2 / (2 * reach**2))) * np.exp(
            -((cols - at[1]) ** 2 / (2 * reach**2))
        )
    return spots


def _hairs(pixels: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    height, width = pixels.shape[:2]
    most = int(rng.choice([0, 5, 17], p=[0.35, 0.4, 0.25]))
    count = int(rng.integers(most // 3, most + 1))
    combed = rng.uniform(0, np.pi)
    steps = np.linspace(0, 1, 14)[:, None]
    paths = []
    for _ in range(count):
        start = rng.uniform((-0.1 * height, -0.1 * width), (1.1 * height, 1.1 * width))
        angle, length = combed + rng.normal(0, 0.45), unit * rng.uniform(0.25, 0.9)
        forward = np.array([np.sin(angle), np.cos(angle)])
        bend = np.array([forward[1], -forward[0]]) * length * rng.normal(0, 0.13)
        corners = start + steps * forward * length + steps * (1 - steps) * 4 * bend
        thick = unit / 166 * rng.uniform(0.5, 1.3)
        paths.append((corners, thick * (1 - 0.6 * steps[:, 0])))
    covered = paint_strokes(height, width, paths, shown_width=0.6)
    return blend(pixels, HAIR, covered * rng.uniform(0.6, 0.9))


def _bubbles(pixels: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    height, width = pixels.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    cols = np.arange(width, dtype=np.float32)[None, :]
    for _ in range(int(rng.choice([0, 0, 0, 1, 2, 4]))):
        centre = rng.uniform((0, 0), (height, width))
        radius = unit * rng.uniform(0.012, 0.045)
        distance = np.hypot(rows - centre[0], cols - centre[1])
        rim = np.exp(-(((distance - radius) / (0.14 * radius + 0.4)) ** 2))
        glint = np.exp(
            -(
                (
                    np.hypot(rows - centre[0] + radius / 2, cols - centre[1] + radius / 2)
                    / (0.2 * radius + 0.3)
                )
                ** 2
            )
        )
        pixels = blend(pixels, (0.98, 0.95, 0.93), 0.35 * rim + 0.7 * np.minimum(glint, 1))
    return pixels


def _light(pixels: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """Let the light fall unevenly; some dermoscopes also cut the corners off."""
    height, width = pixels.shape[:2]
    rows, cols = centred_grid(height, width, unit)
    slope = rng.normal(0, 0.16, 2)
    squared = rows**2 + cols**2
    light = rng.uniform(0.82, 1.05) * (1 + slope[0] * rows + slope[1] * cols - rng.uniform(0, 0.5) * squared)
    if rng.random() < 0.4:
        edge = np.hypot(height, width) / 2 / unit * rng.uniform(0.78, 0.95)
        light = light * (0.06 + 0.94 * soft_step(edge - np.sqrt(squared), rng.uniform(0.008, 0.03)))
    lit: np.ndarray = pixels * light[..., None]
    return lit
