"""Bootstrap intervals against scipy's, on a case whose truth is known, and with groups."""

import numpy as np
import pytest
from scipy import stats

from pointillist.metrics.bootstrap import interval, resample_counts


def of_means(values: np.ndarray, groups: list[str], resamples: int, seed: int) -> tuple[float, float]:
    counts = resample_counts(groups, resamples, seed)
    ends = interval(counts @ values / counts.sum(axis=1))
    assert ends is not None
    return ends


def names(n: int) -> list[str]:
    return [f"{i:03}" for i in range(n)]


@pytest.mark.parametrize("size", [12, 40])
def test_equals_scipy_on_the_mean(size: int) -> None:
    values = np.random.default_rng(size).gamma(2.0, size=size)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    ours = of_means(values, names(size), 20_000, 0)
    # The 2.5 % quantile of 20,000 draws has a standard error of about 0.02 standard errors of the mean.
    error = values.std() / np.sqrt(size)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.1 * error)


def test_covers_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    trials, hits = 600, 0
    for trial in range(trials):
        low, high = of_means(rng.normal(3.0, 2.0, 40), names(40), 500, trial)
        hits += low <= 3.0 <= high
    # Percentile intervals of 40 values cover 94 %; 600 trials have a standard error of 1 %.
    assert 0.91 <= hits / trials <= 0.97


def test_copies_in_a_group_add_no_certainty() -> None:
    values = np.random.default_rng(2).normal(size=15)
    groups = [f"patient {i}" for i in range(15)]
    alone = of_means(values, groups, 4000, 0)
    copied = of_means(np.repeat(values, 6), [g for g in groups for _ in range(6)], 4000, 0)
    ignoring = of_means(np.repeat(values, 6), names(90), 4000, 0)
    assert copied == pytest.approx(alone)
    assert ignoring[1] - ignoring[0] < 0.6 * (alone[1] - alone[0])


def test_draws_as_many_groups_as_there_are() -> None:
    groups = ["a", "b", "a", "c", "b", "a"]
    counts = resample_counts(groups, 200, seed=4)
    assert counts.shape == (200, 6)
    first = [groups.index(g) for g in "abc"]
    assert (counts[:, first].sum(axis=1) == 3).all()
    assert (counts == counts[:, [groups.index(g) for g in groups]]).all()
    assert (resample_counts(groups, 200, seed=4) == counts).all()
    assert (resample_counts(groups, 200, seed=5) != counts).any()


def test_undefined_resamples_are_left_out() -> None:
    assert interval(np.array([np.nan, 2.0, 2.0])) == (2.0, 2.0)
    assert interval(np.array([np.nan])) is None
