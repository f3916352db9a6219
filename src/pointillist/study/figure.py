"""The curve of a score against what was annotated."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pointillist.study.answer import Answer, Enough
from pointillist.study.line import Line
from pointillist.study.words import NAMES

# Okabe and Ito's palette, which stays apart for colour-blind eyes.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
ASIDE = 1.04
"""By what factor lines stand beside each other, or their bars would hide one another."""
LETTERS, KEY = 14.5, 8
"""Letters of a legend that an inch has room for; what the sample of a line takes beside them."""
LINE_INCHES, LEGEND_INCHES = 0.16, 0.8
"""A legend's line; how much of a figure it may take before that grows."""
CAPTION = (
    "Mean over images: dots are means over seeds, dashes single seeds. A bar is the 95 % interval of the "
    "difference from the reference, over images and seeds, drawn from the reference's mean: wholly above the "
    "dashed line, it is as good. Dotted, where there is a forecast: the power law, shaded its interval."
)


def budget_curve(answer: Answer) -> str:
    """Draw score against clicks (or seconds of annotation), with intervals, reference and margin, as SVG.

    A point's bar is the interval of its difference from the reference, laid at the reference's mean: what
    lies above the margin's line with its whole bar is as good, as the table says. Lines of places without a
    number on the axis are left out; nothing to draw gives an empty axis.
    """
    clicked = all(line.labelled for enough in answer.enough for line in enough.lines)
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    for number, enough in enumerate(answer.enough):
        aside = ASIDE ** (number - (len(answer.enough) - 1) / 2)
        _draw(axes, enough, COLOURS[number % len(COLOURS)], clicked, aside)
    _reference(axes, answer)
    # The places themselves are the ticks: the decades of a logarithm say little between 2 and 40.
    places = sorted({round(x, 1) for e in answer.enough for line in e.lines if (x := _x(line, clicked))})
    axes.set_xticks(places, [f"{x:g}" for x in places])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("clicks per image" if clicked else "seconds of annotation per image")
    axes.set_ylabel(f"{NAMES[answer.compare.metric]} on {answer.split} images")
    axes.grid(alpha=0.25)
    legend_above(figure, 2)
    return to_svg(figure)


def legend_above(figure: Figure, columns: int) -> None:
    """Say above the first axes, where nothing is drawn, what its lines are; the figure grows with that.

    Args:
        figure: whose layout is constrained.
        columns: of labels at most; fewer where these are long, and longer ones go on in another line.
    """
    lines, labels = figure.axes[0].get_legend_handles_labels()
    room = figure.get_figwidth() * LETTERS
    longest = max(map(len, labels), default=0)
    columns = next((n for n in range(columns, 1, -1) if longest <= room / n - KEY), 1)
    folded = [textwrap.wrap(label.replace(r"\$", "$"), int(room - KEY)) or [label] for label in labels]
    shown = ["\n".join(parts).replace("$", r"\$") for parts in folded]
    figure.legend(lines, shown, loc="outside upper left", ncols=columns, frameon=False, fontsize=8)
    height = sum(map(len, folded)) / columns * LINE_INCHES
    figure.set_figheight(figure.get_figheight() + max(0.0, height - LEGEND_INCHES))


def _reference(axes: Axes, answer: Answer) -> None:
    name = plain(", ".join(answer.compare.to.values()))
    labels = iter((name, f"{name} less the margin of {answer.compare.margin:g}"))
    levels = {round(enough.reference.mean, 6) for enough in answer.enough}
    for level in sorted(level for level in levels if not math.isnan(level)):
        axes.axhline(level, color="#555555", linewidth=1, label=next(labels, None))
        edge = level - answer.compare.margin
        axes.axhline(edge, color="#555555", linewidth=1, linestyle="--", label=next(labels, None))
        axes.axhspan(edge, level, color="#999999", alpha=0.2, linewidth=0)


def _draw(axes: Axes, enough: Enough, colour: str, clicked: bool, aside: float) -> None:
    known = [(x * aside, line) for line in enough.lines if (x := _x(line, clicked))]
    label = plain(", ".join(enough.along.values())) or "mean over seeds"
    axes.plot(*_means(known), "-o", color=colour, label=label, markersize=4)
    for number, (place, line) in enumerate(known):
        axes.plot([place] * len(line.scores), line.scores, "_", color=colour, alpha=0.6)
        if line.against is not None and line.against.low is not None:
            ends = [enough.reference.mean + end for end in (line.against.low, line.against.high or 0.0)]
            axes.plot(
                [place] * 2, ends, "-", color=colour, linewidth=2, alpha=0.5, gid=f"interval{colour}-{number}"
            )
    if (forecast := enough.forecast) is not None and forecast.told and clicked:
        ahead = np.geomspace(min(line.labelled or 1.0 for _, line in known), forecast.count, 100)
        fitted = [forecast.law.at(float(count)) for count in ahead]
        axes.plot(ahead, fitted, ":", color=colour, linewidth=1)
        count, low, high = zip(*forecast.band, strict=True)
        axes.fill_between(count, low, high, color=colour, alpha=0.12, linewidth=0, gid=f"forecast{colour}")


def _means(known: Sequence[tuple[float, Line]]) -> tuple[list[float], list[float]]:
    return [place for place, _ in known], [line.mean for _, line in known]


def _x(line: Line, clicked: bool) -> float | None:
    return line.labelled if clicked else line.seconds


def plain(label: str) -> str:
    r"""Give a label as matplotlib must see it to show it as it is: no formulas, none left out.

    >>> plain("_5 $")
    ' _5 \\$'
    """
    return f"{' ' if label.startswith('_') else ''}{label}".replace("$", r"\$")


def to_svg(figure: Figure) -> str:
    """Write a figure as SVG: the same figure gives the same text."""
    buffer = io.StringIO()
    with (
        matplotlib.rc_context({"svg.hashsalt": "pointillist", "svg.fonttype": "none"}),
        warnings.catch_warnings(),
    ):
        # Text stays text, and whoever shows it has the fonts: what ours lacks only makes widths a guess.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
