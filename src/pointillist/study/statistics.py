"""Paired comparisons of what runs scored: intervals over images and seeds, tests, sizes of effects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float64

from pointillist.core.errors import InputError
from pointillist.core.rng import numpy_rng
from pointillist.metrics.bootstrap import Values, interval, resample_counts
from pointillist.study.scores import Scores, mean_of, means

RESAMPLES = 2000
ROUNDING = 1e-12
"""Deviations that sums of floats leave where all differences are the same."""
FEWEST_FOR_EFFECT = 20
"""Groups of images below which no effect is given: the deviation of a few may be anything, and d with it."""
ByImage: TypeAlias = Float64[np.ndarray, "n"]
Verdict = Literal["better", "as good", "worse", "undecided"]
ENOUGH: tuple[Verdict, ...] = ("better", "as good")


@dataclass(frozen=True)
class Difference:
    """How much better one place is than its reference.

    Args:
        mean: of the metric, ours minus the reference's; NaN where a seed of either has no number.
        low: end of the 95 % interval, over images and seeds; None: fewer than five groups of images show a
            class.
        high: the other end.
        p: of the signed-rank test over groups of images, each counting once, that both are alike; None as
            above.
        effect: mean over standard deviation of the groups' differences (Cohen's d_z), each counting once;
            None below twenty groups, or where all differ alike.
        better: the share of images where ours is better; equal ones count half.
        seeds: that both have.
        images: that both have.
        rare: the classes that fewer than five groups show.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None
    effect: float | None
    better: float
    seeds: int
    images: int
    rare: tuple[str, ...] = ()

    def verdict(self, margin: float) -> Verdict:
        """Say whether ours is as good as the reference, give or take the margin.

        "better": the whole interval lies above 0; "as good": above minus the margin (non-inferior);
        "worse": below it.
        """
        if self.low is not None and self.low > 0:
            return "better"
        if self.low is not None and self.low > -margin:
            return "as good"
        if self.high is not None and self.high < -margin:
            return "worse"
        return "undecided"


def difference(ours: Scores, reference: Scores, resamples: int = RESAMPLES, seed: int = 0) -> Difference:
    """Compare two places on the seeds and images that both have.

    All columns are of the same images: those where any of these runs has a number. A run has none where it
    rightly marks nothing; where another invents an object and scores 0, it scores 1. So the mean may be other
    than the difference of both places' own means, which leave out what each rightly left empty.

    A resample draws seeds and groups of images, with replacement, the same for both sides; its statistic is
    the difference of the two means. An image's difference is averaged over its seeds and classes. The share
    of images that are better looks at these; the test and the effect at the groups' differences, each
    averaged over its images and counting once, since images of a group are not independent. So with groups
    of different sizes, or classes that few images show, they may have another sign than the mean, where
    images and classes count alike.

    Args:
        ours: of one place.
        reference: of another.
        resamples: how many.
        seed: of the draws.

    Raises:
        InputError: they share no seed or no image.

    Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3 (percentile
    interval); F. Wilcoxon, 1945; the two-way draw as in A. Owen, The pigeonhole bootstrap, 2007, which is
    conservative. With one seed the interval is over images alone; with two or three, what seeds add is
    taken from these few.
    """
    ours, reference = _common(ours, reference)
    delta = means(ours.values).mean() - means(reference.values).mean()
    by_image = _by_image(ours, reference)
    known = by_image[~np.isnan(by_image)]
    better = float(np.mean((known > 0) + 0.5 * (known == 0))) if known.size else float("nan")
    counts, rare = (len(ours.seeds), len(ours.names)), ours.rare() or reference.rare()
    told = Difference(float(delta), None, None, None, None, better, *counts, rare)
    if rare or math.isnan(delta):
        return told
    by_group = _by_group(by_image, ours.groups)
    draws = _resampled(ours, reference, resamples, seed)
    low, high = interval(draws) or (None, None)
    told = replace(told, low=low, high=high)
    if not by_group.any():
        return replace(told, p=1.0)
    # Only who compares waits for SciPy's statistics. Zeros are split between both sides: most of a data set
    # that is solved shows no difference.
    from scipy import stats

    p = float(stats.wilcoxon(by_group, zero_method="zsplit").pvalue)
    if by_group.size < FEWEST_FOR_EFFECT:
        return replace(told, p=p)
    spread = by_group.std(ddof=1)
    return replace(told, p=p, effect=float(by_group.mean() / spread) if spread > ROUNDING else None)


