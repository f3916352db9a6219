"""Comparisons: the right mean, intervals that hold, and verdicts that follow from them."""

import statistics
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pointillist.core.errors import InputError
from pointillist.study.power_law import PowerLaw, fit, fits, forecast, needed
from pointillist.study.scores import Scores
from pointillist.study.statistics import Difference, comparable, difference, holm, resampled_means
from pointillist.study.summary import _of

NAMES = tuple(f"image {n}" for n in range(40))


def scores(values: np.ndarray, groups: Sequence[str] | None = None) -> Scores:
    names = NAMES[: values.shape[1]]
    return Scores(values, tuple(range(len(values))), names, tuple(groups or names))


def drawn(rng: np.random.Generator, mean: float, seeds: int = 3, images: int = 40) -> Scores:
    image, seed = rng.normal(0, 0.05, (1, images, 1)), rng.normal(0, 0.01, (seeds, 1, 1))
    return scores(mean + image + seed + rng.normal(0, 0.02, (seeds, images, 1)))


def test_the_difference_is_that_of_the_means_and_its_interval_holds_it() -> None:
    """In 200 repetitions at a true difference of -.01, the interval over images and seeds misses few."""
    missed = 0
    for number in range(200):
        rng = np.random.default_rng(number)
        found = difference(drawn(rng, 0.90), drawn(rng, 0.91), resamples=400)
        assert found.low is not None
        assert found.high is not None
        missed += not found.low <= -0.01 <= found.high
    assert missed <= 20


def test_what_is_undefined_counts_nowhere() -> None:
    """Nor does a class that one seed has no number for: sides would be means over different classes."""
    ours = np.array([[[0.5, np.nan], [0.7, 0.2], [0.9, 0.4]], [[0.1, np.nan], [0.3, np.nan], [0.5, np.nan]]])
    theirs = np.zeros((2, 3, 2))
    found = difference(scores(ours), scores(theirs))
    assert found.mean == pytest.approx(np.mean([0.7, 0.3]))
    assert found.low is None, "three images are too few for an interval"


def test_an_interval_needs_enough_images_that_have_a_number() -> None:
    values = np.full((1, 10, 1), np.nan)
    values[0, :2, 0] = 0.8, 0.9
    assert _of("test", ("all",), "dice", scores(values)).low is None
    values[0, :, 0] = np.linspace(0.7, 0.9, 10)
    assert _of("test", ("all",), "dice", scores(values)).low is not None


def test_a_seed_without_a_number_gives_no_mean_and_no_verdict() -> None:
    """It is not taken for 0: that would be worse than anything."""
    hollow = np.random.default_rng(0).uniform(0.8, 1, (2, 20, 1))
    whole = hollow.copy()
    hollow[0] = np.nan
    found = difference(scores(hollow), scores(whole))
    assert np.isnan(found.mean)
    assert (found.low, found.high, found.p, found.verdict(0.02)) == (None, None, None, "undecided")
    shown = _of("test", ("all",), "dice", scores(hollow))
    assert np.isnan(shown.mean)
    assert (shown.deviation, shown.low, shown.high) == (None, None, None)
    assert np.isnan(resampled_means(scores(hollow), 10, seed=0)).all()


def test_a_class_that_few_groups_show_gives_no_interval_and_is_named() -> None:
    """It moves the mean as much as the other class does, and its spread is unknown."""
    rng = np.random.default_rng(0)

    def told(images: int, groups: Sequence[str] = NAMES) -> tuple[Difference, Difference]:
        values = rng.uniform(0.8, 1, (2, 2, 40, 2))
        values[:, :, images:, 1] = np.nan
        ours, theirs = (replace(scores(one, groups), classes=("skin", "nail")) for one in values)
        shown = np.arange(40)[:, None] < [40, images]
        by_mask = difference(replace(ours, shown=shown), replace(theirs, shown=shown), resamples=50)
        return difference(ours, theirs, resamples=50), by_mask

    for found in (*told(4), *told(8, [f"patient {n // 2}" for n in range(40)])):
        assert (found.low, found.high, found.p, found.effect) == (None, None, None, None)
        assert found.rare == ("nail",)
    for found in told(5):
        assert found.low is not None
        assert found.rare == ()


