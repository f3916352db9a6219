"""How a score grows with the number of annotations, and what more of them would bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.optimize import least_squares

from pointillist.core.errors import InputError
from pointillist.metrics.bootstrap import CONFIDENCE, Values

FEWEST = 3
"""Different numbers of annotations below which nothing is fitted: the curve has three parameters. As many fix
it exactly, whatever they are, so that nothing is left to tell whether it holds."""
FITS = 200
"""Resamples that a curve is fitted to for its interval: each takes milliseconds."""
# Slower than the first, a curve can't be told from one that never ends; the grid of starts.
EXPONENTS = (0.05, 2.0)
STARTS = (0.1, 0.3, 0.6, 1.0, 1.6)


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

    def misses(parameters: np.ndarray) -> np.ndarray:
        limit, gap, exponent = parameters
        missed: np.ndarray = limit - gap * x**-exponent - y
        return missed

    top, spread = min(1.0, float(y.max()) + 0.01), float(np.ptp(y)) + 1e-3
    lower, upper = (0.0, 0.0, EXPONENTS[0]), (1.0, 10.0, EXPONENTS[1])
    tries = [
        least_squares(misses, np.clip((top, spread, start), lower, upper), bounds=(lower, upper))
        for start in STARTS
    ]
    best = min(tries, key=lambda found: float(found.cost))
    return PowerLaw(*(float(value) for value in best.x))


def fits(counts: Sequence[float], draws: Float64[np.ndarray, "r k"]) -> list[PowerLaw]:
    """Fit every resample of the scores.

    Args:
        counts: k of them.
        draws: of the score at each count.
    """
    return [fit(counts, row) for row in draws.tolist()]


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
