"""Several annotators on one image, and one of several on each image."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from pointillist.annotate import (
    Annotator,
    Boxes,
    Corrections,
    Full,
    Mistakes,
    Mixed,
    PointsAnnotator,
    Scribbles,
    Several,
    Tags,
)
from pointillist.core.marks import Points
from tests.annotate.people import drawn_by

TRUTH = np.zeros((30, 30), np.uint8)
TRUTH[8:20, 5:25] = 1
NAMES = [f"image {i}" for i in range(300)]


def test_several_draw_one_after_the_other_and_the_first_as_if_alone() -> None:
    clicks, lines = PointsAnnotator(), Scribbles(background=False)
    marks = drawn_by(Several(of=(clicks, lines, Tags())), TRUTH).marks
    assert marks[:2] == drawn_by(clicks, TRUTH).marks
    assert [mark.kind for mark in marks[2:]] == ["scribble", "tag", "tag", "tag"]


@pytest.mark.parametrize("wrap", [lambda pair: pair, lambda pair: Mistakes(of=pair, rate=0.5)])
def test_several_in_one_draw_as_if_alone_and_what_comes_after_draws_by_other_chance(
    wrap: Callable[[Annotator], Annotator],
) -> None:
    clicks = PointsAnnotator(positive=3)
    pair = wrap(Several(of=(Scribbles(length=0.3), clicks)))
    alone = drawn_by(pair, TRUTH).marks
    marks = drawn_by(Several(of=(pair, clicks)), TRUTH).marks
    assert marks[: len(alone)] == alone
    assert not set(alone) & set(marks[len(alone) :])


def test_what_each_of_several_draws_is_what_studies_were_run_with() -> None:
    clicks = PointsAnnotator(positive=1, negative=1)
    marks = drawn_by(Several(of=(clicks, clicks, clicks)), TRUTH).marks
    places = [mark.at[0] for mark in marks if isinstance(mark, Points)]
    assert places == [(6, 12), (17, 11), (20, 7), (8, 7), (6, 22), (18, 15)]


def test_two_of_a_kind_have_chance_of_their_own() -> None:
    first, _, second, _ = drawn_by(Several(of=(PointsAnnotator(), PointsAnnotator())), TRUTH).marks[:4]
    assert first != second


def test_what_the_second_draws_does_not_depend_on_how_much_the_first_draws() -> None:
    few, many = (Several(of=(PointsAnnotator(positive=n), Scribbles(length=0.3))) for n in (1, 50))
    assert drawn_by(few, TRUTH).marks[-2:] == drawn_by(many, TRUTH).marks[-2:]


def test_each_image_is_drawn_on_by_one_as_if_alone_or_by_nobody() -> None:
    people = [PointsAnnotator(), Boxes(), Full()]
    mixed = Mixed(of=tuple((person, 0.25) for person in people))
    counts = [0, 0, 0, 0]
    for name in NAMES:
        annotation = drawn_by(mixed, TRUTH, name=name)
        whose = [annotation == drawn_by(person, TRUTH, name=name) for person in people]
        assert sum(whose) == (1 if annotation.marks else 0)
        counts[whose.index(True) if any(whose) else 3] += 1
        if not annotation.marks:
            assert annotation.seconds == 0
    assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("share", [0.1, 1 / 3])
def test_shares_that_add_up_to_one_leave_no_image_without_annotation(share: float) -> None:
    mixed = Mixed(of=tuple((Tags(), share) for _ in range(round(1 / share))))
    assert all(drawn_by(mixed, TRUTH, name=name).marks for name in NAMES)
    assert "nothing" not in mixed.in_words()


def test_another_seed_mixes_anew() -> None:
    mixed = Mixed(of=((Tags(), 0.5),))
    first, second = ([bool(drawn_by(mixed, TRUTH, s, n).marks) for n in NAMES] for s in (0, 1))
    assert first != second


def test_a_mixture_within_another_shares_what_it_gets() -> None:
    inner = Mixed(of=((Tags(), 0.5), (Boxes(), 0.5)))
    outer = Mixed(of=((inner, 0.4),))
    drawn = [drawn_by(outer, TRUTH, name=name) for name in NAMES]
    some = [annotation for annotation in drawn if annotation.marks]
    assert stats.binomtest(len(some), len(drawn), 0.4).pvalue > 0.001
    boxed = sum(annotation.marks[0].kind == "box" for annotation in some)
    assert stats.binomtest(boxed, len(some), 0.5).pvalue > 0.001


def test_a_mixture_that_would_not_draw_as_alone_is_refused(tmp_path: Path) -> None:
    mixed = Mixed(of=((Tags(), 0.5),))
    with pytest.raises(ValidationError, match="first of several may not be mixed"):
        Several(of=(mixed, Boxes()))
    with pytest.raises(ValidationError, match="may not wrap mixed"):
        Corrections(predictions=tmp_path, of=mixed)
    with pytest.raises(ValidationError, match="mistakes may not wrap mixed"):
        Mistakes(of=mixed)
    behind = Several(of=(PointsAnnotator(), mixed))
    tagged = [name for name in NAMES if len(drawn_by(behind, TRUTH, name=name).marks) > 2]
    assert stats.binomtest(len(tagged), len(NAMES), 0.5).pvalue > 0.001


def test_more_shares_only_add_images() -> None:
    few, many = (
        {name for name in NAMES if drawn_by(Mixed(of=((Tags(), share),)), TRUTH, name=name).marks}
        for share in (0.2, 0.6)
    )
    assert few < many
