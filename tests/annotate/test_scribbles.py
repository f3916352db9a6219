"""Scribbles are long connected lines within one object, as wide as there is room for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pointillist.annotate import Annotator, Scribbles
from pointillist.annotate.skeleton import corners, middle
from pointillist.core.annotation import Annotation
from pointillist.core.marks import Scribble
from pointillist.core.raster import to_labels
from pointillist.core.shapes import IGNORE
from tests.annotate.people import CLASSES, drawn_by, maps, masks

EIGHT = np.ones((3, 3))
HANDS = [
    Scribbles(objects=1000),
    Scribbles(objects=1000, length=1, width=1),
    Scribbles(objects=1000, width=7, length=0.8),
    Scribbles(objects=1000, place="contour", width=2),
    Scribbles(objects=1000, place="contour", width=5, length=1),
]


def alone(mark: Scribble, size: tuple[int, ...]) -> np.ndarray:
    height, width = size
    one = Annotation(name="a", height=height, width=width, classes=CLASSES, marks=(mark,))
    return to_labels(one) != IGNORE


@pytest.mark.parametrize("person", HANDS)
@given(truth=masks(), seed=st.integers(0, 9))
def test_every_object_gets_one_connected_line_within_it(
    person: Annotator, truth: np.ndarray, seed: int
) -> None:
    met: dict[int, list[int]] = {label: [] for label in range(4)}
    for mark in drawn_by(person, truth, seed).marks:
        assert isinstance(mark, Scribble)
        drawn = alone(mark, truth.shape)
        assert (truth[drawn] == mark.label).all()
        assert ndimage.label(drawn, EIGHT)[1] == 1
        (number,) = np.unique(ndimage.label(truth == mark.label, EIGHT)[0][drawn])
        met[mark.label].append(int(number))
    for label, numbers in met.items():
        count = ndimage.label(truth == label, EIGHT)[1]
        assert sorted(numbers) == list(range(1, count + 1))


def test_the_middle_of_a_thin_tree_is_its_longest_way() -> None:
    (tree,) = maps("1000000 0100000 0011111 0000100 0000010 0000010")
    line = middle(tree == 1)
    ends = {tuple(line[0].tolist()), tuple(line[-1].tolist())}
    # From (0, 0) it is 2 diagonals and 4 steps to (2, 6), but 4 diagonals and 2 steps to (5, 5).
    assert ends == {(0, 0), (5, 5)}
    assert (np.abs(np.diff(line, axis=0)).max(1) == 1).all()
    assert len(line) == len({tuple(pixel) for pixel in line.tolist()})


@given(seed=st.integers(0, 999))
def test_corners_drawn_straight_give_back_every_pixel(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = np.repeat(rng.integers(-1, 2, (12, 2)), rng.integers(1, 5, 12), axis=0)
    steps = steps[np.abs(steps).max(1) > 0]
    line = np.cumsum(np.concatenate([[[50, 50]], steps]), axis=0)
    path = tuple((float(row), float(col)) for row, col in corners(line))
    drawn = alone(Scribble(label=1, path=path), (120, 120))
    assert {tuple(p) for p in np.argwhere(drawn).tolist()} == {tuple(p) for p in line.tolist()}


def test_length_is_the_share_of_the_way_and_its_stretch_is_chosen_by_chance() -> None:
    truth = np.zeros((9, 120), np.uint8)
    truth[3:6, 5:115] = 1
    whole = drawn_by(Scribbles(length=1, width=1, background=False), truth).marks[0]
    half = [drawn_by(Scribbles(length=0.5, width=1, background=False), truth, s).marks[0] for s in range(9)]
    full = int(alone(whole, truth.shape).sum())
    assert full > 100
    assert all(alone(mark, truth.shape).sum() == round(full / 2) for mark in half)
    assert len({mark.path for mark in half}) > 4


def test_the_pen_is_as_wide_as_asked_where_there_is_room_and_thinner_elsewhere() -> None:
    truth = np.zeros((60, 60), np.uint8)
    truth[10:40, 10:50] = 1
    truth[50, 5:50] = 2
    by_label = {mark.label: mark.width for mark in drawn_by(Scribbles(width=5), truth).marks}
    assert by_label == {0: 5.0, 1: 5.0, 2: 1.0}


@pytest.mark.parametrize("width", [3.0, 9.0])
def test_a_line_into_the_corners_of_an_object_ends_where_the_pen_does_not_fit(width: float) -> None:
    rows, cols = np.indices((60, 120))
    truth = (np.abs(rows - 30) * 2 + np.abs(cols - 60) < 50).astype(np.uint8)
    line = middle(truth == 1)
    depth = ndimage.distance_transform_edt(truth)[tuple(line.T)]
    assert depth.min() < 2  # The skeleton runs into the corners of the diamond.
    (mark,) = drawn_by(Scribbles(width=width, length=1, background=False), truth).marks
    assert mark.width == width
    assert alone(mark, truth.shape).any(0).sum() > 60


def test_a_long_thin_object_is_drawn_along_with_a_thin_pen_and_not_only_its_thick_part() -> None:
    truth = np.zeros((30, 120), np.uint8)
    truth[14, 5:115] = 1
    truth[8:20, 10:22] = 1
    (mark,) = drawn_by(Scribbles(length=1, background=False), truth).marks
    assert mark.width == 1
    assert alone(mark, truth.shape).any(0).sum() > 90


@pytest.mark.parametrize("width", [1.0, 3.0])
def test_a_line_along_the_contour_keeps_three_pixels_inside(width: float) -> None:
    rows, cols = np.indices((90, 90))
    truth = ((rows - 45) ** 2 + (cols - 45) ** 2 <= 900).astype(np.uint8)
    person = Scribbles(place="contour", length=1, width=width)
    marks = drawn_by(person, truth).marks
    assert len(marks) == 2
    for mark in marks:
        depth = ndimage.distance_transform_edt(truth == mark.label)[alone(mark, truth.shape)]
        assert depth.min() >= 3
        assert depth.max() <= 3 + width + 1.5
        angles = np.arctan2(*(np.argwhere(alone(mark, truth.shape)) - 45).T)
        assert np.ptp(angles) > 6.2  # All the way round.


def test_the_edge_of_the_image_is_no_contour() -> None:
    truth = np.zeros((40, 40), np.uint8)
    truth[:, 20:] = 1
    marks = drawn_by(Scribbles(place="contour", length=1), truth).marks
    assert len(marks) == 2
    for mark in marks:
        cols = [col for _, col in mark.path]
        assert min(abs(col - 19.5) for col in cols) == max(abs(col - 19.5) for col in cols)
        assert {row for row, _ in mark.path} >= {0.0, 39.0}


def test_tiny_objects_get_a_dot_and_only_the_largest_ones_are_drawn_on() -> None:
    (truth,) = maps("1000 0000 0220 0220")
    marks = drawn_by(Scribbles(background=False), truth).marks
    assert [(mark.label, len(mark.path)) for mark in marks] == [(1, 1), (2, 1)]
    (truth,) = maps("10111011 10000011")
    marks = drawn_by(Scribbles(background=False, objects=2), truth).marks
    numbers = ndimage.label(truth, EIGHT)[0]
    assert {int(numbers[int(m.path[0][0]), int(m.path[0][1])]) for m in marks} == {
        int(numbers[0, 6]),
        int(numbers[0, 2]),
    }


def test_of_a_large_image_every_object_gets_its_line() -> None:
    rng = np.random.default_rng(0)
    truth = (ndimage.gaussian_filter(rng.normal(size=(584, 565)), 3) > 0.05).astype(np.uint8)
    numbers, count = ndimage.label(truth, EIGHT)
    marks = [mark for mark in drawn_by(Scribbles(objects=1000), truth).marks if mark.label == 1]
    met = {int(numbers[int(mark.path[0][0]), int(mark.path[0][1])]) for mark in marks}
    assert count > 200
    assert met == set(range(1, count + 1))
