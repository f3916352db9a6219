"""The unit costs give the published totals, and what is drawn is counted as a person would draw it."""

import numpy as np
import pytest

from pointillist.annotate import (
    Boxes,
    Density,
    ExtremePointsAnnotator,
    Full,
    Mistakes,
    PointsAnnotator,
    Scribbles,
    Several,
    SizeRanges,
    Tags,
)
from pointillist.annotate.seconds import SECONDS, seconds_of
from pointillist.core.marks import Dense, Mark, Points, Scribble, Tag
from pointillist.core.shapes import IGNORE
from tests.annotate.people import drawn_by, maps

CLICK, FURTHER, ABSENT, OBJECT, SCRIBBLE = (
    SECONDS[kind].seconds
    for kind in ("first-click", "further-click", "absent-class", "object-mask", "scribble")
)


def voc() -> list[np.ndarray]:
    """Ten images with the statistics of PASCAL VOC: 1.5 of the 20 classes and 2.8 objects in the mean."""
    one_class, a_pair, two_pairs = maps("01010", "01020", "010102020")
    return [one_class] * 5 + [a_pair] + [two_pairs] * 4


def published(draw: str) -> float:
    """Seconds per image of Bearman et al., recomputed by the code from images with their statistics."""
    total, objects, classes = 0.0, 0, 0
    images = voc()
    for truth in images:
        present = [int(v) for v in np.unique(truth) if v]
        places = {
            label: tuple((float(r), float(c)) for r, c in np.argwhere(truth == label)) for label in present
        }
        marks: dict[str, list[Mark]] = {
            "tags": [Tag(label=label, present=label in present) for label in range(1, 21)],
            "points": [Points(label=label, at=at[:1]) for label, at in places.items()],
            "squiggles": [Scribble(label=label, path=at) for label, at in places.items()],
            "full": [Dense.from_map(truth)],
        }
        seconds = seconds_of(marks[draw], truth, absent=20 - len(present))
        assert seconds is not None
        total += seconds
        objects, classes = objects + sum(len(at) for at in places.values()), classes + len(present)
    assert (objects / len(images), classes / len(images)) == (2.8, 1.5)
    return total / len(images)


@pytest.mark.parametrize(
    ("draw", "seconds"), [("tags", 20.0), ("points", 22.1), ("squiggles", 34.9), ("full", 239.7)]
)
def test_the_published_seconds_per_image_follow(draw: str, seconds: float) -> None:
    assert published(draw) == pytest.approx(seconds, abs=0.051)


def test_every_cost_names_its_source() -> None:
    for cost in SECONDS.values():
        assert cost.seconds > 0
        assert any(f"{who} et al. 20" in cost.source for who in ("Bearman", "Papadopoulos"))


def test_clicks_cost_more_for_the_first_of_a_class() -> None:
    (truth,) = maps("00001111")
    person = PointsAnnotator(positive=3, negative=4)
    # The classes b and c are looked for in vain.
    assert drawn_by(person, truth).seconds == pytest.approx(2 * CLICK + 5 * FURTHER + 2 * ABSENT)


def test_clicks_with_shrunk_discs_cost_the_same() -> None:
    truth = np.zeros((9, 9), np.uint8)
    truth[3:6, 3:6] = 1
    plain, discs = (drawn_by(PointsAnnotator(positive=9, radius=r), truth) for r in (0, 2))
    assert len(discs.marks) > len(plain.marks)
    assert discs.seconds == plain.seconds


def test_a_full_mask_costs_by_its_connected_objects() -> None:
    (truth,) = maps("1000.2 0100.2 0001.2")
    # Diagonal neighbours are one object; the lone 1 is a second, the column of 2 a third.
    assert drawn_by(Full(), truth).seconds == pytest.approx(3 * OBJECT + ABSENT)
    assert drawn_by(Mistakes(of=Full(), rate=0.5), truth).seconds == pytest.approx(3 * OBJECT + ABSENT)


def test_nobody_knows_what_scattered_pixels_cost() -> None:
    truth = np.zeros((20, 20), np.uint8)
    assert drawn_by(Density(probability=0.5), truth).seconds is None
    assert drawn_by(Density(probability=1), truth).seconds == drawn_by(Full(), truth).seconds


def test_marks_add_up_and_nothing_costs_nothing() -> None:
    truth = np.full((2, 2), IGNORE, np.uint8)
    marks = (Scribble(label=0, path=((0, 0),)), Points(label=1, at=()), Points(label=1, at=((1, 1),)))
    assert seconds_of(marks, truth) == pytest.approx(SCRIBBLE + CLICK)
    assert seconds_of((), truth) == seconds_of((Points(label=1, at=()),), truth) == 0


def test_an_image_without_background_has_nothing_missing() -> None:
    (truth,) = maps("1122 1133")
    assert drawn_by(PointsAnnotator(positive=1), truth).seconds == pytest.approx(3 * CLICK)


def test_boxes_and_extreme_points_cost_by_the_object_and_say_what_is_absent_for_a_second() -> None:
    (truth,) = maps("1000.2 0100.2 0001.2")
    assert drawn_by(Boxes(), truth).seconds == pytest.approx(3 * SECONDS["box"].seconds + ABSENT)
    extreme = 3 * SECONDS["extreme-points"].seconds
    assert drawn_by(ExtremePointsAnnotator(), truth).seconds == pytest.approx(extreme + ABSENT)
    assert SECONDS["box"].seconds == 5 * SECONDS["extreme-points"].seconds  # As published.
    assert drawn_by(Scribbles(), truth).seconds == pytest.approx(4 * SCRIBBLE + ABSENT)


def test_tags_cost_a_second_for_each_class_found_or_not() -> None:
    (truth,) = maps("0110")
    assert drawn_by(Tags(), truth).seconds == 3.0
    # Tags and boxes both say that two classes are absent, which takes one look for each.
    assert drawn_by(Several(of=(Tags(), Boxes())), truth).seconds == 3.0 + SECONDS["box"].seconds


def test_nobody_knows_what_guessing_a_size_costs() -> None:
    (truth,) = maps("0110")
    assert drawn_by(SizeRanges(), truth).seconds is None
    assert drawn_by(Several(of=(PointsAnnotator(), SizeRanges())), truth).seconds is None
