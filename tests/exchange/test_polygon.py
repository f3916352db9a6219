"""Polygons and pixels: right on drawings, there and back for any shape, equal to independent references."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco
from scipy import ndimage
from skimage.measure import grid_points_in_poly

from pointillist.exchange.polygon import fill, outlines

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")
MAPS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))


def filled(rings: list[np.ndarray], height: int, width: int) -> np.ndarray:
    window = fill([np.asarray(ring, float) for ring in rings], height, width)
    whole = np.zeros((height, width), bool)
    rows, cols = window.inside.shape
    whole[window.top : window.top + rows, window.left : window.left + cols] = window.inside
    return whole


def test_a_triangle_holds_the_pixels_whose_centre_it_holds() -> None:
    assert filled([np.array([[-0.5, -0.5], [4.5, -0.5], [4.5, 4.6]])], 5, 5).astype(int).tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1],
    ]


def test_a_ring_in_a_ring_is_a_hole_and_what_lies_outside_is_cut_off() -> None:
    around = np.array([[-3, -3], [-3, 3], [3, 3], [3, -3]]) - 0.5
    hole = np.array([[0, 0], [0, 1], [1, 1], [1, 0]]) - 0.5
    assert filled([around, hole], 4, 4).astype(int).tolist() == [
        [0, 1, 1, 0],
        [1, 1, 1, 0],
        [1, 1, 1, 0],
        [0, 0, 0, 0],
    ]


def test_neighbours_share_no_pixel_and_leave_no_gap() -> None:
    # The common edge runs right through centres.
    left = filled([np.array([[0, 0], [4, 4], [4, -9], [0, -9]])], 5, 5)
    right = filled([np.array([[0, 0], [4, 4], [4, 9], [0, 9]])], 5, 5)
    assert not (left & right).any()
    assert (left | right)[:4].all()


@given(MAPS)
def test_outlines_fill_to_the_same_pixels(inside: np.ndarray) -> None:
    back = np.zeros_like(inside)
    for rings in outlines(inside):
        part = filled([ring - 0.5 for ring in rings], *inside.shape)
        assert not (part & back).any()
        back |= part
    np.testing.assert_array_equal(back, inside)


@given(MAPS)
def test_rings_are_simple_and_as_many_as_the_shape_has(inside: np.ndarray) -> None:
    parts, count = ndimage.label(inside)
    polygons = outlines(inside)
    assert len(polygons) == count
    for number, rings in enumerate(polygons, start=1):
        _, gaps = ndimage.label(~np.pad(parts == number, 1))
        assert len(rings) == gaps
        for place, ring in enumerate(rings):
            assert len({tuple(corner) for corner in ring.tolist()}) == len(ring)
            x, y = ring[:, 1], ring[:, 0]
            twice = int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())
            assert (twice > 0) == (place == 0)


@given(st.integers(0, 2**32), st.integers(3, 9))
def test_fill_equals_skimage_for_any_polygon(seed: int, corners: int) -> None:
    ring = np.random.default_rng(seed).uniform(-3, 12, (corners, 2))
    np.testing.assert_array_equal(filled([ring], 10, 10), grid_points_in_poly((10, 10), ring))


@given(st.integers(0, 8), st.integers(0, 8), st.integers(1, 8), st.integers(1, 8))
def test_rectangles_equal_pycocotools(top: int, left: int, tall: int, wide: int) -> None:
    ring = [left, top, left + wide, top, left + wide, top + tall, left, top + tall]
    theirs = coco.decode(coco.merge(coco.frPyObjects([ring], 9, 9))).astype(bool)
    ours = filled([np.array(ring, float).reshape(-1, 2)[:, ::-1] - 0.5], 9, 9)
    np.testing.assert_array_equal(ours, theirs)
