"""How often what is shown is right about marks that it has not seen, and whether more marks are worth it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, UInt8

from pointillist.metrics.bootstrap import interval, resample_counts
from pointillist.propagate.feature_forest import Rows

FOLDS = 5
SHARES = (0.25, 0.5, 1.0)
"""Of the annotated images that the classifier learns from: each twice as many as before."""
FEWEST = 6
"""Annotated images below which nothing is said."""
FEWEST_FRESH = 8
"""Images with marks that a network has not learnt from, below which no source is preferred to the mean."""
LITTLE = 0.01
"""Twice the images are not worth it when they surely add no more than this."""
RESAMPLES = 1000

Source = Literal["forest", "network", "both"]
Probs = Float[np.ndarray, "n k"]
Learn = Callable[[Sequence[Rows]], Any]


@dataclass(frozen=True, eq=False)
class Labelled:
    """The labelled pixels of one image.

    Args:
        rows: their features and labels.
        marks: how many marks they come from.
        network: what a network says of them; None: there is none.
        fresh: which of them the network has not learnt from.
    """

    rows: Rows
    marks: int
    network: Probs | None
    fresh: Bool[np.ndarray, " n"]


@dataclass(frozen=True)
class Gauge:
    """What held-out marks say.

    Args:
        images: with marks on at least one class.
        marks: on them.
        agreement: the share of held-out pixels that the classifier tells right, the mean over the classes of
            an image, then over images; None: too few images.
        low: end of its 95 % interval over images.
        high: the other end.
        curve: marks learnt from, and the agreement then.
        sources: of each source, the agreement on marks that neither has seen; empty: there is no network,
            or no such mark.
        source: what is best shown.
        verdict: whether more marks are worth it, in a sentence.
    """

    images: int
    marks: int
    agreement: float | None
    low: float | None
    high: float | None
    curve: tuple[tuple[int, float], ...]
    sources: Mapping[str, float]
    source: Source
    verdict: str


def gauge(
    labelled: Sequence[Labelled], learn: Learn, classes: int, going: Callable[[], bool]
) -> Gauge | None:
    """Judge by marks that were held out: images are left out in turn, learnt from the others.

    Args:
        labelled: of each annotated image, in the order in which they were worked on.
        learn: trains the classifier; None: fewer than two classes.
        classes: K.
        going: asked between trainings; when it says no, the gauge is left for later.

    Returns:
        The gauge; None: it was left.
    """
    shown = [one for one in labelled if len(one.rows[1])]
    marks = sum(one.marks for one in shown)
    networked = any(one.network is not None for one in shown)
    if len(shown) < FEWEST:
        verdict = f"How good this is can be told from {FEWEST} annotated images on; there are {len(shown)}."
        source: Source = "both" if networked else "forest"
        return Gauge(len(shown), marks, None, None, None, (), {}, source, verdict)
    told: list[list[Probs | None]] = []
    learnt: list[int] = []
    for share in SHARES:
        answers: list[Probs | None] = [None] * len(shown)
        counts = []
        for fold in range(FOLDS):
            if not going():
                return None
            others = [one for number, one in enumerate(shown) if number % FOLDS != fold]
            others = others[: max(1, ceil(share * len(others)))]
            counts.append(sum(one.marks for one in others))
            trained = learn([one.rows for one in others])
            for number in range(fold, len(shown), FOLDS):
                answers[number] = _answer(trained, shown[number].rows[0], classes)
        told.append(answers)
        learnt.append(round(float(np.mean(counts))))
    right = [_right(answers, shown) for answers in told]
    low, high = _interval(right[-1])
    sources = _sources(told[-1], shown) if networked else {}
    return Gauge(
        images=len(shown),
        marks=marks,
        agreement=float(right[-1].mean()),
        low=low,
        high=high,
        curve=tuple(zip(learnt, (float(one.mean()) for one in right), strict=True)),
        sources=sources,
        source=_best(sources, shown) if networked else "forest",
        verdict=_verdict(right),
    )


def _answer(trained: Any, features: Float[np.ndarray, "n f"], classes: int) -> Probs | None:
    if trained is None:
        return None
    probs = np.zeros((len(features), classes), np.float32)
    probs[:, trained.classes_] = trained.predict_proba(features)
    return probs


def _right(answers: Sequence[Probs | None], shown: Sequence[Labelled]) -> Float[np.ndarray, " i"]:
    """Give each image's share of right pixels, the mean over its classes; with no answer none is right."""
    return np.array(
        [
            0.0 if told is None else _mean_right(told, one.rows[1])
            for told, one in zip(answers, shown, strict=True)
        ]
    )


def _mean_right(told: Probs, labels: UInt8[np.ndarray, " n"]) -> float:
    right = told.argmax(1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def _sources(forest: Sequence[Probs | None], shown: Sequence[Labelled]) -> dict[str, float]:
    """Compare the sources on the same pixels, which neither has learnt from."""
    found: dict[str, list[float]] = {"forest": [], "network": [], "both": []}
    for told, one in zip(forest, shown, strict=True):
        if told is None or one.network is None or not one.fresh.any():
            continue
        labels = one.rows[1][one.fresh]
        each = {"forest": told, "network": one.network, "both": (told + one.network) / 2}
        for name, probs in each.items():
            found[name].append(_mean_right(probs[one.fresh], labels))
    return {name: float(np.mean(values)) for name, values in found.items() if values}


def _best(sources: Mapping[str, float], shown: Sequence[Labelled]) -> Source:
    """Prefer the mean of both, which follows clicks and knows shapes, unless one alone is better."""
    fresh = sum(one.network is not None and bool(one.fresh.any()) for one in shown)
    if fresh < FEWEST_FRESH or sources["both"] >= max(sources.values()):
        return "both"
    return "network" if sources["network"] >= sources["forest"] else "forest"


def _interval(values: Float[np.ndarray, " i"]) -> tuple[float, float]:
    counts = resample_counts([str(number) for number in range(len(values))], RESAMPLES, 0)
    found = interval((counts @ values) / len(values))
    assert found is not None
    return found


def _verdict(right: Sequence[Float[np.ndarray, " i"]]) -> str:
    """Say what the last doubling of the annotated images brought, and whether another is worth it."""
    gains = right[-1] - right[-2]
    low, high = _interval(gains)
    numbers = f"{gains.mean():+.1%} (95%: {low:+.1%} to {high:+.1%})".replace("%", " %")
    told = f"twice the images changed it by {numbers}"
    if low > 0:
        return f"More marks are worth it: {told}."
    if high < LITTLE:
        return f"More marks of this kind are hardly worth it: {told}."
    return f"Whether more marks are worth it can't be told yet: {told}."