def lower_end(ours: Scores, reference: Scores, chance: float) -> float:
    """Give what a difference falls below in this share of the resamples that `difference` draws.

    Raises:
        InputError: they share no seed or no image.
    """
    return float(np.nanquantile(_resampled(*_common(ours, reference), RESAMPLES, seed=0), chance))


def comparable(ours: Scores, reference: Scores) -> bool:
    """Say whether two places share seeds and images of as many classes, as a comparison needs."""
    shared = set(ours.seeds) & set(reference.seeds) and set(ours.names) & set(reference.names)
    return bool(shared) and ours.values.shape[2] == reference.values.shape[2]


def holm(values: Sequence[float]) -> list[float]:
    """Correct p-values for being many: the chance of any false alarm among them stays below the level.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]

    Source: S. Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    order = np.argsort(values, kind="stable")
    found = [0.0] * len(values)
    worst = 0.0
    for rank, place in enumerate(order):
        worst = max(worst, min(1.0, (len(values) - rank) * values[place]))
        found[place] = worst
    return found


def _common(ours: Scores, reference: Scores) -> tuple[Scores, Scores]:
    seeds = [seed for seed in ours.seeds if seed in reference.seeds]
    names = [name for name in ours.names if name in set(reference.names)]
    if not comparable(ours, reference):
        fix = "Run both with the same seeds on the same data."
        raise InputError("places that are compared must share seeds and images", "none in common", fix)
    return _on_the_same_ground(ours.at(seeds, names), reference.at(seeds, names))


def _on_the_same_ground(ours: Scores, reference: Scores) -> tuple[Scores, Scores]:
    """Leave out classes that not all runs have a number for; give all runs one where any of them has one.

    Means over different classes or images would be compared else. A run has no number on an image where
    another has one only if it rightly marks nothing there: as right as can be, 1.
    """
    known = ~np.isnan(np.concatenate([ours.values, reference.values]))
    kept = known.any(1).all(0)
    counted = known.any(0) & kept

    def on_it(scores: Scores) -> Scores:
        right = counted & np.isnan(scores.values)
        return replace(scores, values=np.where(kept, np.where(right, 1.0, scores.values), np.nan))

    return on_it(ours), on_it(reference)


def _by_image(ours: Scores, reference: Scores) -> ByImage:
    """Average the differences of each image; NaN where it has no number."""
    differences = (ours.values - reference.values).transpose(1, 0, 2).reshape(len(ours.names), -1)
    return mean_of(differences)


def _by_group(by_image: ByImage, groups: Sequence[str]) -> Values:
    """Average the differences of each group of images; without those that have no number."""
    names, place = np.unique(np.asarray(groups), return_inverse=True)
    rows = [by_image[place == number] for number in range(len(names))]
    found = np.array([row[~np.isnan(row)].mean() if (~np.isnan(row)).any() else np.nan for row in rows])
    known: Values = found[~np.isnan(found)]
    return known


def _resampled(ours: Scores, reference: Scores, resamples: int, seed: int) -> Values:
    first, second = (resampled_means(scores, resamples, seed) for scores in (ours, reference))
    apart: Values = first - second
    return apart


def resampled_means(scores: Scores, resamples: int, seed: int) -> Values:
    """Give the mean of each resample: over images, then classes, then seeds.

    Where a seed has no number the place has no mean, and so none of its resamples has one.

    Places with the same groups of images and as many seeds are drawn alike, so their means may be compared
    resample by resample.
    """
    images = resample_counts(scores.groups, resamples, seed).astype(np.float64)
    count = len(scores.seeds)
    shares = np.full(count, 1 / count)
    seeds = numpy_rng(seed, "seeds").multinomial(count, shares, size=resamples).astype(np.float64)
    there = ~np.isnan(scores.values)
    if not there.any((1, 2)).all():
        return np.full(resamples, np.nan)
    by_class = [
        np.einsum("rn,snf->rsf", images, part) for part in (np.where(there, scores.values, 0.0), there * 1.0)
    ]
    with np.errstate(invalid="ignore"):
        values = by_class[0] / by_class[1]
    known = ~np.isnan(values)
    # A resample that lost a class is left out: its mean over fewer classes is another quantity.
    lost = (there.any(1)[None] & ~known).any(2)
    by_seed = np.where(known, values, 0.0).sum(2) / np.maximum(known.sum(2), 1)
    by_seed[lost] = np.nan
    drawn = np.where(seeds > 0, by_seed, 0.0)
    found: Values = (drawn * seeds).sum(1) / seeds.sum(1)
    return found
