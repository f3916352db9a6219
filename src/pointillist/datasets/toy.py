"""Discs and stars: images so simple that a failure is the method's own."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from pointillist.data.paint import Painting, blend, cloud, soft_step
from pointillist.datasets.synthetic import Count, Drawn

Side = Annotated[int, Field(ge=16, le=4096)]
Grey = Annotated[int, Field(ge=0, le=255)]


class Toy(Drawn):
    """A bright disc in the middle of a darker one, under noise that ranges from none to overwhelming.

    Grey levels: 0 outside, ``ring`` in the disc of twice the radius, ``target`` in the target; then
    Gaussian noise whose deviation is drawn uniformly for each image, cut off at 0 and 255.

    Args:
        size: (H, W) in pixels.
        radius: of the target in pixels.
        target: its grey level.
        ring: grey level of the disc around it.
        noise: the largest deviation of the noise, in grey levels.
        train: how many samples the split has.
        val: likewise.
        test: likewise.
        seed: another seed draws another data set with the same names.

    >>> Toy().read("train-00000").image.shape
    (1, 256, 256)

    Source: TOY of the MICCAI 2019 tutorial on weakly supervised CNN segmentation (LIVIA), which has no test
    split and draws whole-numbered deviations.
    """

    kind: Literal["toy"] = "toy"
    size: tuple[Side, Side] = (256, 256)
    radius: Annotated[float, Field(gt=0)] = 50
    target: Grey = 200
    ring: Grey = 68
    noise: Annotated[float, Field(ge=0, le=255)] = 100

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, background first."""
        return ("background", "disc")

    def paint(self, rng: np.random.Generator) -> Painting:
        """Draw the two discs and the noise."""
        centre = np.array(self.size) // 2
        inside = _disc(self.size, centre, self.radius)
        grey = np.where(_disc(self.size, centre, 2 * self.radius), float(self.ring), 0.0)
        grey = np.where(inside, float(self.target), grey)
        return _noisy(grey, inside, self.noise, rng)


class Toy2(Drawn):
    """Two discs at random places: the grey one is the target, the white one is there to distract.

    Where they overlap the target lies on top, so that it is always whole; both lie wholly in the image.

    Args:
        size: (H, W) in pixels.
        radius: of both discs in pixels.
        target: grey level of the target.
        distractor: grey level of the other disc.
        noise: the largest deviation of the noise, in grey levels.
        train: how many samples the split has.
        val: likewise.
        test: likewise.
        seed: another seed draws another data set with the same names.

    >>> int(Toy2().read("test-00007").mask.sum())  # pi r^2 = 1963.5
    1961

    Source: TOY2 of the MICCAI 2019 tutorial on weakly supervised CNN segmentation (LIVIA), which has no test
    split and draws whole-numbered deviations.
    """

    kind: Literal["toy2"] = "toy2"
    size: tuple[Side, Side] = (256, 256)
    radius: Annotated[float, Field(gt=0)] = 25
    target: Grey = 125
    distractor: Grey = 255
    noise: Annotated[float, Field(ge=0, le=255)] = 100
    train: Count = 1000
    val: Count = 100
    test: Count = 100

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, background first."""
        return ("background", "disc")

    def paint(self, rng: np.random.Generator) -> Painting:
        """Draw the distractor, the target over it, and the noise."""
        reach = int(np.ceil(self.radius))
        places = rng.integers((reach, reach), np.array(self.size) - reach, (2, 2))
        distractor, inside = (_disc(self.size, place, self.radius) for place in places)
        grey = np.where(inside, float(self.target), np.where(distractor, float(self.distractor), 0.0))
        return _noisy(grey, inside, self.noise, rng)

    @model_validator(mode="after")
    def _fits(self) -> Toy2:
        if min(self.size) <= 2 * np.ceil(self.radius):
            raise ValueError("size must be larger than two radii, so that the discs lie in the image")
        return self


class ToyScatter(Drawn):
    """Find the star: it lies anywhere, in any colour and size, among round and many-cornered others.

    Places, areas, colours, stretches, turns and textures of star and others come from the same
    distributions, so that only the outline tells them apart: a star's sides go in between its points. No
    threshold on brightness and no average place solves it.

    Args:
        size: (H, W) in pixels.
        distractors: how many other shapes at most; as many as find room.
        noise: deviation of the noise, as a share of white.
        train: how many samples the split has.
        val: likewise.
        test: likewise.
        seed: another seed draws another data set with the same names.

    >>> sample = ToyScatter().read("train-00000")
    >>> sample.image.shape, bool(0.01 < sample.mask.mean() < 0.07)
    ((3, 128, 128), True)
    """

    kind: Literal["toy-scatter"] = "toy-scatter"
    size: tuple[Side, Side] = (128, 128)
    distractors: Annotated[int, Field(ge=0, le=50)] = 5
    noise: Annotated[float, Field(ge=0, le=1)] = 0.03
    train: Count = 60
    val: Count = 20
    test: Count = 40

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, background first."""
        return ("background", "star")

    def paint(self, rng: np.random.Generator) -> Painting:
        """Draw the ground, the star and as many others as find room."""
        height, width = self.size
        unit = float(np.sqrt(height * width))
        ground = rng.uniform(0.1, 0.9, 3)
        pixels = ground + 0.07 * cloud(rng, height, width, unit * 0.2, octaves=4)[..., None]
        inside = np.zeros(self.size, dtype=bool)
        taken: list[tuple[np.ndarray, float]] = []
        for number in range(1 + self.distractors):
            star = number == 0
            corners, dent = _shape(star, rng)
            size = unit * rng.uniform(0.08, 0.125)
            reach = size * np.sqrt(np.pi / (corners * dent * np.sin(np.pi / corners)))
            stretch = np.sqrt(rng.uniform(1, 1.5))
            place = _free_place(self.size, reach * stretch, taken, rng)
            if place is None:
                continue
            taken.append((place, reach * stretch))
            depth = _depth(self.size, place, reach, stretch, corners, dent, rng)
            pixels = blend(pixels, _skin(ground, self.size, unit, rng), soft_step(depth, 0.4))
            inside |= star & (depth > 0)
        pixels = pixels + rng.normal(0, self.noise, pixels.shape)
        return Painting(pixels, inside.astype(np.uint8))