def test_resamples_are_means_of_the_drawn_images_and_seeds() -> None:
    rng = np.random.default_rng(0)
    one = scores(rng.random((1, 6, 2)))
    values = resampled_means(one, 300, seed=1)
    possible = one.values.mean(2).ravel()
    assert possible.min() <= values.min() < values.max() <= possible.max()
    assert values.mean() == pytest.approx(possible.mean(), abs=0.03)
    assert np.array_equal(values, resampled_means(one, 300, seed=1))


def test_images_of_a_group_are_drawn_together_and_tested_as_one() -> None:
    rng = np.random.default_rng(0)
    patient = np.repeat(rng.normal(0, 0.1, 8), 5)
    ours = scores((0.8 + patient)[None, :, None], [f"p{n // 5}" for n in range(40)])
    alone = scores((0.8 + patient)[None, :, None])
    still = np.full((1, 40, 1), 0.8)
    grouped = difference(ours, scores(still, ours.groups))
    single = difference(alone, scores(still))
    assert grouped.low is not None
    assert single.low is not None
    assert grouped.low < single.low
    expected = stats.wilcoxon(patient[::5], zero_method="zsplit").pvalue
    assert grouped.p == pytest.approx(expected)


def test_who_invents_an_object_is_worse_by_every_column() -> None:
    """On an empty mask who is right has no number; beside one who is not, it is 1 against 0."""
    rng = np.random.default_rng(0)
    theirs = rng.uniform(0.85, 0.95, (1, 40, 1))
    ours = theirs - 0.001
    ours[0, 30:], theirs[0, 30:] = np.nan, 0
    found = difference(scores(ours), scores(theirs))
    assert found.mean == pytest.approx((10 - 30 * 0.001) / 40)
    assert found.low is not None
    assert found.low > 0
    assert found.effect is not None
    assert found.effect > 0
    assert found.better == 10 / 40
    ours[0, 35:], theirs[0, 35:] = np.nan, np.nan
    right = difference(scores(ours), scores(theirs))
    assert right.mean == pytest.approx((5 - 30 * 0.001) / 35), "what both leave empty counts nowhere"


def test_an_object_that_one_seed_invents_costs_that_seed() -> None:
    ours, theirs = np.full((2, 10, 1), 0.9), np.full((2, 10, 1), 0.9)
    ours[:, 9], theirs[:, 9] = np.nan, np.nan
    ours[0, 9] = 0
    assert difference(scores(ours), scores(theirs)).mean == pytest.approx(-1 / 10 / 2)


def test_better_on_is_a_share_of_images_where_groups_differ_in_size() -> None:
    """Thirty images of a patient are better, those of ten others worse: the test counts patients."""
    apart = np.r_[np.full(30, 0.05), -0.01 - np.arange(10) / 1000]
    groups = ["patient 0"] * 30 + [f"patient {n}" for n in range(1, 11)]
    ours, theirs = 0.9 + apart[None, :, None], np.full((1, 40, 1), 0.9)
    found = difference(scores(ours, groups), scores(theirs, groups))
    assert found.mean == pytest.approx(apart.mean())
    assert found.better == 30 / 40
    assert found.p == pytest.approx(stats.wilcoxon(apart[29:], zero_method="zsplit").pvalue)


def test_the_seeds_that_both_have_are_compared() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = drawn(rng, 0.9), drawn(rng, 0.9)
    fewer = theirs.at([0, 2], NAMES[::-1])
    found = difference(ours, fewer)
    assert (found.seeds, found.images) == (2, 40)
    assert found.mean == pytest.approx(ours.values[[0, 2]].mean() - theirs.values[[0, 2]].mean())
    with pytest.raises(InputError, match="must share seeds and images"):
        difference(ours.at([0], NAMES), theirs.at([1], NAMES))
    assert not comparable(ours, scores(np.zeros((3, 40, 2)))), "others have two classes"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.001, 0.01, "better"),
        (0.0, 0.01, "as good"),
        (-0.019, 0.01, "as good"),
        (-0.021, 0.5, "undecided"),
        (-0.3, -0.021, "worse"),
        (None, None, "undecided"),
    ],
)
def test_verdicts(low: float | None, high: float | None, verdict: str) -> None:
    assert Difference(-0.01, low, high, 0.5, 0.1, 0.5, 3, 40).verdict(0.02) == verdict


