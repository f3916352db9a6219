"""Paint the back of an eye as a fundus camera shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pointillist.data.paint import Painting, blend, centred_grid, cloud, paint_strokes, soft_step

# How strongly red, green and blue are swallowed by blood and by the pigment behind the retina.
BLOOD = np.array([0.34, 1.0, 0.70], dtype=np.float32)
MELANIN = np.array([0.55, 0.95, 1.2], dtype=np.float32)
FUNDUS = np.array([0.99, 0.59, 0.32], dtype=np.float32)
STEP = 0.04
"""How far a vessel grows at a time, in radii of the field of view."""
ARC_AT, ARC = (-0.05, 0.1, 0.3, 0.6, 1.0, 1.4), (1.35, 1.1, 0.6, 0.1, -0.15, -0.5)
"""Where the great arc around the fovea heads, in radians, by how far it has come."""
THINNEST = 0.006
"""A vessel that has tapered to this width ends, in radii."""


@dataclass(frozen=True, eq=False)
class Eye:
    """Where things lie, as (row, col) from the centre of the field of view in its radii.

    Args:
        disc: where the optic nerve enters and all vessels start.
        fovea: the sharpest point, which no vessel crosses.
        side: 1 when the disc lies on the right, -1 on the left.
    """

    disc: np.ndarray
    fovea: np.ndarray
    side: float


@dataclass(frozen=True, eq=False)
class Tip:
    """The growing end of a vessel in its own frame: x from the disc towards the fovea, y away from it.

    Args:
        at: (x, y) in radii.
        angle: where it heads, in radians; 0 is along x.
        width: in radii.
        order: 0 for a trunk, 1 for its branches and so on.
        arcs: follow the great arc around the fovea (a temporal trunk).
    """

    at: tuple[float, float]
    angle: float
    width: float
    order: int = 0
    arcs: bool = False


Stroke = tuple[np.ndarray, np.ndarray]


def paint_vessels(height: int, width: int, rng: np.random.Generator) -> Painting:
    """Paint a retina; the vessels are class 1 and the round field of view is the region.

    Args:
        height: rows.
        width: columns.
        rng: the only source of chance.
    """
    radius = 0.485 * min(height, width)
    rows, cols = centred_grid(height, width, radius)
    away = np.hypot(rows, cols)
    eye = _eye(rng)
    veins = _tree(eye, rng.uniform(0.036, 0.046), rng)
    arteries = _tree(eye, rng.uniform(0.026, 0.034), rng)
    vein, artery = (_cover(height, width, radius, strokes) for strokes in (veins, arteries))
    region = away <= 1
    mask = ((np.maximum(artery, vein) >= 0.45) & region).astype(np.uint8)
    pixels = _retina(rows, cols, eye, radius, rng)
    pixels = _fill_vessels(pixels, vein, artery, radius, rng)
    pixels = _shine(pixels, arteries, radius)
    slope = rng.normal(0, 0.08, 2)
    light = rng.uniform(0.85, 1.1) * (
        1 + slope[0] * rows + slope[1] * cols - rng.uniform(0.2, 0.45) * away**2
    )
    pixels = pixels * light[..., None]
    pixels += rng.standard_normal(pixels.shape, dtype=np.float32) * rng.uniform(0.006, 0.014)
    seen = soft_step(1 - away, 0.5 / radius)
    return Painting(blend(np.full_like(pixels, 0.015), pixels, seen), mask, region)


def _eye(rng: np.random.Generator) -> Eye:
    side = float(rng.choice([-1.0, 1.0]))
    disc = np.array([rng.normal(0, 0.05), side * rng.uniform(0.5, 0.66)])
    fovea = disc + np.array([rng.uniform(0.0, 0.1), -side * rng.uniform(0.62, 0.7)])
    return Eye(disc, fovea, side)


def _tree(eye: Eye, width: float, rng: np.random.Generator) -> list[Stroke]:
    """Grow the four trunks of one kind of vessel and all their branches, as (row, col) in radii."""
    strokes: list[Stroke] = []
    for upwards in (1.0, -1.0):
        place = np.array([-upwards, -eye.side])
        fovea = (eye.fovea - eye.disc) * place
        roots = [
            Tip((0.0, 0.0), np.radians(rng.uniform(70, 105)), width * rng.uniform(0.9, 1.1), arcs=True),
            Tip((0.0, 0.0), np.radians(rng.uniform(120, 165)), width * rng.uniform(0.6, 0.85)),
        ]
        while roots:
            tip = roots.pop()
            corners, widths, buds = _grow(tip, fovea[::-1], eye.disc[::-1] * place[::-1], rng)
            strokes.append((eye.disc + corners[:, ::-1] * place, widths))
            roots.extend(buds)
    return strokes


def _grow(
    tip: Tip, fovea: np.ndarray, disc: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[Tip]]:
    """Grow one vessel until it is too thin, leaves the field of view or nears the fovea.

    Args:
        tip: where it starts.
        fovea: (x, y) from the disc.
        disc: (x, y) from the centre of the field of view.
        rng: the only source of chance.
    """
    (x, y), angle, width = tip.at, tip.angle, tip.width
    heading, drift, since = angle, rng.normal(0, 0.03 if tip.order else 0.012), 0
    at, widths, buds = [(x, y)], [width], list[Tip]()
    limit = 60 if tip.order == 0 else int(rng.integers(10, 36))
    # A branch runs out of width just where it ends.
    taper = 0.99 if tip.order == 0 else (0.95 * THINNEST / width) ** (1 / limit)
    bow = np.array(ARC) + rng.normal(0, 0.1)
    wobble = rng.normal(0, 0.05 if tip.order == 0 else 0.09, limit)
    chance, turn = rng.random(limit), rng.choice([-1.0, 1.0])
    for i in range(limit):
        if tip.arcs:
            heading = float(np.interp(x, ARC_AT, bow))
        angle += 0.3 * (heading - angle) + wobble[i] + drift
        x, y = x + STEP * np.cos(angle), y + STEP * np.sin(angle)
        width *= taper
        at.append((x, y))
        widths.append(width)
        outside = np.hypot(disc[0] + x, disc[1] + y) > 1.02
        if width < THINNEST or outside or np.hypot(x - fovea[0], y - fovea[1]) < 0.13:
            break
        since += 1
        if tip.order < 4 and since > 2 and chance[i] < 0.28 and np.hypot(x, y) > 0.16:
            share = rng.uniform(0.4, 0.75) + 0.1 * (tip.order > 0)
            if width * share > 1.4 * THINNEST:
                buds.append(Tip((x, y), angle + turn * rng.uniform(0.5, 1.0), width * share, tip.order + 1))
            # Murray's law: the cubes of the widths add up where a vessel divides.
            width *= (1 - 0.6 * share**3) ** (1 / 3)
            turn, since = -turn, 0
    return np.array(at), np.array(widths), buds


def _cover(height: int, width: int, radius: float, strokes: Sequence[Stroke]) -> np.ndarray:
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    paths = [(centre + corners * radius, widths * radius) for corners, widths in strokes]
    return paint_strokes(height, width, paths, shown_width=0.9)


def _retina(
    rows: np.ndarray, cols: np.ndarray, eye: Eye, radius: float, rng: np.random.Generator
) -> np.ndarray:
    height, width = len(rows), cols.shape[1]
    blood = rng.uniform(0.0, 0.25) + 0.035 * cloud(rng, height, width, radius * 0.5, octaves=5)
    melanin = rng.uniform(0.0, 0.35) + 0.045 * cloud(rng, height, width, radius * 0.35, octaves=4)
    from_fovea = np.hypot(rows - eye.fovea[0], cols - eye.fovea[1])
    melanin += rng.uniform(0.2, 0.4) * np.exp(-((from_fovea / 0.17) ** 2))
    blood += rng.uniform(0.1, 0.2) * np.exp(-((from_fovea / 0.34) ** 2))
    pixels = FUNDUS * np.exp(-(blood[..., None] * BLOOD + melanin[..., None] * MELANIN))
    from_disc = np.hypot((rows - eye.disc[0]) / 1.1, cols - eye.disc[1])
    size = rng.uniform(0.115, 0.145)
    pixels = pixels * (1 + 0.22 * np.exp(-((from_disc / 0.3) ** 2)))[..., None]
    pixels = blend(pixels, (0.99, 0.80, 0.50), 0.88 * soft_step(size - from_disc, 0.012))
    return blend(pixels, (1.0, 0.93, 0.74), 0.85 * soft_step(size * 0.5 - from_disc, 0.02))


def _fill_vessels(
    pixels: np.ndarray, vein: np.ndarray, artery: np.ndarray, radius: float, rng: np.random.Generator
) -> np.ndarray:
    # Broad vessels hold more blood along the line of sight: the blurred part adds up only there.
    blood = rng.uniform(0.55, 0.95) * vein + rng.uniform(0.35, 0.6) * artery * (1 - vein)
    depth = 0.5 * blood + 0.65 * ndimage.gaussian_filter(blood, 0.011 * radius)
    filled: np.ndarray = pixels * np.exp(-depth[..., None] * BLOOD)
    return filled


def _shine(pixels: np.ndarray, arteries: Sequence[Stroke], radius: float) -> np.ndarray:
    """Lay the bright streak along the middle of broad arteries."""
    broad = [(corners, widths * 0.3) for corners, widths in arteries if widths[0] > 0.022]
    streak = _cover(pixels.shape[0], pixels.shape[1], radius, broad)
    return blend(pixels, (0.95, 0.62, 0.42), 0.15 * streak)
