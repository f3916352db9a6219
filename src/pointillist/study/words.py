"""An answer in sentences and as a table, for the terminal and for files."""

from __future__ import annotations

import re

from pointillist.core.text import number
from pointillist.study.answer import Answer, Enough, Line

NAMES = {
    "dice": "Dice",
    "iou": "IoU",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
}


FAR = 5
"""Times the forecast's count, beyond which no number is named."""


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
    head = [*axes, "s / image", NAMES[answer.compare.metric], "difference (95 %)"]
    head += ["p (Holm)", "effect d", "better on", "verdict"]
    rows = []
    for line in answer.lines:
        told = [*line.place.values(), number(line.seconds, 1), spread(line)]
        against = line.against
        if against is None:
            to = answer.compare.to
            is_one = all(line.place[axis] == label for axis, label in to.items())
            rows.append([*told, "", "", "", "", "reference" if is_one else "reference not run"])
            continue
        interval = (
            "-" if against.low is None else f"({number_signed(against.low)} to {number_signed(against.high)})"
        )
        told += [f"{number_signed(against.mean)} {interval}", probability(line.p)]
        told += [number(against.effect, 2), f"{against.better:.0%}", line.verdict or "-"]
        rows.append(told)
    return head, rows


def brief(line: Line) -> tuple[str, str, str, str]:
    """Give seconds, score, difference and verdict, short enough for a terminal."""
    mean = short(line.mean) + ("" if line.deviation is None else f" ± {short(line.deviation)}")
    seconds = number(line.seconds, 1)
    if (against := line.against) is None:
        return seconds, mean, "", ""
    interval = "" if against.low is None else f" ({short(against.low, '+')} to {short(against.high, '+')})"
    return seconds, mean, short(against.mean, "+") + interval, line.verdict or "-"


def short(value: float | None, sign: str = "") -> str:
    """Print a share with three digits and no zero before the point.

    >>> short(0.9312), short(-0.0042, "+"), short(1.0)
    ('.931', '-.004', '1.000')
    """
    return "-" if value is None else re.sub(r"^([+-]?)0\.", r"\1.", f"{value:{sign}.3f}")


def number_signed(value: float | None) -> str:
    """Print a difference with its sign, or a dash."""
    return "-" if value is None else f"{value:+.4f}"


def sentences(answer: Answer) -> list[str]:
    """Say what is enough, what it costs beside masks, and what more would bring."""
    found = []
    for enough in answer.enough:
        where = f"{', '.join(enough.along.values())}: " if enough.along else ""
        if enough.priced:
            found.append(where + _enough(enough, answer))
        else:
            found += [where + _one(line, enough, answer) for line in enough.lines]
        if enough.forecast is not None:
            found.append(where + _forecast(enough, answer))
    return found


def _label(line: Line, answer: Answer) -> str:
    return ", ".join(line.place[axis] for axis in answer.compare.to)


def _one(line: Line, enough: Enough, answer: Answer) -> str:
    metric, margin = NAMES[answer.compare.metric], answer.compare.margin
    assert line.against is not None
    verdicts = {
        "as good": f"as good as {_label(enough.reference, answer)} within {margin:g}",
        "worse": f"worse than {_label(enough.reference, answer)} by more than {margin:g}",
        "undecided": f"not shown to be within {margin:g} of {_label(enough.reference, answer)}, nor beyond",
    }
    told = verdicts[line.verdict or "undecided"]
    against = line.against
    interval = f"({number_signed(against.low)} to {number_signed(against.high)})"
    difference = f"difference {number_signed(against.mean)} {interval}"
    means = f"{metric} {number(line.mean, 4)} against {number(enough.reference.mean, 4)}"
    return f"{_label(line, answer)} is {told}: {means}, {difference}."


def _enough(enough: Enough, answer: Answer) -> str:
    metric, margin = NAMES[answer.compare.metric], answer.compare.margin
    reference = f"{_label(enough.reference, answer)} ({number(enough.reference.mean, 4)})"
    if (line := enough.smallest) is None or line.against is None:
        most = f"the most is not shown to be within {margin:g} {metric} of {reference}"
        return f"not reached within the grid: {most}."
    said = (
        f"{_label(line, answer)} is enough: {metric} {number(line.mean, 4)} against {reference}, difference "
        f"{number_signed(line.against.mean)}, at worst {number_signed(line.against.low)}, "
        f"inside the margin of {margin:g}"
    )
    ours, theirs = line.seconds, enough.reference.seconds
    if ours and theirs:
        said += f"; {ours:.1f} s of annotation per image in place of {theirs:.1f} s"
    return f"{said}."


def _forecast(enough: Enough, answer: Answer) -> str:
    forecast = enough.forecast
    assert forecast is not None
    law, metric = forecast.law, NAMES[answer.compare.metric]
    said = (
        f"forecast: {metric} = {law.limit:.3f} - {law.gap:.3f} n^-{law.exponent:.2f} for n clicks; with "
        f"{forecast.count:.0f}, {number(forecast.score, 4)} "
        f"({number(forecast.low, 4)} to {number(forecast.high, 4)})"
    )
    if enough.smallest is None:
        within = f"the margin of {_label(enough.reference, answer)}"
        # Within what was measured the verdicts speak; far beyond it a curve says nothing.
        needed = forecast.needed
        said += f"; no number would come within {within}" if needed is None else ""
        if needed is not None and forecast.count / 2 < needed <= FAR * forecast.count:
            said += f"; about {needed:.0f} would come within {within}"
    return f"{said}."
