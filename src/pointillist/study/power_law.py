"""How a score grows with the number of annotations, and what more of them would bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from pointillist.core.errors import InputError
from pointillist.metrics.bootstrap import CONFIDENCE, Values

FEWEST = 3
"""Different numbers of annotations below which nothing is fitted: the curve has three parameters. As many fix
it exactly, whatever they are, so that nothing is left to tell whether it holds."""
ALIKE = 1.1
"""Times the smaller one, up to which two numbers of annotations tell a curve no more than one."""
FITS = 200
"""Resamples that a curve is fitted to for its interval."""
EXPONENTS = (0.05, 2.0)
"""Slower than the first, a curve can't be told from one that never ends."""
GRID, ROUNDS = 40, 5
"""Exponents that are tried at a time, and how often, each time in a twentieth of the range."""
WIDEST = 10.0
"""Gap to the limit with one annotation, at most."""


@dataclass(frozen=True)
class PowerLaw:
    """score(n) = limit - gap n^-exponent.

    Args:
        limit: what is approached, at most 1.
        gap: to the limit with one annotation.
        exponent: how fast it closes.
    """

    limit: float
    gap: float
    exponent: float

    def at(self, count: float) -> float:
        """Give the score with so many annotations."""
        return self.limit - self.gap * float(count**-self.exponent)

    def reaches(self, score: float) -> float | None:
        """Give how many annotations reach a score; None: no number does."""
        if score >= self.limit:
            return None
        if self.gap == 0:
            return 0.0
        return float((self.gap / (self.limit - score)) ** (1 / self.exponent))


def fit(counts: Sequence[float], scores: Sequence[float]) -> PowerLaw:
    """Fit the curve by least squares, with limit <= 1, gap >= 0 and an exponent from 0.05 to 2.

    >>> law = fit([1, 2, 4, 8], [0.9 - 0.2 * n**-0.7 for n in (1, 2, 4, 8)])
    >>> round(law.limit, 3), round(law.gap, 3), round(law.exponent, 3)
    (0.9, 0.2, 0.7)

    Raises:
        InputError: fewer than three different counts, or one that is not positive.

    Source: J. Hestness et al., Deep learning scaling is predictable, empirically, arXiv 1712.00409,
    section 3 (error = a n^-b + c); ours is in scores, bounded by the best possible one.
    """
    x, y = np.asarray(counts, np.float64), np.asarray(scores, np.float64)
    if len(set(counts)) < FEWEST or (x <= 0).any():
        found = f"{sorted(set(counts))}"
        raise InputError(f"a curve needs {FEWEST} different positive counts", found, "Add some to the grid.")

    return fits(x.tolist(), y[None])[0]


def different(counts: Sequence[float]) -> int:
    """Count numbers of annotations, those that hardly differ as one.

    >>> different([2, 4, 4.1, 8]), different([5.98, 6])
    (3, 1)
    """
    found: list[float] = []
    for count in sorted(counts):
        if not found or count >= ALIKE * found[-1]:
            found.append(count)
    return len(found)


def fits(counts: Sequence[float], draws: Float64[np.ndarray, "r k"]) -> list[PowerLaw]:
    """Fit every resample of the scores.

    With its exponent given, the curve is a line; the exponent is searched on a grid, and again around the
    best of it.

    Args:
        counts: k of them.
        draws: of the score at each count.
    """
    x = np.asarray(counts, np.float64)
    low, high = (np.full(len(draws), end) for end in EXPONENTS)
    for _ in range(ROUNDS):
        exponents = np.linspace(low, high, GRID, axis=1)
        misses, limits, gaps = _lines(x, draws, exponents)
        at = (np.arange(len(draws)), misses.argmin(1))
        step, best = (high - low) / (GRID - 1), exponents[at]
        low, high = np.maximum(best - step, EXPONENTS[0]), np.minimum(best + step, EXPONENTS[1])
    rows = np.stack([limits[at], gaps[at], best], 1).tolist()
    return [PowerLaw(*row) for row in rows]


def _lines(
    x: Float64[np.ndarray, " k"], draws: Float64[np.ndarray, "r k"], exponents: Float64[np.ndarray, "r e"]
) -> Float64[np.ndarray, "3 r e"]:
    """Give the squared misses of the best line for each exponent, its limit and its gap.

    The best within the bounds is the best of all where that lies within, else it lies on one of them.
    """
    powers, scores = x ** -exponents[:, :, None], draws[:, None, :]
    mean, level = powers.mean(2), scores.mean(2)
    spread = ((powers - mean[:, :, None]) ** 2).sum(2)
    gap = -((powers - mean[:, :, None]) * scores).sum(2) / np.maximum(spread, np.finfo(float).tiny)
    inside = (gap >= 0) & (gap <= WIDEST) & (level + gap * mean <= 1)
    ones = np.ones_like(gap)
    lines = [
        (level + gap * mean, gap),
        (ones, np.clip((powers * (1 - scores)).sum(2) / (powers**2).sum(2), 0, WIDEST)),
        (np.clip(level, 0, 1) * ones, 0 * ones),
        (np.clip(level + WIDEST * mean, 0, 1), WIDEST * ones),
    ]
    told = np.stack(
        [
            (((limit[:, :, None] - gap[:, :, None] * powers - scores) ** 2).sum(2), limit, gap)
            for limit, gap in lines
        ]
    )
    told[0, 0][~inside] = np.inf
    best: np.ndarray = np.take_along_axis(told, told[:, :1].argmin(0)[None], 0)[0]
    return best


def forecast(laws: Sequence[PowerLaw], count: float) -> Values:
    """Give what each resample's curve says of another count."""
    return np.array([law.at(count) for law in laws])


def needed(laws: Sequence[PowerLaw], scores: Sequence[float]) -> tuple[float, float] | None:
    """Give the 95 % interval of how many annotations reach a score; infinite: no number does.

    Args:
        laws: of each resample.
        scores: to be reached in each.
    """
    reached = [law.reaches(score) for law, score in zip(laws, scores, strict=True)]
    values = sorted(np.inf if count is None else count for count in reached)
    # Order statistics, since nothing lies between a number and none.
    aside = int((1 - CONFIDENCE) / 2 * len(values))
    return (values[aside], values[-1 - aside]) if values else None
