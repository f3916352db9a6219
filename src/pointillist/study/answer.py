"""What a study answers: the least that is as good as the reference, and what more would bring."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pointillist.core.errors import InputError
from pointillist.data.split import Split
from pointillist.metrics.bootstrap import CONFIDENCE, interval
from pointillist.study import power_law
from pointillist.study.execute import Results, measured
from pointillist.study.line import Line, lines_of
from pointillist.study.power_law import FITS, PowerLaw
from pointillist.study.scores import Scores, scores_of
from pointillist.study.statistics import lower_end, resampled_means
from pointillist.study.study import Comparison, Study

ONE_SIDED = (1 - CONFIDENCE) / 2
"""Chance that the lower end of an interval lies above the truth, where seeds and images are many."""
STEPS = 20
"""Of a forecast's interval, from what was run to twice as many."""


@dataclass(frozen=True)
class Forecast:
    """What twice the largest number of clicks would bring, by a power law.

    Args:
        law: fitted to the means.
        count: labelled pixels per image.
        score: forecast there.
        low: end of its 95 % interval over images and seeds.
        high: the other end.
        band: such intervals on the way there: count, low and high.
        needed: how many would reach the reference less the margin; None: no number would.
        between: its 95 % interval, where infinite means that no number would; None: no resample has a curve.
        exact: whether there are as many numbers as parameters, so that the curve is no forecast; those that
            differ by less than a tenth count as one.
        miss: by how much the curve misses the mean that lies farthest from it.
        told: whether it is a forecast at all: it is not exact, and misses nothing by more than the margin.
    """

    law: PowerLaw
    count: float
    score: float
    low: float
    high: float
    band: tuple[tuple[float, float, float], ...]
    needed: float | None
    between: tuple[float, float] | None
    exact: bool
    miss: float
    told: bool


@dataclass(frozen=True)
class Enough:
    """The answer for one line of places that differ in how much was annotated.

    Args:
        along: the labels that they share; empty: there is one line alone.
        lines: by seconds of annotation, the dearest last; before them those whose cost nobody knows.
        reference: what they are compared with.
        priced: whether each costs a person another time, and some less than the reference: then one is the
            least.
        smallest: the least that is as good and costs less than the reference; None: not reached within the
            grid, or not priced, or not all of the grid has been run.
        worst: what its difference is at worst: the lower end of its interval, where others cost the same at
            the level that each of them has.
        forecast: None: fewer than three numbers of clicks, or other things were drawn.
        waiting: places of this line that are not compared, in words, but could have been searched: those
            without any result, and those that have no seed or image in common with the reference. A dearer
            one among them might have ended the search.
    """

    along: Mapping[str, str]
    lines: tuple[Line, ...]
    reference: Line
    priced: bool
    smallest: Line | None
    worst: float | None
    forecast: Forecast | None
    waiting: tuple[str, ...] = ()

    def beside(self, line: Line) -> tuple[Line, ...]:
        """Give the places that cost the same, itself among them: one step of the search."""
        return tuple(one for one in self.lines if one.seconds == line.seconds)


@dataclass(frozen=True)
class Answer:
    """All that a study's results say on one split.

    Args:
        split: measured.
        compare: what was declared before the runs.
        lines: of all places that were run.
        enough: one for each combination of the axes beside the reference's.
        missing: how many runs of the grid have left no results there.
        runs: how many there are.
    """

    split: Split
    compare: Comparison
    lines: tuple[Line, ...]
    enough: tuple[Enough, ...]
    missing: int
    runs: int

    @property
    def uneven(self) -> bool:
        """Whether places have different numbers of seeds, as where runs failed."""
        return len({len(line.scores) for line in self.lines}) > 1


def answer(study: Study, results: Results, split: Split = "test") -> Answer:
    """Compare every place with its reference.

    The least that is as good is sought from the dearest downwards, and the search ends at the first that is
    not: so the chance of calling any too small number enough stays that of a single interval (fixed-sequence
    testing): about 2.5 % where seeds are many, more where they are few, and with one seed what others would
    give is not counted. Several that cost the same share that chance (Bonferroni), and the best of those that
    are as good is taken. p-values are over images, of these very seeds, and corrected after Holm.

    Args:
        study: with ``compare``.
        results: of its runs.
        split: which images.

    Raises:
        InputError: the study compares nothing, or has no results on that split.

    Source: G. Piaggio et al., Reporting of noninferiority and equivalence randomized trials, JAMA 2012; W.
    Maurer et al., Multiple comparisons in drug clinical trials, 1995 (fixed sequence).
    """
    if study.compare is None:
        fix = "Add for example compare: {to: {learnt from: full masks}, margin: 0.02}."
        raise InputError("the study must say what its places are compared with", "nothing", fix)
    scores = scores_of(study, results, split, study.compare.metric)
    if not scores:
        raise InputError(f"the study must have results on the {split} split", "none", "Run it first.")
    lines = lines_of(study, results, scores)
    missing = sum(not measured(results.get(cell.run.id), [split]) for cell in study.runs)
    enough = tuple(_enough(study, lines, scores, _waiting(study, results, split)))
    return Answer(split, study.compare, tuple(lines), enough, missing, len(study.runs))


def _waiting(study: Study, results: Results, split: Split) -> list[Mapping[str, str]]:
    """List the places that no run has been measured at."""
    known = {tuple(c.place.values()) for c in study.cells if measured(results.get(c.run.id), [split])}
    places = {tuple(cell.place.values()): cell.place for cell in study.cells}
    return [place for key, place in places.items() if key not in known]


