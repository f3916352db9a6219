"""An answer in sentences and as a table, for the terminal and for files."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from pointillist.core.text import counted, number
from pointillist.metrics.summary import FEWEST
from pointillist.study import power_law
from pointillist.study.answer import ONE_SIDED, Answer, Enough, Forecast
from pointillist.study.line import Line

NAMES = {
    "dice": "Dice",
    "iou": "IoU",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
}


LARGE, MANY = 0.5, 10
"""Share of the doubt that seeds make, from which more of them are asked for, and how many are enough."""
FAR = 5
"""Times the forecast's count, beyond which no number is named."""
EXACT = "three numbers of clicks fix the curve's three parameters exactly, so that it foretells nothing"


def spread(line: Line) -> str:
    """Give mean and standard deviation over seeds."""
    return number(line.mean, 4) + ("" if line.deviation is None else f" ± {number(line.deviation, 4)}")


def probability(p: float | None) -> str:
    """Print a p-value."""
    if p is None:
        return "-"
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def table(answer: Answer) -> tuple[list[str], list[list[str]]]:
    """Give the heading and a row for each place, those of a reference without comparison."""
    axes = list(answer.lines[0].place)
    # The verdict stands first, where a narrow screen shows it.
    seeds = ["seeds"] * answer.uneven
    head = [*axes, "verdict", *seeds, "s / image", NAMES[answer.compare.metric], "difference (95 %)"]
    head += ["p over images (Holm)", "effect d", "better on"]
    rows = []
    for line in answer.lines:
        told = [*line.place.values(), line.alone or line.verdict or "-"]
        told += [*[str(len(line.scores)) for _ in seeds], number(line.seconds, 1), spread(line)]
        against = line.against
        if against is None:
            rows.append([*told, "", "", "", ""])
            continue
        ends = (against.low, against.high)
        interval = "" if None in ends else f" ({' to '.join(map(number_signed, ends))})"
        told += [f"{number_signed(against.mean)}{interval}", probability(line.p)]
        told += [number(against.effect, 2), "-" if math.isnan(against.better) else f"{against.better:.0%}"]
        rows.append(told)
    return head, rows


def brief(line: Line) -> tuple[str, str, str, str]:
    """Give seconds, score, difference and verdict, short enough for a terminal."""
    mean = short(line.mean) + ("" if line.deviation is None else f" ± {short(line.deviation)}")
    seconds = number(line.seconds, 1)
    if (against := line.against) is None:
        return seconds, mean, "", line.alone or ""
    interval = "" if against.low is None else f" ({short(against.low, '+')} to {short(against.high, '+')})"
    return seconds, mean, short(against.mean, "+") + interval, line.verdict or "-"


def short(value: float | None, sign: str = "") -> str:
    """Print a share with three digits and no zero before the point.

    >>> short(0.9312), short(-0.0042, "+"), short(1.0)
    ('.931', '-.004', '1.000')
    """
    return "-" if value is None or math.isnan(value) else re.sub(r"^([+-]?)0\.", r"\1.", f"{value:{sign}.3f}")


def number_signed(value: float | None) -> str:
    """Print a difference with its sign, or a dash."""
    return "-" if value is None or math.isnan(value) else f"{value:+.4f}"


def sentences(answer: Answer) -> list[str]:
    """Say what is enough, what it costs beside masks, what more would bring, and what can't be told."""
    found = _can_not_tell(answer)
    told = [line.against for line in answer.lines if line.against and line.against.low is not None]
    if (one := one_seed([against.seeds for against in told])) is not None:
        found.append(f"{one}.")
    for enough in answer.enough:
        along = ", ".join(f"{axis} {label}" for axis, label in enough.along.items())
        where = f"{along}: " if along else ""
        if all(line.against is None or line.against.low is None for line in enough.lines):
            continue
        # What nobody has priced is told by itself: there is no least of it. Beside it a search that found
        # nothing has not tried all, so that each place speaks for itself.
        tried = enough.smallest is not None or all(line.seconds is not None for line in enough.lines)
        least = enough.priced and tried
        found += [where + _enough(enough, answer)] if least else []
        alone = [line for line in enough.lines if not least or line.seconds is None]
        found += [where + _one(line, enough, answer) for line in alone]
        if enough.forecast is not None:
            found.append(where + _forecast(enough, answer))
    if (searched := _searches(answer)) > 1:
        found.append(_chance(searched, one is not None))
    if mind := _more_seeds(answer):
        found.append(mind)
    return found


