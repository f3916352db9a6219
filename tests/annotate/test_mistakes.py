"""Mistakes happen at their rate, to the class alone, and to every other class."""

import numpy as np
import pytest
from scipy import stats

from pointillist.annotate import Annotator, Density, Full, Mistakes, PointsAnnotator
from pointillist.core.marks import Points, Scribble
from pointillist.core.raster import to_labels
from pointillist.core.shapes import IGNORE
from tests.annotate.people import PEOPLE, clicked, drawn_by

TRUTH = (np.indices((80, 80)).sum(0) // 5 % 4).astype(np.uint8)
CAREFUL = {"points": PointsAnnotator(positive=500, negative=500), "full": Full(), "density": Density()}
every_careful = pytest.mark.parametrize("careful", CAREFUL.values(), ids=CAREFUL)


def test_only_mistakes_are_untruthful() -> None:
    assert {person.kind for person in PEOPLE.values() if not person.truthful} == {"mistakes"}


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
    class Scribbler(Annotator):
        def in_words(self):
            return "a scribble"

        def draw(self, truth, num_classes, rng):
            return (Scribble(label=1, path=((0, 0), (5, 5)), width=2.0),)

    careless = Mistakes.model_construct(of=Scribbler(), rate=1.0)
    (mark,) = careless.draw(TRUTH, 2, np.random.default_rng(0))
    assert mark == Scribble(label=0, path=((0, 0), (5, 5)), width=2.0)


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
