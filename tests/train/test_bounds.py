"""Bounds on areas that are stated for all images narrow what each annotation knows, and contradict none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from pointillist.annotate import Mixed, PointsAnnotator
from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE
from pointillist.losses import CrossEntropy, Size
from pointillist.train.batch import augmented
from pointillist.train.bounds import SizeBounds
from pointillist.train.feed import Feed
from pointillist.train.select import HeldOut
from pointillist.train.store import read_model
from pointillist.train.supervise import supervised
from pointillist.train.term import Term
from tests.train.small import CPU, small_run, train_small

NOTHING = Known.nothing(2, 10, 10)
BOUNDS = SizeBounds(low=(0.1,), high=(0.3,))


def own(low: float, high: float) -> Known:
    sizes = NOTHING.sizes.copy()
    sizes[1] = low, high
    return replace(NOTHING, sizes=sizes)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (NOTHING, (10, 30)),
        (own(20, 50), (20, 30)),
        (own(1, 25), (10, 25)),
        (own(40, 50), (40, 50)),  # The image's own annotation says that it is an exception.
        (own(0, 5), (0, 5)),
    ],
)
def test_both_hold_and_where_they_disagree_the_annotation(known: Known, expected: tuple[int, int]) -> None:
    narrowed = BOUNDS.narrow(known)
    assert tuple(narrowed[1]) == expected
    assert narrowed[0].tolist() == [0, np.inf]


def test_an_absent_class_stays_at_nothing() -> None:
    sizes = NOTHING.sizes.copy()
    sizes[1] = 0
    absent = replace(NOTHING, sizes=sizes, tags=np.array([IGNORE, 0], np.uint8))
    assert BOUNDS.narrow(absent)[1].tolist() == [0, 0]


@pytest.mark.parametrize(("count", "expected"), [(2, (1, np.inf)), (20, (20, 20)), (50, (1, np.inf))])
def test_a_full_mask_is_as_large_as_it_is(count: int, expected: tuple[float, float]) -> None:
    labels = np.zeros(100, np.uint8)
    labels[:count] = 1
    known = replace(own(1, np.inf), labels=labels.reshape(10, 10))
    assert tuple(BOUNDS.narrow(known)[1]) == expected


def test_a_few_clicks_leave_the_bounds_as_they_are() -> None:
    labels = NOTHING.labels.copy()
    labels[3, 3:6], labels[0, 0] = 1, 0
    assert BOUNDS.narrow(replace(own(1, np.inf), labels=labels))[1].tolist() == [10, 30]


@pytest.mark.parametrize(("low", "high"), [((0.1, 0.1), (0.3,)), ((0.4,), (0.3,)), ((), ())])
def test_what_is_no_range_is_refused(low: tuple[float, ...], high: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        SizeBounds(low=low, high=high)


@pytest.mark.parametrize("num_classes", [3, 4])
def test_bounds_for_other_classes_are_refused(num_classes: int) -> None:
    with pytest.raises(InputError, match=f"each of the {num_classes - 1} foreground classes"):
        BOUNDS.narrow(Known.nothing(num_classes, 4, 4))


def test_a_run_says_them_of_every_image_even_of_those_without_annotation() -> None:
    run = small_run(sizes=BOUNDS, supervise=[Term(loss=Size())], batch=5)
    name = run.data.names("train")[0]
    assert supervised(run, name).known.sizes[1].tolist() == pytest.approx([76.8, 230.4])
    _, target = augmented(run, next(iter(Feed(run, run.data.names("train"), CPU).epoch(0))))
    assert target.sizes[:, 1].tolist() == [pytest.approx([76.8, 230.4])] * 5


TERMS = [Term(loss=CrossEntropy()), Term(loss=Size())]


def test_bounds_alone_annotate_nothing_and_teach_nothing_where_nothing_is_drawn(tmp_path: Path) -> None:
    nobody = small_run(annotate=None, sizes=BOUNDS, supervise=TERMS)
    with pytest.raises(InputError, match=r"must be annotated; got none: bounds on sizes"):
        train_small(nobody, tmp_path / "nobody")
    clicks = PointsAnnotator(positive=3, negative=3)
    some = nobody.model_copy(update={"annotate": Mixed(of=((clicks, 0.6),)), "epochs": 1})
    drawn = sum(not supervised(some, name).bare for name in some.data.names("train"))
    assert 0 < drawn < 5
    said = train_small(some, tmp_path / "some").said
    assert any(f"{5 - drawn} of 5 training images are not annotated" in message for message in said)
    assert read_model(tmp_path / "some")[1]["annotation"]["train"]["annotated"] == drawn
    by_masks = HeldOut(some.model_copy(update={"select": "masks"}), some.data.names("val"), CPU)
    assert by_masks.tally.annotated == 3
