"""Where propagators start: seeds of boxes, ellipses, and maps carried to a smaller size."""

from dataclasses import replace

import numpy as np
import pytest

from pointillist.core.annotation import Annotation
from pointillist.core.known import Known
from pointillist.core.marks import ExtremePoints
from pointillist.core.shapes import IGNORE
from pointillist.propagate import FilledBox
from pointillist.propagate.start import ellipses, seeds_of, shrunk_seeds
from tests.propagate.scenes import boxed, clicks


def test_a_box_without_a_label_gets_a_fifth_of_its_ellipse() -> None:
    known = boxed(100, 100, (1, 10, 20, 90, 80))
    seeds = seeds_of(known)
    assert (seeds == 1).sum() == pytest.approx(0.2 * np.pi * 40 * 30, rel=0.03)
    assert (seeds == 0).sum() == 100 * 100 - 80 * 60
    rows, cols = np.nonzero(seeds == 1)
    assert rows.mean() == pytest.approx(49.5)
    assert cols.mean() == pytest.approx(49.5)


def test_a_box_with_a_label_of_its_class_gets_none() -> None:
    known = boxed(30, 30, (1, 5, 5, 25, 25))
    known.labels[6, 6] = 1
    np.testing.assert_array_equal(seeds_of(known), known.labels)


def test_a_label_of_another_class_is_not_enough() -> None:
    known = boxed(30, 30, (1, 5, 5, 25, 25))
    known.labels[15, 15] = 0
    seeds = seeds_of(known)
    assert seeds[15, 15] == 0
    assert (seeds == 1).any()


def test_extreme_points_leave_the_middle_of_their_box_as_a_seed() -> None:
    ends = ((4, 10), (10, 4), (16, 10), (10, 16))
    marks = (ExtremePoints(label=1, at=ends),)
    drawn = Annotation(name="one", height=20, width=20, classes=("b", "f"), marks=marks)
    seeds = seeds_of(Known.from_annotation(drawn, 20, 20))
    assert seeds[10, 10] == 1
    assert all(seeds[at] == 1 for at in ends)
    assert seeds[6, 6] == IGNORE
    assert seeds[1, 1] == 0


def test_where_middles_of_classes_overlap_there_is_no_seed() -> None:
    known = boxed(30, 30, (1, 5, 5, 25, 25), (2, 5, 5, 25, 25))
    assert (seeds_of(known) != 0).sum() == (seeds_of(known) == IGNORE).sum()


@pytest.mark.parametrize("side", [1, 2, 3, 8])
def test_an_ellipse_touches_its_box_and_its_middle_is_never_empty(side: int) -> None:
    boxes = np.array([[1, 2, 3, 2 + side, 3 + side]])
    whole, middle = ellipses(boxes, 2, (20, 20)), ellipses(boxes, 2, (20, 20), share=0.01)
    rows, cols = np.nonzero(whole[1])
    assert (rows.min(), cols.min(), rows.max(), cols.max()) == (2, 3, 1 + side, 2 + side)
    assert middle[1].any()
    assert not (middle & ~whole).any()


def test_every_click_is_carried_and_mirrored_maps_to_mirrored_places() -> None:
    labels = clicks(31, 47, (0, 0, 1), (30, 46, 2), (13, 20, 1))
    small = shrunk_seeds(labels, 10, 15)
    assert (small != IGNORE).sum() == 3
    assert small[0, 0] == 1
    assert small[9, 14] == 2
    many = np.where(np.random.default_rng(0).random((31, 47)) < 0.02, 1, IGNORE).astype(np.uint8)
    turned = shrunk_seeds(many[::-1, ::-1].copy(), 10, 15)
    np.testing.assert_array_equal(turned[::-1, ::-1], shrunk_seeds(many, 10, 15))


def test_filled_boxes() -> None:
    known = boxed(20, 20, (1, 2, 2, 12, 12), (2, 8, 8, 18, 18))
    image = np.zeros((1, 20, 20), np.float32)
    whole = FilledBox(shape="rectangle").spread(image, known)
    assert whole[:, 5, 5].tolist() == [0, 1, 0]
    assert whole[:, 10, 10].tolist() == [0, 0.5, 0.5]
    assert whole.sum() == (known.labels == IGNORE).sum()
    round_ = FilledBox().spread(image, replace(known, boxes=known.boxes[:1]))
    assert round_[1].sum() == pytest.approx(np.pi * 25, rel=0.06)
