"""Boxes and extreme points touch their objects on all four sides, one for each object."""

import numpy as np
import pytest
from hypothesis import given

from pointillist.annotate import Boxes, ExtremePointsAnnotator
from pointillist.core.annotation import Annotation
from pointillist.core.marks import Box, ExtremePoints, Tag
from pointillist.core.raster import to_labels
from tests.annotate.people import drawn_by, maps, masks


def boxes_by_flooding(truth: np.ndarray) -> list[tuple[int, int, int, int, int]]:
    """Label, top, left, bottom, right of each object, found by walking from pixel to pixel."""
    found = []
    unseen = {(int(r), int(c)) for r, c in np.argwhere((truth > 0) & (truth < 255))}
    while unseen:
        first = unseen.pop()
        own, edge = {first}, [first]
        while edge:
            row, col = edge.pop()
            for near in [(row + i, col + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]:
                if near in unseen and truth[near] == truth[first]:
                    unseen.remove(near)
                    own.add(near)
                    edge.append(near)
        rows, cols = zip(*own, strict=True)
        found.append((int(truth[first]), min(rows), min(cols), max(rows) + 1, max(cols) + 1))
    return sorted(found)


def drawn_boxes(annotation: Annotation) -> list[tuple[int, int, int, int, int]]:
    marks = [mark for mark in annotation.marks if isinstance(mark, Box)]
    return sorted((m.label, m.top, m.left, m.bottom, m.right) for m in marks)


@given(truth=masks())
def test_there_is_one_tight_box_for_each_object(truth: np.ndarray) -> None:
    assert drawn_boxes(drawn_by(Boxes(), truth)) == boxes_by_flooding(truth)


@given(truth=masks())
def test_extreme_points_lie_on_the_four_sides_of_each_object(truth: np.ndarray) -> None:
    found = []
    for mark in drawn_by(ExtremePointsAnnotator(), truth).marks:
        if isinstance(mark, ExtremePoints):
            assert all(truth[int(row), int(col)] == mark.label for row, col in mark.at)
            top, left, bottom, right = mark.at
            found.append((mark.label, int(top[0]), int(left[1]), int(bottom[0]) + 1, int(right[1]) + 1))
    assert sorted(found) == boxes_by_flooding(truth)


def test_of_several_extreme_pixels_the_middle_one_is_clicked() -> None:
    (truth,) = maps("00000 01110 01110 01110 00000")
    (mark,) = ExtremePointsAnnotator().draw(truth, 2, np.random.default_rng(0))
    assert mark == ExtremePoints(label=1, at=((1.0, 2.0), (2.0, 1.0), (3.0, 2.0), (2.0, 3.0)))


@pytest.mark.parametrize("person", [Boxes(), ExtremePointsAnnotator()])
def test_classes_that_are_not_there_are_said_to_be_absent(person: Boxes | ExtremePointsAnnotator) -> None:
    (empty, one) = maps("000 000", "000 020")
    absent = drawn_by(person, empty).marks
    assert absent == tuple(Tag(label=label, present=False) for label in (1, 2, 3))
    assert [mark.label for mark in drawn_by(person, one).marks if isinstance(mark, Tag)] == [1, 3]


def test_what_lies_outside_all_boxes_becomes_background() -> None:
    (truth,) = maps("0000 0110 0000 2000")
    labels = to_labels(drawn_by(Boxes(), truth))
    assert (labels == 0).tolist() == (truth == 0).tolist()


@given(truth=masks())
def test_a_margin_grows_every_box_up_to_the_edge_of_the_image(truth: np.ndarray) -> None:
    height, width = truth.shape
    grown = [
        (label, max(top - 2, 0), max(left - 2, 0), min(bottom + 2, height), min(right + 2, width))
        for label, top, left, bottom, right in boxes_by_flooding(truth)
    ]
    assert drawn_boxes(drawn_by(Boxes(margin=2), truth)) == sorted(grown)


def test_an_unsteady_hand_moves_each_side_by_its_share_of_the_box() -> None:
    truth = np.zeros((120, 180), np.uint8)
    truth[30:80, 50:130] = 1
    boxes = np.array([drawn_boxes(drawn_by(Boxes(jitter=0.1), truth, seed))[0] for seed in range(400)])
    moves = boxes[:, 1:] - [30, 50, 80, 130]
    assert moves.std(0) == pytest.approx([5, 8, 5, 8], rel=0.15)
    assert moves.mean(0) == pytest.approx([0, 0, 0, 0], abs=1)


@given(truth=masks())
def test_the_wildest_hand_still_draws_boxes_inside_the_image(truth: np.ndarray) -> None:
    for person in (Boxes(jitter=10, margin=3), ExtremePointsAnnotator(jitter=1000)):
        objects = [mark for mark in drawn_by(person, truth).marks if not isinstance(mark, Tag)]
        assert len(objects) == len(boxes_by_flooding(truth))
