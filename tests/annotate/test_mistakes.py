"""Mistakes happen at their rate, to the class alone, and to every other class."""

import numpy as np
import pytest
from scipy import stats

from pointillist.annotate import (
    Annotator,
    Boxes,
    Density,
    ExtremePointsAnnotator,
    Full,
    Mistakes,
    Mixed,
    PointsAnnotator,
    Scribbles,
    Several,
    SizeRanges,
    Tags,
)
from pointillist.core.marks import Points
from pointillist.core.raster import to_labels
from pointillist.core.shapes import IGNORE
from tests.annotate.people import PEOPLE, clicked, drawn_by, maps

TRUTH = (np.indices((80, 80)).sum(0) // 5 % 4).astype(np.uint8)
CAREFUL = {"points": PointsAnnotator(positive=500, negative=500), "full": Full(), "density": Density()}
every_careful = pytest.mark.parametrize("careful", CAREFUL.values(), ids=CAREFUL)


def test_people_say_whether_they_can_be_wrong() -> None:
    wrong = {name for name, person in PEOPLE.items() if not person.truthful}
    sloppy = {"wide boxes", "shaky boxes", "shaky extreme points", "guessed sizes"}
    assert wrong == {name for name in PEOPLE if "mistakes" in name} | sloppy
    assert Mistakes(rate=0).truthful
    assert not Several(of=(Tags(), SizeRanges())).truthful
    assert not Mixed(of=((Tags(), 0.5), (Boxes(jitter=1), 0.5))).truthful


@every_careful
@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9])
def test_wrong_labels_come_at_their_rate(careful: Annotator, rate: float) -> None:
    labels = to_labels(drawn_by(Mistakes(of=careful, rate=rate), TRUTH))
    drawn = labels != IGNORE
    wrong = int((labels != TRUTH)[drawn].sum())
    assert stats.binomtest(wrong, int(drawn.sum()), rate).pvalue > 0.001


@every_careful
def test_the_wrong_class_is_any_other_alike(careful: Annotator) -> None:
    labels = to_labels(drawn_by(Mistakes(of=careful, rate=1), TRUTH))
    steps = np.bincount((labels.astype(int) - TRUTH)[labels != IGNORE] % 4, minlength=4)
    assert steps[0] == 0
    assert stats.chisquare(steps[1:]).pvalue > 0.001


@every_careful
def test_mistakes_change_classes_and_not_places(careful: Annotator) -> None:
    good, none, bad = (
        drawn_by(person, TRUTH) for person in (careful, *(Mistakes(of=careful, rate=r) for r in (0, 1)))
    )
    assert none.marks == good.marks
    assert np.array_equal(to_labels(bad) != IGNORE, to_labels(good) != IGNORE)
    assert bad.seconds == good.seconds


def test_a_higher_rate_keeps_the_mistakes_of_a_lower_one() -> None:
    few, many = (to_labels(drawn_by(Mistakes(of=Full(), rate=r), TRUTH)) for r in (0.1, 0.5))
    wrong = few != TRUTH
    assert np.array_equal(few[wrong], many[wrong])


def test_discs_keep_their_radius_when_mislabelled() -> None:
    truth = np.zeros((40, 40), np.uint8)
    marks = drawn_by(Mistakes(of=PointsAnnotator(radius=3), rate=1), truth).marks
    assert {(mark.label, mark.radius) for mark in marks} <= {(1, 3.0), (2, 3.0), (3, 3.0)}
    assert sum(len(mark.at) for mark in marks) == 5


def test_a_whole_scribble_is_mistaken_at_once() -> None:
    good = drawn_by(Scribbles(length=1), TRUTH).marks
    bad = drawn_by(Mistakes(of=Scribbles(length=1), rate=1), TRUTH).marks
    assert len(bad) == len(good) > 4
    for before, after in zip(good, bad, strict=True):
        assert after.label != before.label
        assert after.model_copy(update={"label": before.label}) == before


@pytest.mark.parametrize("careful", [Boxes(), ExtremePointsAnnotator()])
def test_a_mistaken_box_is_of_another_foreground_class(careful: Annotator) -> None:
    marks = drawn_by(Mistakes(of=careful, rate=1), TRUTH).marks
    steps = [
        (after.label - before.label) % 3
        for before, after in zip(drawn_by(careful, TRUTH).marks, marks, strict=True)
    ]
    assert set(steps) == {1, 2}
    assert all(mark.label > 0 for mark in marks)


def test_with_one_foreground_class_a_mistaken_box_is_a_forgotten_one() -> None:
    truth = (np.indices((90, 90)) % 3 == 0).all(0).astype(np.uint8)  # 900 objects of one pixel.
    marks = Mistakes(of=Boxes(), rate=0.2).draw(truth, 2, np.random.default_rng(0))
    assert stats.binomtest(900 - len(marks), 900, 0.2).pvalue > 0.001
    assert {mark.label for mark in marks} == {1}


def test_a_mistaken_tag_says_the_opposite_and_a_size_is_given_to_another_class() -> None:
    (truth,) = maps("01020")
    tags = Mistakes(of=Tags(), rate=1).draw(truth, 4, np.random.default_rng(0))
    assert [(tag.label, tag.present) for tag in tags] == [(1, False), (2, False), (3, True)]
    good = SizeRanges(error=0).draw(truth, 4, np.random.default_rng(0))[:2]
    bad = Mistakes(of=SizeRanges(error=0), rate=1).draw(truth, 4, np.random.default_rng(0))[:2]
    assert len(good) == 2
    assert all(
        a.label != b.label and (a.low, a.high) == (b.low, b.high) for a, b in zip(bad, good, strict=True)
    )


def test_with_one_class_there_is_nothing_to_mistake() -> None:
    truth = np.zeros((5, 5), np.uint8)
    marks = Mistakes(rate=1).draw(truth, 1, np.random.default_rng(0))
    assert [mark.label for mark in marks] == [0]


def test_mistakes_of_mistakes_can_be_right_again() -> None:
    truth = np.zeros((30, 30), np.uint8)
    twice = Mistakes(of=Mistakes(of=PointsAnnotator(negative=100), rate=1), rate=1)
    right = sum(
        len(m.at)
        for m in twice.draw(truth, 2, np.random.default_rng(0))
        if isinstance(m, Points) and m.label == 0
    )
    assert right == 100
    assert not clicked(drawn_by(Mistakes(rate=1), truth), 0)