def _chance(searched: int, one_seed: bool) -> str:
    """Say how often searches err, which seeds that are not counted leave open."""
    if one_seed:
        return f"each of the {searched} searches may call too few enough: one seed can't tell how often."
    chance = min(1.0, ONE_SIDED * searched)
    return (
        f"where seeds are many, each of the {searched} searches calls too few enough with a chance of about "
        f"{ONE_SIDED:.1%}, any of them with up to {chance:.1%}; where they are few, more often."
    )


def _more_seeds(answer: Answer) -> str | None:
    known = [line for line in answer.lines if line.against and line.against.low is not None]
    few = [one for one in known if one.against and one.against.seeds < MANY and (one.doubt or 0) >= LARGE]
    if not few:
        return None
    return (
        f"Mind: in {len(few)} of {counted(len(known), 'comparisons')} half of the doubt or more lies between "
        "the seeds, and so few tell little of it: more seeds are needed."
    )


def _searches(answer: Answer) -> int:
    """Count the searches; those through the same runs are one, under several labels."""
    judged = (
        frozenset(line.pair for line in enough.lines)
        for enough in answer.enough
        if enough.priced and any(line.against and line.against.low is not None for line in enough.lines)
    )
    return len(set(judged))


def one_seed(seeds: Sequence[int]) -> str | None:
    """Say what intervals leave out where they rest on one seed; None: all rest on more.

    >>> one_seed([1, 1])
    'with one seed the intervals are over images alone: what other seeds would give is not counted'
    """
    if 1 not in seeds:
        return None
    where = "with" if set(seeds) == {1} else "where there is"
    return f"{where} one seed the intervals are over images alone: what other seeds would give is not counted"


def _can_not_tell(answer: Answer) -> list[str]:
    found = []
    if answer.missing:
        found.append(f"the grid is incomplete: {answer.missing} of {answer.runs} runs have no results.")
    waiting = sum(line.alone == "reference not run" for line in answer.lines)
    if waiting:
        reference = ", ".join(answer.compare.to.values())
        found.append(f"{reference} has no results yet: {_places(waiting)} compared with nothing.")
    if apart := sum(line.alone == "nothing in common" for line in answer.lines):
        found.append(f"{_places(apart)} not compared: other seeds or images than the reference's.")
    if hollow := sum(bool(line.scores) and math.isnan(line.mean) for line in answer.lines):
        found.append(f"{_places(hollow)} without a {NAMES[answer.compare.metric]}: no image shows an object.")
    told = [line.against for line in answer.lines if line.against and not math.isnan(line.against.mean)]
    if rare := tuple(dict.fromkeys(name for against in told for name in against.rare)):
        found.append(f"no interval can be given, and so no verdict: {too_few(answer.split, rare)}.")
    return found


def too_few(split: str, rare: Sequence[str]) -> str:
    """Say why there is no interval.

    >>> too_few("test", ["vessel", "exudate"])
    'fewer than 5 independent groups of test images show vessel, or exudate'
    """
    return f"fewer than {FEWEST} independent groups of {split} images show {', or '.join(rare)}"


def _places(count: int) -> str:
    return "1 place is" if count == 1 else f"{count} places are"


def _shared(line: Line, reference: Line) -> str:
    """Say over which seeds a difference is, where a side has others too."""
    assert line.against is not None
    if line.against.seeds == len(line.scores) == len(reference.scores):
        return ""
    return f" over {line.against.seeds} seed{'s' * (line.against.seeds > 1)} in common"


def _label(line: Line, answer: Answer) -> str:
    return ", ".join(line.place[axis] for axis in answer.compare.to)


