"""What is known follows from the marks with certainty, and nothing else does."""

import math

import numpy as np
import pytest

from pointillist.core.annotation import Annotation
from pointillist.core.known import Known
from pointillist.core.marks import Box, Centroid, Dense, ExtremePoints, Mark, Points, Size, Tag
from pointillist.core.shapes import IGNORE

INF = math.inf
BOX = Box(label=1, top=2, left=1, bottom=5, right=7)
CLICK = Points(label=1, at=((3, 3),))


def known(*marks: Mark, size: tuple[int, int] = (8, 8)) -> Known:
    annotation = Annotation(name="a", height=8, width=8, classes=("no", "yes", "other"), marks=marks)
    return Known.from_annotation(annotation, *size)


def test_without_marks_everything_is_unknown() -> None:
    nothing = known()
    assert nothing.empty
    assert (nothing.labels == IGNORE).all()
    assert nothing.tags.tolist() == [IGNORE] * 3
    assert nothing.boxes.shape == (0, 5)
    assert nothing.sizes.tolist() == [[0, INF]] * 3
    assert nothing.centroids.tolist() == [[[-INF, INF]] * 2] * 3
    assert nothing.soft is None


@pytest.mark.parametrize(
    "mark",
    [
        Points(label=1, at=((0, 0),)),
        BOX,
        Tag(label=2, present=False),
        Size(label=1, low=0, high=30),
        Size(label=1, low=3, high=1e9),
        Centroid(label=1, rows=(2, 3), cols=(0, 7)),
    ],
)
def test_any_mark_makes_something_known(mark: Mark) -> None:
    assert not known(mark).empty


def test_a_labelled_pixel_means_that_its_class_is_there() -> None:
    clicked = known(Points(label=1, at=((3, 3),)))
    assert clicked.tags.tolist() == [IGNORE, 1, IGNORE]
    assert clicked.sizes.tolist() == [[0, INF]] * 3, "the pixel itself says more than a range from 1 on"


def test_a_whole_map_tells_which_classes_are_absent() -> None:
    labels = np.zeros((8, 8), np.uint8)
    labels[0, 0] = 2
    full = known(Dense.from_map(labels))
    assert full.tags.tolist() == [1, 0, 1]
    assert full.sizes[1].tolist() == [0, 0]
    labels[0, 1] = IGNORE
    assert known(Dense.from_map(labels)).tags.tolist() == [1, IGNORE, 1]


def test_an_absent_class_has_no_pixel_and_a_present_one_has_some() -> None:
    tagged = known(Tag(label=1, present=False), Tag(label=2, present=True))
    assert tagged.tags.tolist() == [IGNORE, 0, 1]
    assert tagged.sizes.tolist() == [[0, INF], [0, 0], [1, INF]]


def test_a_box_tells_its_class_its_outside_and_the_least_and_greatest_size() -> None:
    boxed = known(BOX)
    assert boxed.boxes.tolist() == [[1, 2, 1, 5, 7]]
    assert boxed.tags.tolist() == [1, 1, IGNORE]
    outside = np.ones((8, 8), bool)
    outside[2:5, 1:7] = False
    assert np.array_equal(boxed.labels == 0, outside)
    # An object that touches all four sides of 3 x 6 pixels has at least 6 of them.
    assert boxed.sizes[1].tolist() == [6, 18]


@pytest.mark.parametrize(
    ("marks", "fields"),
    [
        ((), set()),
        ((CLICK,), set()),
        ((Dense.from_map(np.zeros((8, 8), np.uint8)),), set()),
        ((Tag(label=1, present=False),), set()),
        ((Tag(label=2, present=True),), {"tags"}),
        ((CLICK, Tag(label=1, present=True)), set()),
        ((CLICK, Tag(label=2, present=True)), {"tags"}),
        ((BOX,), {"boxes", "sizes", "tags"}),
        ((BOX, CLICK), {"boxes", "sizes"}),
        ((CLICK, Size(label=1, low=0, high=30)), {"sizes"}),
        ((CLICK, Size(label=1, low=3, high=1e9)), {"sizes"}),
        ((CLICK, Size(label=2, low=0, high=0)), set()),
        ((CLICK, Centroid(label=1, rows=(2, 3), cols=(0, 7))), {"centroids"}),
    ],
)
def test_what_a_part_of_the_image_does_not_show_holds_for_the_whole_only(
    marks: tuple[Mark, ...], fields: set[str]
) -> None:
    assert known(*marks).of_the_whole == fields


def test_what_is_drawn_is_there_whatever_a_tag_says() -> None:
    said = known(Points(label=1, at=((3, 3),)), Tag(label=1, present=False), Tag(label=2, present=False))
    assert said.tags.tolist() == [IGNORE, 1, 0]
    assert said.sizes[1].tolist() == [0, INF]


def test_two_boxes_hold_at_least_the_larger_object_and_at_most_both_areas() -> None:
    two = known(BOX, Box(label=1, top=2, left=5, bottom=6, right=8))
    assert two.sizes[1].tolist() == [6, 18 + 12]


def test_extreme_points_are_a_box_with_four_labelled_pixels() -> None:
    extreme = known(ExtremePoints(label=2, at=((2.0, 4.0), (3.0, 1.0), (4.4, 2.0), (3.0, 6.0))))
    assert extreme.boxes.tolist() == [[2, 2, 1, 5, 7]]
    assert int((extreme.labels == 2).sum()) == 4
    assert not (extreme.within == 2).any(), "they lie on its edge, and say nothing of what is inside"


def test_what_was_clicked_inside_a_box_is_within_it() -> None:
    both = known(Box(label=2, top=2, left=1, bottom=5, right=7), Points(label=2, at=((3, 3),)))
    assert np.argwhere(both.within == 2).tolist() == [[3, 3]]
    clicked = known(Points(label=2, at=((3, 3),)))
    np.testing.assert_array_equal(clicked.within, clicked.labels)


def test_what_is_said_of_a_size_holds_over_what_follows_from_a_box() -> None:
    assert known(BOX, Size(label=1, low=9, high=11)).sizes[1].tolist() == [9, 11]


def test_at_another_size_all_is_scaled() -> None:
    marks = (BOX, Size(label=2, low=8, high=16), Centroid(label=1, rows=(2, 3), cols=(0, 7)))
    half = known(*marks, size=(4, 16))
    assert half.boxes.tolist() == [[1, 1, 2, 3, 14]]
    # The 12 columns of the box are rounded: 2 of them may be the box's alone.
    assert half.sizes[1].tolist() == [10, 24]
    assert half.sizes[2].tolist() == [8, 16]
    # A pixel's centre is at the whole number: row 2 of 8 covers rows 2 to 3, which is 1 to 1.5 of 4.
    assert half.centroids[1].tolist() == [[0.75, 1.25], [0.5, 14.5]]
    assert half.labels.shape == (4, 16)
