"""Size ranges hold the true size when an oracle gives them, and are off as declared when a person does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointillist.annotate import SizeRanges, Tags
from pointillist.core.marks import Size, Tag
from pointillist.core.shapes import IGNORE
from tests.annotate.people import drawn_by, maps, masks


@given(truth=masks(), slack=st.floats(0, 3))
def test_an_oracles_range_holds_the_true_size_and_little_more(truth: np.ndarray, slack: float) -> None:
    marks = drawn_by(SizeRanges(error=0, slack=slack), truth).marks
    assert len(marks) == (3 if (truth != IGNORE).any() else 0)
    for mark in marks:
        size = int((truth == mark.label).sum())
        if isinstance(mark, Tag):
            assert (mark.present, size) == (False, 0)
            continue
        assert isinstance(mark, Size)
        assert 1 <= mark.low <= size <= mark.high <= truth.size
        assert mark.low > size / (1 + slack) - 1 - 1e-6 or mark.low == 1
        assert mark.high < size * (1 + slack) + 1 + 1e-6


def test_only_a_guess_without_error_is_called_an_oracles() -> None:
    assert "oracle" in SizeRanges(error=0).in_words()
    assert "oracle" not in SizeRanges(error=0.01).in_words()


def test_guesses_are_off_by_their_error() -> None:
    truth = np.zeros((200, 200), np.uint8)
    truth[:50, :50] = 1
    ranges = [drawn_by(SizeRanges(error=0.3, slack=0), truth, seed).marks[0] for seed in range(400)]
    logs = np.log([(mark.low + mark.high) / 2 / 2500 for mark in ranges if isinstance(mark, Size)])
    assert logs.std() == pytest.approx(0.3, rel=0.1)
    assert logs.mean() == pytest.approx(0, abs=0.05)


def test_a_guess_stays_within_what_the_image_can_hold() -> None:
    (truth,) = maps("01. 011")
    for seed in range(50):
        mark = drawn_by(SizeRanges(error=5, slack=1), truth, seed).marks[0]
        assert isinstance(mark, Size)
        assert 1 <= mark.low <= mark.high <= 5


def test_tags_say_of_every_foreground_class_whether_it_is_there() -> None:
    (truth, void) = maps("0.2 0.2", ".. ..")
    assert drawn_by(Tags(), truth).marks == (
        Tag(label=1, present=False),
        Tag(label=2, present=True),
        Tag(label=3, present=False),
    )
    assert drawn_by(Tags(), void).marks == ()
