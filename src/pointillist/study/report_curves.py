"""How runs learnt: training loss and held-out score by epoch, mean and range over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, product
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pointillist.study.execute import Results
from pointillist.study.figure import COLOURS, legend_above, plain, to_svg
from pointillist.study.scores import results_by_place
from pointillist.study.study import Study

HELD_OUT = "held_out/dice"
Curve = list[tuple[int, float]]


def training_curves(study: Study, results: Results) -> str | None:
    """Draw loss and held-out score by epoch as SVG, a line for each place; None: no run has two epochs."""
    by_place = results_by_place(study, results)
    panels = {
        "training loss": {p: [_losses(one["history"]) for one in own] for p, own in by_place.items()},
        "Dice by held-out annotations": {
            p: [_scores(one["history"]) for one in own] for p, own in by_place.items()
        },
    }
    shown = {title: curves for title, curves in panels.items() if any(map(_drawable, curves.values()))}
    if not shown:
        return None
    figure = Figure(figsize=(8.4, 4.4), layout="constrained")
    for axes, (title, curves) in zip(
        figure.subplots(1, len(shown), squeeze=False)[0], shown.items(), strict=True
    ):
        _panel(axes, title, curves)
    legend_above(figure, 3)
    return to_svg(figure)


def _losses(history: Sequence[Mapping[str, Any]]) -> Curve:
    """The sum of a run's losses, each as the log has it, without their weights."""
    told = [(one["epoch"], [v for key, v in one.items() if key.startswith("loss/")]) for one in history]
    return [(epoch, sum(values)) for epoch, values in told if values]


def _scores(history: Sequence[Mapping[str, Any]]) -> Curve:
    return [(one["epoch"], one[HELD_OUT]) for one in history if HELD_OUT in one]


def _drawable(curves: Sequence[Curve]) -> bool:
    # One epoch is a point, and no line.
    return any(len(curve) > 1 for curve in curves)


def _panel(axes: Axes, title: str, by_place: Mapping[tuple[str, ...], Sequence[Curve]]) -> None:
    looks = cycle(product(("-", "--", ":"), COLOURS))
    for (place, curves), (style, colour) in zip(by_place.items(), looks, strict=False):
        by_epoch: dict[int, list[float]] = {}
        for epoch, value in (point for curve in curves for point in curve):
            by_epoch.setdefault(epoch, []).append(value)
        epochs = sorted(by_epoch)
        means = [sum(by_epoch[e]) / len(by_epoch[e]) for e in epochs]
        axes.plot(epochs, means, style, color=colour, linewidth=1.2, label=plain(", ".join(place)))
        low, high = ([end(by_epoch[e]) for e in epochs] for end in (min, max))
        axes.fill_between(epochs, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.set_xlabel("epoch")
    axes.set_ylabel(title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
