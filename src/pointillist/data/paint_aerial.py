"""Paint a piece of a city as an aeroplane sees it: streets, houses, halls, gardens, trees and cars."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from pointillist.data.paint import Painting, cloud
from pointillist.data.paint_city import FINE, Box, City, Colour

ROOFS: tuple[Colour, ...] = (
    (172, 166, 158),
    (138, 134, 130),
    (104, 102, 104),
    (196, 190, 180),
    (146, 112, 92),
    (164, 104, 82),
    (122, 92, 76),
    (112, 120, 132),
)
HALLS: tuple[Colour, ...] = (
    (206, 204, 200),
    (182, 180, 176),
    (150, 150, 150),
    (120, 118, 118),
    (190, 176, 158),
)
CARS: tuple[Colour, ...] = ((225, 225, 228), (190, 192, 196), (40, 42, 48), (150, 40, 38), (50, 70, 120))
Wings = list[Box]
"""A building: one rectangle, or several that overlap."""
Tree = tuple[np.ndarray, float]
"""Where a tree stands, (x, y), and its radius."""


def paint_aerial(height: int, width: int, rng: np.random.Generator) -> Painting:
    """Paint a piece of a city; the buildings are class 1.

    Roofs share their greys with streets and car parks, and trees hide some of the edges.

    Args:
        height: rows.
        width: columns.
        rng: the only source of chance.
    """
    city = City(height, width, rng)
    blocks = _streets(city)
    houses: list[Wings] = []
    trees: list[Tree] = []
    for block in blocks:
        _kind_of_block(rng)(city, block, houses, trees)
    trees = [(at, radius) for at, radius in trees if city.sees(at, 3 * radius)]
    for at, radius in trees:
        city.cast_disc(at, radius)
    dark = Image.new("RGB", city.sheet.size, (26, 32, 46))
    city.sheet.paste(dark, mask=city.shadows.point(lambda v: v * 0.58))
    for wings in houses:
        _roof(city, wings)
    for at, radius in trees:
        _tree(city, at, radius)
    pixels = np.asarray(city.sheet.reduce(FINE), dtype=np.float32) / 255
    mask = (np.asarray(city.footprints.reduce(FINE)) >= 128).astype(np.uint8)
    return Painting(_through_air(pixels, city), mask)


def _streets(city: City) -> list[Box]:
    rng = city.rng
    asphalt = city.tint((112, 112, 114), 12)
    kerb = city.tint((168, 164, 156), 8)

    def cuts(shortest: float, longest: float) -> list[tuple[float, float]]:
        ends, at = [], -city.reach - rng.uniform(0, longest)
        while at < city.reach:
            following = at + rng.uniform(shortest, longest)
            ends.append((at, following))
            at = following + rng.uniform(9, 14)
        return ends

    city.fill(Box(-city.reach, -city.reach, city.reach, city.reach).corners, asphalt)
    columns, rows = cuts(80, 140), cuts(62, 84)
    blocks = [Box(left, top, right, bottom) for left, right in columns for top, bottom in rows]
    blocks = [block for block in blocks if city.sees(*block.circle)]
    for block in blocks:
        city.fill(block.corners, kerb)
        city.fill(block.shrunk(1.6).corners, city.tint(city.lawn, 7))
        _cars(city, Box(block.left, block.bottom + 1.2, block.right, block.bottom + 3.2), 0.12)
        _cars(city, Box(block.left, block.top - 3.2, block.right, block.top - 1.2), 0.12)
    return blocks


def _cars(city: City, lane: Box, share: float) -> None:
    """Park cars along a lane; each place is taken with this probability."""
    for x in np.arange(lane.left + 3, lane.right - 5, 6.2):
        if city.rng.random() < share:
            car = Box(x, lane.top, x + 4.6, lane.bottom)
            city.cast_disc(car.circle[0], 1.3)
            colour = city.pick(CARS)
            city.fill(car.corners, colour)
            glass = Box(x + 1.1, lane.top + 0.3, x + 1.9, lane.bottom - 0.3)
            city.fill(glass.corners, (40, 46, 54))


def _homes(city: City, block: Box, houses: list[Wings], trees: list[Tree]) -> None:
    """Line both long sides of a block with houses, gardens between them."""
    rng = city.rng
    middle = (block.top + block.bottom) / 2
    for street, inwards in ((block.top, 1.0), (block.bottom, -1.0)):
        x = block.left + rng.uniform(2, 6)
        while x < block.right - 18:
            lot = rng.uniform(18, 27)
            ends = sorted((street + inwards * 1.6, middle))
            city.fill(
                Box(x, ends[0], x + lot, ends[1]).corners, city.tint(city.lawn, 10, rng.uniform(0.85, 1.2))
            )
            if rng.random() < 0.93:
                front = street + inwards * rng.uniform(6, 10)
                _house(city, x + lot / 2, front, lot, inwards, street, houses)
            if rng.random() < 0.12:
                city.blob(
                    np.array([x + lot / 2, middle - inwards * 5]), rng.uniform(1.6, 2.6), (92, 176, 196)
                )
            for _ in range(int(rng.poisson(1.3))):
                at = np.array([x + rng.uniform(0, lot), middle - inwards * rng.uniform(-2, 8)])
                trees.append((at, rng.uniform(2.2, 5.0)))
            if rng.random() < 0.3:
                trees.append((np.array([x, street + inwards * 3.2]), rng.uniform(2, 4)))
            x += lot


def _house(
    city: City, x: float, front: float, lot: float, inwards: float, street: float, houses: list[Wings]
) -> None:
    rng = city.rng
    wide, deep = rng.uniform(0.55, 0.78) * lot, rng.uniform(9, 13)
    rows = sorted((front, front + inwards * deep))
    wings = [Box(x - wide / 2, rows[0], x + wide / 2, rows[1])]
    side = rng.choice([-1.0, 1.0])
    if rng.random() < 0.45:
        ends = sorted((x + side * wide / 2, x + side * wide * rng.uniform(0.02, 0.16)))
        far = sorted((front, front + inwards * (deep + rng.uniform(4, 8))))
        wings.append(Box(ends[0], far[0], ends[1], far[1]))
    drive = sorted((x - side * wide * 0.45, x - side * wide * 0.2))
    lane = sorted((street, front))
    city.fill(Box(drive[0], lane[0], drive[1], lane[1]).corners, city.tint((170, 166, 160), 10))
    for wing in wings:
        city.cast(wing.corners, rng.uniform(3.5, 5.5))
    houses.append(wings)


def _halls(city: City, block: Box, houses: list[Wings], trees: list[Tree]) -> None:
    """Fill a block with one to three large flat roofs around a car park."""
    rng = city.rng
    inner = block.shrunk(4)
    city.fill(inner.corners, city.tint((126, 125, 124), 12))
    wide, tall = inner.right - inner.left, inner.bottom - inner.top
    cut = inner.left + wide * rng.uniform(0.3, 0.5)
    hall = Box(inner.left + 2, inner.top + 2, cut, inner.bottom - tall * rng.uniform(0.05, 0.4))
    wings = [hall]
    if rng.random() < 0.6:
        wings.append(Box(cut - 1, inner.top + 2, cut + wide * rng.uniform(0.12, 0.3), inner.top + tall * 0.4))
    for wing in wings:
        city.cast(wing.corners, rng.uniform(6, 11))
    houses.append(wings)
    for y in np.arange(inner.top + tall * 0.5, inner.bottom - 6, 9.0):
        _cars(city, Box(cut + 4, y, inner.right - 2, y + 2.2), 0.55)
    for x in np.arange(block.left + 4, block.right - 3, 12.0):
        if rng.random() < 0.5:
            trees.append((np.array([x, block.bottom - 2.6]), rng.uniform(1.8, 3.2)))


def _park(city: City, block: Box, houses: list[Wings], trees: list[Tree]) -> None:
    """Leave a block to grass and trees, with a path across."""
    rng = city.rng
    inner = block.shrunk(2)
    city.fill(inner.corners, city.tint((92, 112, 64), 8))
    x = rng.uniform(inner.left + 8, inner.right - 8, 2)
    path = np.array(
        [(x[0], inner.top), (x[0] + 3, inner.top), (x[1] + 3, inner.bottom), (x[1], inner.bottom)]
    )
    city.fill(path, city.tint((186, 176, 150), 8))
    for _ in range(int((inner.right - inner.left) * (inner.bottom - inner.top) / 110)):
        at = rng.uniform((inner.left, inner.top), (inner.right, inner.bottom))
        trees.append((at, rng.uniform(2.5, 5.5)))


def _roof(city: City, wings: Sequence[Box]) -> None:
    """Lay a roof on each wing: gables on houses, flat with a parapet and machines on halls."""
    large = (wings[0].right - wings[0].left) * (wings[0].bottom - wings[0].top) > 420
    colour = np.array(city.pick(HALLS if large else ROOFS)) * city.rng.uniform(0.8, 1.12)
    for wing in wings:
        city.found(wing.corners)
        if large:
            city.fill(wing.corners, city.tint(colour, 3, 1.14))
            city.fill(wing.shrunk(0.8).corners, city.tint(colour, 3))
            _machines(city, wing.shrunk(4))
            continue
        wide, tall = wing.right - wing.left, wing.bottom - wing.top
        a, b, c, d = wing.corners
        hip = min(wide, tall) * city.rng.choice([0.0, 0.42])
        if wide >= tall:
            one, two = (a + d) / 2 + (hip, 0), (b + c) / 2 - (hip, 0)
            faces = [
                ((a, b, two, one), (0, -1)),
                ((d, c, two, one), (0, 1)),
                ((a, d, one), (-1, 0)),
                ((b, c, two), (1, 0)),
            ]
        else:
            one, two = (a + b) / 2 + (0, hip), (d + c) / 2 - (0, hip)
            faces = [
                ((a, d, two, one), (-1, 0)),
                ((b, c, two, one), (1, 0)),
                ((a, b, one), (0, -1)),
                ((d, c, two), (0, 1)),
            ]
        for face, falls in faces:
            city.fill(np.array(face), city.tint(colour, 2, city.facing(np.array(falls, dtype=float))))


def _machines(city: City, roof: Box) -> None:
    """Put a few boxes with their shadows on a flat roof."""
    for _ in range(int(city.rng.poisson(3))):
        if roof.right <= roof.left or roof.bottom <= roof.top:
            return
        x, y = city.rng.uniform((roof.left, roof.top), (roof.right, roof.bottom))
        city.fill(Box(x + 0.6, y + 0.6, x + 3.2, y + 2.8).corners, (70, 72, 76))
        city.fill(Box(x, y, x + 2.6, y + 2.2).corners, (212, 212, 210))


def _kind_of_block(rng: np.random.Generator) -> Callable[[City, Box, list[Wings], list[Tree]], None]:
    kinds = (_homes, _halls, _park)
    return kinds[int(rng.choice(3, p=[0.72, 0.18, 0.1]))]


def _tree(city: City, at: np.ndarray, radius: float) -> None:
    green = np.array([62, 86, 46]) * city.rng.uniform(0.75, 1.25)
    city.blob(at, radius, city.tint(green, 3, 0.8))
    towards_sun = -city.sun @ city._turn.T
    for _ in range(6):
        turn = city.rng.uniform(0, 2 * np.pi)
        offset = radius * city.rng.uniform(0.3, 0.7) * np.array([np.cos(turn), np.sin(turn)])
        light = 1 + 0.45 * float(offset @ towards_sun) / radius
        city.blob(at + offset, radius * city.rng.uniform(0.28, 0.5), city.tint(green, 5, light))


def _through_air(pixels: np.ndarray, city: City) -> np.ndarray:
    """Add the grain of surfaces, haze and the camera's noise."""
    rng = city.rng
    height, width = pixels.shape[:2]
    grain = 0.035 * cloud(rng, height, width, 1.4 * city.scale) + 0.04 * cloud(
        rng, height, width, 40 * city.scale, octaves=4
    )
    pixels = pixels * (1 + grain[..., None])
    haze = rng.uniform(0.0, 0.14)
    pixels = pixels * rng.uniform(0.95, 1.25) * (1 - haze) + haze * np.array(
        [0.62, 0.66, 0.72], dtype=np.float32
    )
    pixels += rng.standard_normal(pixels.shape, dtype=np.float32) * rng.uniform(0.008, 0.02)
    return pixels
