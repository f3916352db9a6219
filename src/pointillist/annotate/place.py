"""Where a person clicks on one class: the strategies of ``points``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int64
from scipy import ndimage

from pointillist.core.shapes import IGNORE, MaskArray, RegionArray

# Lengths differ between arguments and results, so none is named.
Places: TypeAlias = Int64[np.ndarray, " _"]
"""Flat indices of pixels: row * W + col."""

OUTLINE_PX = 3.0
"""A click of ``border`` lies at most this far from the next pixel of another class, where there is room."""
CANDIDATES = 20_000
"""``centre`` and ``spread`` weigh at most so many places of a class (all of them in most images)."""


@dataclass(frozen=True, eq=False)
class Ground:
    """The pixels of one class in one image, and how many distinct places on them are wanted.

    Args:
        truth: class indices, IGNORE where void.
        label: the class to click on.
        count: how many places; at most as many as the class has pixels.
        radius: of the disc that a click labels, in pixels.
    """

    truth: MaskArray
    label: int
    count: int
    radius: float

    @cached_property
    def region(self) -> RegionArray:
        """Where the class is."""
        region: RegionArray = self.truth == self.label
        return region

    @cached_property
    def depth(self) -> Float[np.ndarray, "h w"]:
        """Distance to the next pixel that is not of the class; what lies beyond the image is not."""
        return ndimage.distance_transform_edt(np.pad(self.region, 1))[1:-1, 1:-1]

    @cached_property
    def roomy(self) -> RegionArray:
        """Where a click's disc lies in the class and in the image."""
        return self.depth > self.radius

    def preferred(self, pixels: Places, count: int) -> Places:
        """Keep the roomy ones of the pixels, if there are enough of them."""
        if self.radius < 1:
            return pixels
        roomy = pixels[self.roomy.ravel()[pixels]]
        return roomy if len(roomy) >= count else pixels

    @cached_property
    def candidates(self) -> Places:
        """The pixels to choose from."""
        return self.preferred(np.flatnonzero(self.region), self.count)


def uniform(ground: Ground, rng: np.random.Generator) -> Places:
    """Any pixel of the class, all alike."""
    return _pick(ground.candidates, ground.count, rng)


def centre(ground: Ground, rng: np.random.Generator) -> Places:
    """Deep inside: near the pixel farthest from the outline and from the clicks before."""
    some = _pick(ground.candidates, min(CANDIDATES, len(ground.candidates)), rng)
    return _farthest(ground, some, ground.depth.ravel()[some], 0.9, rng)


def spread(ground: Ground, rng: np.random.Generator) -> Places:
    """Anywhere first, then always the pixel farthest from the clicks before (farthest-point sampling)."""
    some = _pick(ground.candidates, min(CANDIDATES, len(ground.candidates)), rng)
    return _farthest(ground, some, np.full(len(some), np.inf), 1.0, rng)


def border(ground: Ground, rng: np.random.Generator) -> Places:
    """Near the outline towards the other classes; anywhere when there is no other class."""
    others = (ground.truth != ground.label) & (ground.truth != IGNORE)
    if not others.any():
        return uniform(ground, rng)
    distance = ndimage.distance_transform_edt(~others).ravel()[ground.candidates]
    reach = max(OUTLINE_PX, float(np.partition(distance, ground.count - 1)[ground.count - 1]))
    return _pick(ground.candidates[distance <= reach], ground.count, rng)


def component(ground: Ground, rng: np.random.Generator) -> Places:
    """One click on each connected object (8 neighbours), the largest first, and the rest by their area."""
    number = objects(ground.region).ravel()
    pixels = np.flatnonzero(number)
    pixels = pixels[np.argsort(number[pixels], kind="stable")]
    sizes = np.bincount(number)[1:]
    ends = np.cumsum(sizes)
    chosen = []
    for at, count in enumerate(_quotas(sizes, ground.count)):
        if count:
            own = pixels[ends[at] - sizes[at] : ends[at]]
            chosen.append(_pick(ground.preferred(own, int(count)), int(count), rng))
    return np.concatenate(chosen)


STRATEGIES: dict[str, Callable[[Ground, np.random.Generator], Places]] = {
    "random": uniform,
    "centre": centre,
    "border": border,
    "component": component,
    "spread": spread,
}


def objects(region: RegionArray) -> np.ndarray:
    """Number the connected objects (8 neighbours) from 1; 0 elsewhere."""
    numbers: np.ndarray = ndimage.label(region, np.ones((3, 3)))[0]
    return numbers


def jittered(places: Places, home: np.ndarray, sigma: float, rng: np.random.Generator) -> Places:
    """Move each place by a Gaussian, within its home and onto a pixel that no other place holds.

    A move that would leave is drawn again, eight times at most; after that the place stays where it is.

    Args:
        places: flat indices, distinct.
        home: int (H, W); a place may move to pixels of the same number as its own only.
        sigma: standard deviation along each axis, in pixels.
        rng: the source of chance.
    """
    places, homes = places.copy(), home.ravel()
    limits = np.array(home.shape)
    taken = np.zeros(home.size, dtype=bool)
    taken[places] = True
    waiting = np.arange(len(places))
    for _ in range(8):
        start = places[waiting]
        moved = np.rint(
            np.stack(np.unravel_index(start, home.shape), 1) + rng.normal(0, sigma, (len(start), 2))
        )
        inside = ((moved >= 0) & (moved < limits)).all(1)
        target = np.where(inside, moved[:, 0] * limits[1] + moved[:, 1], start).astype(np.int64)
        good = inside & (homes[target] == homes[start]) & (~taken[target] | (target == start))
        # Two may want the same pixel: the first has it.
        first = np.zeros(len(start), dtype=bool)
        first[np.unique(np.where(good, target, -1), return_index=True)[1]] = True
        good &= first
        taken[start[good]] = False
        taken[target[good]] = True
        places[waiting[good]] = target[good]
        waiting = waiting[~good]
    return places


def _pick(pixels: Places, count: int, rng: np.random.Generator) -> Places:
    return rng.choice(pixels, count, replace=False)


def _farthest(
    ground: Ground, some: Places, reach: np.ndarray, tolerance: float, rng: np.random.Generator
) -> Places:
    if ground.count >= len(some):
        return np.append(some, _pick(np.setdiff1d(ground.candidates, some), ground.count - len(some), rng))
    rows, cols = np.unravel_index(some, ground.truth.shape)
    chosen = np.empty(ground.count, dtype=np.int64)
    for turn in range(ground.count):
        # A person does not find the very deepest pixel: any that is nearly as far will do.
        at = int(rng.choice(np.flatnonzero(reach >= tolerance * reach.max())))
        chosen[turn] = some[at]
        reach = np.minimum(reach, np.hypot(rows - rows[at], cols - cols[at]))
    return chosen


def _quotas(sizes: np.ndarray, count: int) -> np.ndarray:
    """Share clicks among objects: one each, largest first, then by area; never more than pixels."""
    quotas = np.zeros(len(sizes), dtype=np.int64)
    quotas[np.argsort(-sizes, kind="stable")[:count]] = 1
    rest = count - int(quotas.sum())
    if rest:
        free = sizes.astype(np.int64) - 1
        quotas += rest * free // free.sum()
        remainders = rest * free % free.sum()
        quotas[np.argsort(-remainders, kind="stable")[: count - int(quotas.sum())]] += 1
    return quotas