def _disc(size: tuple[int, int], centre: np.ndarray, radius: float) -> np.ndarray:
    rows, cols = np.ogrid[: size[0], : size[1]]
    inside: np.ndarray = (rows - centre[0]) ** 2 + (cols - centre[1]) ** 2 <= radius**2
    return inside


def _noisy(grey: np.ndarray, inside: np.ndarray, noise: float, rng: np.random.Generator) -> Painting:
    grey = grey + rng.normal(0, rng.uniform(0, noise), grey.shape)
    return Painting(grey[..., None] / 255, inside.astype(np.uint8))


def _shape(star: bool, rng: np.random.Generator) -> tuple[int, float]:
    """Give the number of points, and how deep the outline goes in between two of them (1: not at all)."""
    if star:
        return int(rng.integers(4, 8)), rng.uniform(0.4, 0.5)
    corners = int(rng.choice([3, 4, 5, 6, 40]))
    return corners, float(np.cos(np.pi / corners))  # The sides of a regular polygon; 40 corners are round.


def _free_place(
    size: tuple[int, int], reach: float, taken: list[tuple[np.ndarray, float]], rng: np.random.Generator
) -> np.ndarray | None:
    """Find a centre whose disc of this reach lies in the image and touches no other; None: none was found."""
    low = np.minimum(reach, np.array(size) / 2)
    for place in rng.uniform(low, np.array(size) - low, (60, 2)):
        if all(np.hypot(*(place - other)) > reach + its_reach for other, its_reach in taken):
            found: np.ndarray = place
            return found
    return None


def _depth(
    size: tuple[int, int],
    place: np.ndarray,
    reach: float,
    stretch: float,
    corners: int,
    dent: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Give how far inside a stretched star or polygon each pixel lies, in pixels along its ray."""
    rows, cols = np.ogrid[: size[0], : size[1]]
    down, across = rows - place[0], cols - place[1]
    tilt, turn = rng.uniform(0, 2 * np.pi, 2)
    along = (across * np.cos(tilt) + down * np.sin(tilt)) / stretch
    beside = (down * np.cos(tilt) - across * np.sin(tilt)) * stretch
    half = np.pi / corners
    angle = (np.arctan2(beside, along) + turn) % (2 * half)
    angle = np.minimum(angle, 2 * half - angle)
    # The straight side from (reach, angle 0) to (dent * reach, angle half), in polar coordinates.
    outline = reach * dent * np.sin(half) / (np.sin(angle) + dent * np.sin(half - angle))
    depth: np.ndarray = outline - np.hypot(along, beside)
    return depth


def _skin(ground: np.ndarray, size: tuple[int, int], unit: float, rng: np.random.Generator) -> np.ndarray:
    """Give a textured colour that stands out from the ground in at least one channel."""
    colour = rng.uniform(0, 1, 3)
    while np.abs(colour - ground).max() < 0.3:
        colour = rng.uniform(0, 1, 3)
    texture = rng.uniform(0.02, 0.1) * cloud(rng, *size, unit * rng.uniform(0.03, 0.1), octaves=2)
    skin: np.ndarray = colour + texture[..., None]
    return skin
