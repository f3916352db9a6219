"""The places of a study, each against its reference."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pointillist.metrics.bootstrap import CONFIDENCE
from pointillist.study.execute import Results
from pointillist.study.scores import Scores, deviation, mean_known, results_by_place, seconds_per_image
from pointillist.study.statistics import ROUNDING, Difference, Verdict, comparable, difference, holm
from pointillist.study.study import Study

Alone = Literal["reference", "reference not run", "same run as the reference", "nothing in common"]
"""Why a place is compared with nothing. In common are seeds and images."""
WIDTH = 2 * statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
"""Standard errors between the ends of an interval."""


@dataclass(frozen=True)
class Line:
    """One place of a study.

    Args:
        place: its label on each axis.
        scores: of each seed.
        seconds: of annotation for an annotated image; None: nobody knows.
        labelled: pixels labelled in an annotated image, where only clicks were drawn; None otherwise.
        against: its reference; None: it is not compared.
        alone: why not; None: it is.
        p: of the difference over images, of these very seeds, corrected for the number of comparisons.
        verdict: by the margin; None without a difference.
        doubt: share of the interval's variance that is between the seeds: the variance of their differences
            over their number; None without an interval, or with one seed.
        pair: ids of the runs that are compared, its own and its reference's: places with the same are one
            comparison, under several labels.
    """

    place: Mapping[str, str]
    scores: tuple[float, ...]
    seconds: float | None
    labelled: float | None
    against: Difference | None = None
    alone: Alone | None = None
    p: float | None = None
    verdict: Verdict | None = None
    doubt: float | None = None
    pair: tuple[frozenset[str], frozenset[str]] | None = None

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return statistics.mean(self.scores)

    @property
    def deviation(self) -> float | None:
        """Standard deviation over seeds; None: there is one, or one has no number."""
        return deviation(self.scores)


def lines_of(study: Study, results: Results, scores: Mapping[tuple[str, ...], Scores]) -> list[Line]:
    """Compare each place that has been run with its reference.

    Args:
        study: with ``compare``.
        results: of its runs.
        scores: of its places.
    """
    return _judged(study, _lines(study, results, scores), scores)


def _lines(study: Study, results: Results, scores: Mapping[tuple[str, ...], Scores]) -> list[Line]:
    axes, found = list(study.axes), []
    for place, own in results_by_place(study, results).items():
        if place in scores:
            by_seed = tuple(scores[place].by_seed())
            named = dict(zip(axes, place, strict=True))
            found.append(Line(named, by_seed, seconds_per_image(own), mean_known(list(map(_labelled, own)))))
    return found


def _labelled(result: Mapping[str, Any]) -> float | None:
    """Pixels labelled in an annotated image, where only clicks were drawn."""
    told = result["annotation"]["train"]
    clicked = set(told["marks"]) == {"points"} and told["annotated"]
    return sum(told["labelled_pixels"].values()) / told["annotated"] if clicked else None


def _judged(study: Study, lines: Sequence[Line], scores: Mapping[tuple[str, ...], Scores]) -> list[Line]:
    assert study.compare is not None
    runs = _runs(study)
    found = []
    for line in lines:
        place, reference = tuple(line.place.values()), study.reference(line.place)
        if reference is None:
            found.append(replace(line, alone="reference"))
        elif (theirs := scores.get(tuple(reference.values()))) is None:
            found.append(replace(line, alone="reference not run"))
        elif runs[place] == runs[tuple(reference.values())]:
            found.append(replace(line, alone="same run as the reference"))
        elif not comparable(scores[place], theirs):
            found.append(replace(line, alone="nothing in common"))
        else:
            against, pair = difference(scores[place], theirs), (runs[place], runs[tuple(reference.values())])
            verdict = against.verdict(study.compare.margin)
            doubt = _between_seeds(scores[place], theirs, against)
            found.append(replace(line, against=against, verdict=verdict, doubt=doubt, pair=pair))
    return _corrected(found)


def _between_seeds(ours: Scores, reference: Scores, against: Difference) -> float | None:
    means = dict(zip(reference.seeds, reference.by_seed(), strict=True))
    apart = [mean - means[s] for s, mean in zip(ours.seeds, ours.by_seed(), strict=True) if s in means]
    width = 0.0 if against.low is None or against.high is None else against.high - against.low
    if len(apart) < 2 or width <= ROUNDING:
        return None
    return statistics.variance(apart) / len(apart) / (width / WIDTH) ** 2


def _corrected(lines: Sequence[Line]) -> list[Line]:
    """Correct each p for how many comparisons there are."""
    raw = {line.pair: line.against.p for line in lines if line.against and line.against.p is not None}
    corrected = dict(zip(raw, holm(list(raw.values())), strict=True))
    return [replace(line, p=corrected.get(line.pair)) for line in lines]


def _runs(study: Study) -> dict[tuple[str, ...], frozenset[str]]:
    found: dict[tuple[str, ...], set[str]] = {}
    for cell in study.cells:
        found.setdefault(tuple(cell.place.values()), set()).add(cell.run.id)
    return {place: frozenset(runs) for place, runs in found.items()}