def _enough(
    study: Study,
    lines: Sequence[Line],
    scores: Mapping[tuple[str, ...], Scores],
    waiting: Sequence[Mapping[str, str]],
) -> list[Enough]:
    assert study.compare is not None
    to = study.compare.to
    along: dict[tuple[tuple[str, str], ...], list[Line]] = {}
    for line in lines:
        if line.against is not None:
            along.setdefault(_along(line.place, to), []).append(line)
    by_place = {tuple(line.place.values()): line for line in lines}
    found = []
    for key, group in along.items():
        known = sorted((line for line in group if line.seconds is not None), key=lambda a: a.seconds or 0)
        place = study.reference(group[0].place)
        assert place is not None
        reference = by_place[tuple(place.values())]
        priced = _priced(known, reference.seconds)
        ordered = (*(line for line in group if line.seconds is None), *known)
        places = [*waiting, *(line.place for line in lines if _apart(line, reference))]
        unsure = tuple(", ".join(one[axis] for axis in to) for one in places if _along(one, to) == key)
        search = priced and not unsure
        smallest, worst = _smallest(study.compare, known, reference, scores) if search else (None, None)
        forecast = _forecast(study.compare, known, reference, scores)
        found.append(Enough(dict(key), ordered, reference, priced, smallest, worst, forecast, unsure))
    return found


def _apart(line: Line, reference: Line) -> bool:
    """Say whether a place belongs to the search, but has nothing in common with its reference."""
    return line.alone == "nothing in common" and line.seconds is not None and line.seconds < _limit(reference)


def _along(place: Mapping[str, str], to: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Give a place's labels on the axes beside the reference's."""
    return tuple((axis, label) for axis, label in place.items() if axis not in to)


def _priced(lines: Sequence[Line], reference: float | None) -> bool:
    costs = [line.seconds or 0.0 for line in lines]
    # Where two cost the same there is no least: these are ways to learn, not amounts. Clicks are amounts, too
    # where some are divided otherwise between the classes.
    amounts = {(cost, round(line.labelled or 0)) for cost, line in zip(costs, lines, strict=True)}
    clicks = all(line.labelled for line in lines) and len(amounts) == len(set(costs)) > 1
    if not costs or (len(set(costs)) < len(costs) and not clicks):
        return False
    return reference is None or min(costs) < reference


def _limit(reference: Line) -> float:
    """Give what the least must cost less than: clicks that take longer than the masks are no answer."""
    return math.inf if reference.seconds is None else reference.seconds


def _smallest(
    compare: Comparison, lines: Sequence[Line], reference: Line, scores: Mapping[tuple[str, ...], Scores]
) -> tuple[Line | None, float | None]:
    """Find the least that is as good, and what its difference is at worst."""
    found: tuple[Line | None, float | None] = (None, None)
    dear_first = sorted({line.seconds or 0.0 for line in lines}, reverse=True)
    for price in (price for price in dear_first if price < _limit(reference)):
        tied = [line for line in lines if (line.seconds or 0.0) == price]
        tests = len({line.pair for line in tied})
        ends = [(line, _lower_end(line, reference, scores, tests)) for line in tied]
        enough = [(line, low) for line, low in ends if low is not None and low > -compare.margin]
        if not enough:
            break
        found = max(enough, key=lambda one: one[0].mean)
    return found


def _lower_end(
    line: Line, reference: Line, scores: Mapping[tuple[str, ...], Scores], tests: int
) -> float | None:
    """Give the lower end of a difference's interval, at the level of one of so many tests."""
    assert line.against is not None
    if tests == 1 or line.against.low is None:
        return line.against.low
    ours, theirs = (scores[tuple(one.place.values())] for one in (line, reference))
    return lower_end(ours, theirs, ONE_SIDED / tests)


def _forecast(
    compare: Comparison,
    lines: Sequence[Line],
    reference: Line,
    scores: Mapping[tuple[str, ...], Scores],
) -> Forecast | None:
    clicked = [line for line in lines if line.labelled and not math.isnan(line.mean)]
    counts = [line.labelled or 0.0 for line in clicked]
    if (numbers := power_law.different(counts)) < power_law.FEWEST or math.isnan(reference.mean):
        return None
    law = power_law.fit(counts, [line.mean for line in clicked])
    places = [tuple(line.place.values()) for line in (*clicked, reference)]
    draws = np.stack([resampled_means(scores[place], FITS, seed=0) for place in places], 1)
    draws = draws[~np.isnan(draws).any(1)]
    laws, targets = power_law.fits(counts, draws[:, :-1]), draws[:, -1] - compare.margin
    band = _band(laws, max(counts))
    count, low, high = band[-1]
    needed = law.reaches(reference.mean - compare.margin)
    between = power_law.needed(laws, targets.tolist())
    exact = numbers == power_law.FEWEST
    miss = max(abs(law.at(n) - line.mean) for n, line in zip(counts, clicked, strict=True))
    told = not exact and miss <= compare.margin
    return Forecast(law, count, law.at(count), low, high, band, needed, between, exact, miss, told)


def _band(laws: Sequence[PowerLaw], most: float) -> tuple[tuple[float, float, float], ...]:
    ahead = [most * 2 ** (step / STEPS) for step in range(STEPS + 1)]
    nothing = (float("nan"), float("nan"))
    return tuple((count, *(interval(power_law.forecast(laws, count)) or nothing)) for count in ahead)