def _one(line: Line, enough: Enough, answer: Answer) -> str:
    metric, margin = NAMES[answer.compare.metric], answer.compare.margin
    assert line.against is not None
    verdicts = {
        "better": f"better than {_label(enough.reference, answer)}",
        "as good": f"as good as {_label(enough.reference, answer)} within {margin:g}",
        "worse": f"worse than {_label(enough.reference, answer)} by more than {margin:g}",
        "undecided": f"not shown to be within {margin:g} of {_label(enough.reference, answer)}, nor beyond",
    }
    told = verdicts[line.verdict or "undecided"]
    against = line.against
    interval = f"({number_signed(against.low)} to {number_signed(against.high)})"
    difference = f"difference{_shared(line, enough.reference)} {number_signed(against.mean)} {interval}"
    means = f"{metric} {number(line.mean, 4)} against {number(enough.reference.mean, 4)}"
    return f"{_label(line, answer)} is {told}: {means}, {difference}."


def _most(enough: Enough) -> Line:
    """Give the dearest place that costs less than the reference: where the search began."""
    limit = math.inf if enough.reference.seconds is None else enough.reference.seconds
    return [line for line in enough.lines if line.seconds is not None and line.seconds < limit][-1]


def _none_of(lines: Sequence[Line], answer: Answer) -> str:
    labels = [_label(line, answer) for line in lines]
    if len({line.pair for line in lines}) == 1:
        return f"{labels[0]} is not"
    return f"of {', '.join(labels)}, which cost the same and share the chance of error, none is"


def _enough(enough: Enough, answer: Answer) -> str:
    metric, margin = NAMES[answer.compare.metric], answer.compare.margin
    reference = f"{_label(enough.reference, answer)} ({number(enough.reference.mean, 4)})"
    if enough.waiting:
        places, are = "; ".join(enough.waiting), "is" if len(enough.waiting) == 1 else "are"
        to = _label(enough.reference, answer)
        return f"no answer yet: {places} {are} not compared with {to}, and the search goes through all."
    if (line := enough.smallest) is None or line.against is None:
        most = enough.beside(_most(enough))
        within = f"within {margin:g} {metric} of {reference}"
        return f"not reached within the grid: {_none_of(most, answer)} shown to be {within}."
    shared = _shared(line, enough.reference)
    said = (
        f"{_label(line, answer)} is enough: {metric} {number(line.mean, 4)} against {reference}, difference"
        f"{shared} {number_signed(line.against.mean)}, at worst {number_signed(enough.worst)}, "
        f"inside the margin of {margin:g}"
    )
    if (tests := len({one.pair for one in enough.beside(line)})) > 1:
        said += f" (the {tests} of the same cost share the chance of error)"
    ours, theirs = line.seconds, enough.reference.seconds
    if ours and theirs:
        said += f"; {ours:.1f} s of annotation per image in place of {theirs:.1f} s"
    return f"{said}."


def _forecast(enough: Enough, answer: Answer) -> str:
    forecast = enough.forecast
    assert forecast is not None
    if forecast.exact:
        return f"no forecast: {EXACT}; a fourth would test it."
    if not forecast.told:
        return f"no forecast: the best power law misses what was measured by up to {forecast.miss:.3f}."
    law, metric = forecast.law, NAMES[answer.compare.metric]
    said = (
        f"forecast: {metric} = {law.limit:.3f} - {law.gap:.3f} n^-{law.exponent:.2f} for n clicks; with "
        f"{forecast.count:.0f}, {number(forecast.score, 4)} "
        f"({number(forecast.low, 4)} to {number(forecast.high, 4)})"
    )
    if enough.smallest is None and not enough.waiting:
        said += _needed(forecast, f"the margin of {_label(enough.reference, answer)}")
    if law.exponent in power_law.EXPONENTS or law.limit >= 1:
        said += "; the curve lies on the bounds of what is searched, so take this with care"
    return f"{said}."


def _needed(forecast: Forecast, within: str) -> str:
    measured, far = forecast.count / 2, FAR * forecast.count
    low, high = forecast.between or (0.0, math.inf)
    if low == math.inf:
        return f"; no number would come within {within}, say 95 % of the resamples"
    if forecast.needed is None or high > far:
        return f"; how many would come within {within} can't be told: {_at_least(low, measured)}, or none"
    # Within what was measured the verdicts speak.
    if forecast.needed <= measured:
        return ""
    return f"; about {forecast.needed:.0f} ({low:.0f} to {high:.0f}) would come within {within}"


def _at_least(low: float, measured: float) -> str:
    return f"from {low:.0f} on" if low > measured else "any number"
