"""The curve of a score against what was annotated."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pointillist.study.answer import Answer, Enough, Line
from pointillist.study.words import NAMES

# Okabe and Ito's palette, which stays apart for colour-blind eyes.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def budget_curve(answer: Answer) -> str:
    """Draw score against clicks (or seconds of annotation), with seeds, reference and margin, as SVG.

    Lines of places without a number on the axis are left out; nothing to draw gives an empty axis.
    """
    clicked = all(line.labelled for enough in answer.enough for line in enough.lines)
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.add_subplot()
    for number, enough in enumerate(answer.enough):
        _draw(axes, enough, COLOURS[number % len(COLOURS)], clicked)
    references = {e.reference.place[axis] for e in answer.enough for axis in answer.compare.to}
    for level in {round(e.reference.mean, 6) for e in answer.enough}:
        axes.axhline(level, color="#555555", linewidth=1, label=plain(", ".join(sorted(references))))
        axes.axhspan(level - answer.compare.margin, level, color="#999999", alpha=0.25, linewidth=0)
    axes.set_xscale("log")
    # The places themselves are the ticks: the decades of a logarithm say little between 2 and 40.
    places = sorted({round(x, 1) for e in answer.enough for line in e.lines if (x := _x(line, clicked))})
    axes.set_xticks(places, [f"{x:g}" for x in places])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("clicks per image" if clicked else "seconds of annotation per image")
    axes.set_ylabel(f"{NAMES[answer.compare.metric]} on {answer.split} images")
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", frameon=False)
    return to_svg(figure)


def _draw(axes: Axes, enough: Enough, colour: str, clicked: bool) -> None:
    places = [(_x(line, clicked), line) for line in enough.lines]
    known = [(x, line) for x, line in places if x]
    x = np.array([x for x, _ in known])
    label = plain(", ".join(enough.along.values())) or "clicks"
    axes.plot(x, [line.mean for _, line in known], "-o", color=colour, label=label, markersize=4)
    for place, line in known:
        axes.plot([place] * len(line.scores), line.scores, "_", color=colour, alpha=0.6)
    if enough.forecast is not None and clicked:
        ahead = np.geomspace(x.min(), enough.forecast.count, 100)
        fitted = [enough.forecast.law.at(float(count)) for count in ahead]
        axes.plot(ahead, fitted, ":", color=colour, linewidth=1)


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
    with matplotlib.rc_context({"svg.hashsalt": "pointillist", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
