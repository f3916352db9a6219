"""Paint branching curves of any colour on any ground: what thin things look like, whatever they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pointillist.core.shapes import MaskArray
from pointillist.data.paint import Painting, cloud, log_uniform, paint_strokes, soft_step
from pointillist.data.paint_vessels import paint_vessels

STEP = 4.0
"""Pixels that a curve grows at a time."""
MOST = 90
"""Curves of an image."""
RETINAS = 0.2
"""Share of the images that are windows of `paint_vessels`."""
CONTRAST = 0.22
"""Deviation of each channel, about a mean of .5, before it is varied."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One stroke.

    Args:
        corners: (n, 2) as (row, col) in pixels.
        widths: at each corner, in pixels.
        angles: where it heads after each corner, in radians.
        order: 0 for a trunk, 1 for its branches and so on.
        length: in pixels.
    """

    corners: np.ndarray
    widths: np.ndarray
    angles: np.ndarray
    order: int
    length: float


def paint_curves(height: int, width: int, rng: np.random.Generator) -> Painting:
    """Paint one to six branching trees, class 1: vessels, roots, cracks, roads, fibres, as it may be.

    Nothing but their shape is common to all images: colours, contrast, texture, blur and noise are drawn for
    each, curves are darker or brighter than what they lie on, discs and dots lie beside them, and a third of
    the images end at a round field of view. One in five is a window of a painted retina. Each image's
    channels are brought to much the same mean and deviation, as a network's own normalisation does. Made to
    pretrain networks on; see `Unet`.

    Args:
        height: rows.
        width: columns.
        rng: the only source of chance.

    Source: domain randomisation after J. Tobin et al., IROS 2017; that drawn curves teach the segmentation
    of real ones, M. Lin et al., YoloCurvSeg, Medical Image Analysis 2023. Theirs learns the ground from real
    images by a generative network; ours is drawn at random, and no real image is needed.
    """
    if rng.random() < RETINAS:
        pixels, mask = _window_of_retina(height, width, rng)
    else:
        pixels = _beside(_ground(height, width, rng), rng)
        pixels, cover = _lay(pixels, _trees(height, width, rng), rng)
        pixels, cover = _field_of_view(pixels, cover, rng)
        mask = (cover >= 0.45).astype(np.uint8)
    return Painting(_normalised(_camera(pixels, rng), rng), mask)


def _window_of_retina(height: int, width: int, rng: np.random.Generator) -> tuple[np.ndarray, MaskArray]:
    """Cut a window out of a painted retina of at least the size that cameras give."""
    side = max(568, 2 * height, 2 * width)
    whole = paint_vessels(side, side, rng)
    top, left = rng.integers(0, (side - height + 1, side - width + 1))
    window = (slice(top, top + height), slice(left, left + width))
    return np.clip(whole.pixels[window], 0, 1), whole.mask[window]


def _trees(height: int, width: int, rng: np.random.Generator) -> list[Curve]:
    size, widest = (height + width) / 2, log_uniform(rng, 1.5, 9)
    found: list[Curve] = []
    for _ in range(int(rng.integers(1, 7))):
        sides = np.array([height, width])
        start = rng.uniform(-10, sides + 10)
        if rng.random() < 0.6:
            axis = int(rng.integers(2))
            start[axis] = rng.choice([-6, sides[axis] + 6])
        towards = sides / 2 + rng.normal(0, size / 4, 2) - start
        angle = float(np.arctan2(towards[0], towards[1]))
        growing = [_grow(start, angle, widest * rng.uniform(0.5, 1.2), rng.uniform(0.5, 1.6) * size, 0, rng)]
        while growing and len(found) < MOST:
            found.append(growing.pop())
            growing += _branches(found[-1], sides, rng)
    return found


def _grow(
    start: np.ndarray, angle: float, width: float, length: float, order: int, rng: np.random.Generator
) -> Curve:
    count = max(4, int(length / STEP))
    bends = ndimage.gaussian_filter1d(rng.normal(0, rng.uniform(0, 0.25), count), rng.uniform(0.6, 4)) * 2
    angles = angle + np.cumsum(bends + rng.normal(0, 0.03))
    steps = np.stack([np.sin(angles), np.cos(angles)], 1) * STEP
    corners = start + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, 0)])
    widths = width * np.linspace(1, rng.uniform(0.3, 1), len(corners))
    return Curve(corners, widths, np.append(angles, angles[-1]), order, length)


def _branches(curve: Curve, sides: np.ndarray, rng: np.random.Generator) -> list[Curve]:
    if curve.order > 3:
        return []
    rate = rng.uniform(0, 1 / 18) * STEP / (1 + 0.3 * curve.order)
    found = []
    for i in range(2, len(curve.corners) - 1):
        if rng.random() >= rate:
            continue
        width = curve.widths[i] * rng.uniform(0.35, 0.9)
        if width < 0.5 or not ((curve.corners[i] > -8) & (curve.corners[i] < sides + 8)).all():
            continue
        angle = curve.angles[i] + rng.choice([-1, 1]) * rng.uniform(0.3, 1.3)
        length = curve.length * rng.uniform(0.15, 0.6)
        found.append(_grow(curve.corners[i], angle, width, length, curve.order + 1, rng))
    return found


def _ground(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    base = rng.uniform(0.15, 0.85, 3)
    if rng.random() < 0.4:  # The red to yellow of living tissue.
        base = np.array([rng.uniform(0.5, 0.95), rng.uniform(0.3, 0.6), rng.uniform(0.1, 0.35)])
    pixels = np.ones((height, width, 3), np.float32) * base.astype(np.float32)
    for _ in range(int(rng.integers(1, 4))):
        cell = log_uniform(rng, 4, max(height, width))
        clouds = cloud(rng, height, width, cell, octaves=int(rng.integers(1, 5)))
        colour = (rng.normal(0, 0.4, 3) + rng.normal()) * rng.uniform(0, 0.06)
        pixels += clouds[..., None] * colour.astype(np.float32)
    return pixels


def _beside(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lay soft discs and small dots on the ground, which are no curves."""
    height, width = pixels.shape[:2]
    dots = rng.poisson(6) if rng.random() < 0.5 else 0
    for large in [True] * rng.poisson(1.2) + [False] * dots:
        at, radius = rng.uniform(0, (height, width)), rng.uniform(8, 60) if large else rng.uniform(1, 6)
        rows, cols = np.ogrid[:height, :width]
        away = np.hypot((rows - at[0]) * rng.uniform(0.7, 1.4), cols - at[1])
        share = soft_step(radius - away, rng.uniform(0.5, 12) if large else rng.uniform(0.4, 1.5))
        colour = rng.normal(0, 0.2, 3) if large else np.full(3, rng.normal(0, 0.2))
        pixels = pixels + (share[..., None] * colour).astype(np.float32)
    return pixels