def test_equal_predictions_differ_by_nothing() -> None:
    same = drawn(np.random.default_rng(0), 0.9)
    found = difference(same, same)
    assert (found.mean, found.low, found.high, found.p, found.better) == (0, 0, 0, 1, 0.5)


def test_the_same_difference_everywhere_is_no_chance() -> None:
    one, zero = scores(np.ones((1, 20, 1))), scores(np.zeros((1, 20, 1)))
    found = difference(zero, one)
    assert (found.mean, found.low, found.high, found.effect) == (-1, -1, -1, None)
    assert found.p is not None
    assert found.p < 0.001


def test_an_effect_is_of_twenty_images_at_least() -> None:
    """It is the mean over the standard deviation of the images' differences, each a mean over seeds."""
    rng = np.random.default_rng(0)
    ours, theirs = drawn(rng, 0.9, images=20), drawn(rng, 0.88, images=20)
    apart = (ours.values - theirs.values).mean((0, 2)).tolist()
    expected = statistics.mean(apart) / statistics.stdev(apart)
    assert difference(ours, theirs, resamples=10).effect == pytest.approx(expected)
    few = NAMES[:19]
    assert difference(ours.at(ours.seeds, few), theirs.at(theirs.seeds, few), resamples=10).effect is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_rejects_as_its_steps_do(values: list[float]) -> None:
    """Stepping down: the smallest against level / m, the next against level / (m - 1), until one fails."""
    level = 0.05
    rejected = set()
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        if values[place] * (len(values) - rank) > level:
            break
        rejected.add(values[place])
    assert {v for v, p in zip(values, holm(values), strict=True) if p <= level} == rejected


@given(st.floats(0.5, 1), st.floats(0.05, 0.5), st.floats(0.2, 1.5))
def test_a_power_law_is_found_again_and_forecasts(limit: float, gap: float, exponent: float) -> None:
    law = PowerLaw(limit, gap, exponent)
    counts = [1, 2, 5, 10, 20, 50]
    found = fit(counts, [law.at(n) for n in counts])
    assert found.at(100) == pytest.approx(law.at(100), abs=5e-3)
    needed = law.reaches(law.at(30))
    assert needed == pytest.approx(30, rel=1e-6)
    assert law.reaches(limit) is None


def test_a_forecast_spreads_as_its_resamples_do() -> None:
    rng = np.random.default_rng(0)
    law = PowerLaw(0.95, 0.2, 0.6)
    counts = [2, 4, 10, 20, 40]
    draws = np.array([law.at(n) for n in counts]) + rng.normal(0, 0.004, (100, 5))
    found = forecast(fits(counts, draws), 80)
    assert np.median(found) == pytest.approx(law.at(80), abs=0.005)
    assert 0.001 < found.std() < 0.02


@pytest.mark.parametrize("counts", [[1, 1, 2], [0, 1, 2]])
def test_too_little_for_a_curve_is_refused(counts: list[float]) -> None:
    with pytest.raises(InputError, match="3 different positive counts"):
        fit(counts, [0.1, 0.2, 0.3])


def test_the_number_needed_has_an_interval_and_may_be_none() -> None:
    """Of curves .9 - gap / n, .8 is reached at 10 gap; those that end below it never reach it."""
    gaps = np.arange(1, 101) / 10
    laws = [PowerLaw(0.9, gap, 1.0) for gap in gaps]
    low, high = needed(laws, [0.8] * 100) or (0.0, 0.0)
    assert (low, high) == pytest.approx((10 * gaps[2], 10 * gaps[-3]))
    short = [PowerLaw(0.7, 0.1, 1.0)] * 5
    assert needed(laws[:95] + short, [0.8] * 100) == (pytest.approx(10 * gaps[2]), np.inf)
    assert needed(short, [0.8] * 5) == (np.inf, np.inf)
    assert needed([], []) is None