def _lay(
    pixels: np.ndarray, curves: Sequence[Curve], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Lay one or two kinds of curves over the ground, and give how much of each pixel they cover."""
    height, width = pixels.shape[:2]
    kinds = int(rng.integers(1, 3))
    darker = rng.random() < 0.7
    tint = np.clip(rng.normal(0.8, 0.35, 3), 0.05, 1.3).astype(np.float32)
    covered = np.zeros((height, width), np.float32)
    for kind in range(kinds):
        paths = [(curve.corners, curve.widths) for curve in curves[kind::kinds]]
        cover = paint_strokes(height, width, paths, shown_width=0.9)
        covered = np.maximum(covered, cover)
        depth = cover
        if rng.random() < 0.7:  # What is round is deepest along its middle.
            depth = 0.5 * cover + 0.7 * ndimage.gaussian_filter(cover, rng.uniform(0.8, 3.5))
        fading = np.clip(1 + 0.35 * cloud(rng, height, width, rng.uniform(20, 80)), 0.25, 1.6)
        left = np.exp(-(depth * fading * log_uniform(rng, 0.06, 0.6))[..., None] * tint)
        pixels = pixels * left if darker else 1 - (1 - pixels) * left
        if rng.random() < 0.3:
            shine = paint_strokes(height, width, [(c, w * 0.3) for c, w in paths if w[0] > 4], 0.1)
            pixels = pixels + shine[..., None] * rng.uniform(0.03, 0.15) * (1 if darker else -1)
    return pixels, covered


def _field_of_view(
    pixels: np.ndarray, cover: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    if rng.random() >= 0.35:
        return pixels, cover
    size = np.array(cover.shape)
    radius, centre = rng.uniform(0.55, 1.1) * size.min(), size / 2 + rng.normal(0, size / 5)
    rows, cols = np.ogrid[: size[0], : size[1]]
    seen = soft_step(radius - np.hypot(rows - centre[0], cols - centre[1]), rng.uniform(0.5, 2))
    return pixels * seen[..., None], cover * (seen > 0.5)


def _camera(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light that falls off to a side, blur, grain, gamma, and more or less colour."""
    height, width = pixels.shape[:2]
    slope = rng.normal(0, 0.15, 2)
    rows, cols = np.ogrid[:height, :width]
    light = 1 + slope[0] * (rows / height - 0.5) + slope[1] * (cols / width - 0.5)
    pixels = pixels * light[..., None]
    if rng.random() < 0.6:
        blur = rng.uniform(0.3, 1.3)
        pixels = ndimage.gaussian_filter(pixels, (blur, blur, 0))
    grain = rng.standard_normal(pixels.shape)
    if rng.random() < 0.5:
        grain = ndimage.gaussian_filter(grain, (0.8, 0.8, 0)) * 2.2
    pixels = np.clip(pixels + grain * log_uniform(rng, 0.003, 0.05), 1e-3, 1) ** log_uniform(rng, 0.67, 1.5)
    grey = pixels.mean(2, keepdims=True)
    mixed: np.ndarray = grey + (pixels - grey) * rng.uniform(0, 1.3)
    return mixed


def _normalised(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    centred = pixels - pixels.mean((0, 1)) * np.exp(rng.uniform(-0.1, 0.1))
    spread = pixels.std((0, 1)) + 0.02
    normal: np.ndarray = 0.5 + CONTRAST * np.exp(rng.uniform(-0.5, 0.5)) * centred / spread
    return normal.astype(np.float32)
