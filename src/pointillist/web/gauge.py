"""How often what is shown is right about marks that it has not seen, and whether more marks are worth it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal, get_args

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
FEWEST_SURE = 12
"""Annotated images below which more are never said to be hardly worth it."""
LITTLE = 0.01
"""Twice the images are not worth it when they surely add no more than this."""
RESAMPLES = 1000

Source = Literal["forest", "network", "both"]
SOURCES: tuple[Source, ...] = get_args(Source)
WHO: dict[Source, str] = {"forest": "the classifier", "network": "the network"}
WHO["both"] = "classifier and network"
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
        of: whose agreement that is: of what is best shown, or of the classifier alone where too few images
            have marks that the network has not learnt from.
        agreement: the share of pixels that it tells right, of those that it has not learnt from, the mean
            over the classes of an image, then over images; None: too few images.
        low: end of its 95 % interval over images.
        high: the other end.
        curve: marks that the classifier learnt from, and the agreement then; empty: of a network alone.
        sources: of each source, the agreement on marks that neither has seen; empty: there is no network,
            or no such mark.
        source: what is best shown.
        verdict: whether more marks are worth it, and to whom, in a sentence.
    """

    images: int
    marks: int
    of: Source
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
    if unknown := _untold(shown):
        source: Source = "both" if networked else "forest"
        return Gauge(len(shown), marks, source, None, None, None, (), {}, source, unknown)
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
    sources = _sources(told[-1], shown) if networked else {}
    source = _best(sources, shown) if networked else "forest"
    of: Source = source if len(_new(shown)) >= FEWEST else "forest"
    right = [_right(of, answers, shown) for answers in told]
    low, high = _interval_of_shares(right[-1])
    curve = tuple(zip(learnt, (float(one.mean()) for one in right), strict=True))
    return Gauge(
        images=len(shown),
        marks=marks,
        of=of,
        agreement=float(right[-1].mean()),
        low=low,
        high=high,
        curve=() if of == "network" else curve,
        sources=sources,
        source=source,
        verdict=_verdict(of, right),
    )


def _untold(shown: Sequence[Labelled]) -> str:
    """Say why nothing can be told yet; empty: it can."""
    if shown and len(np.unique(np.concatenate([one.rows[1] for one in shown]))) < 2:
        return "All marks are on one class. Mark another one, too: background by a right click."
    if len(shown) < FEWEST:
        return f"How good this is can be told from {FEWEST} annotated images on; there are {len(shown)}."
    return ""


def _answer(trained: Any, features: Float[np.ndarray, "n f"], classes: int) -> Probs | None:
    if trained is None:
        return None
    probs = np.zeros((len(features), classes), np.float32)
    probs[:, trained.classes_] = trained.predict_proba(features)
    return probs


def _new(shown: Sequence[Labelled]) -> list[Labelled]:
    """Give the images with marks that the network has not learnt from."""
    return [one for one in shown if one.network is not None and one.fresh.any()]


def _right(
    of: Source, answers: Sequence[Probs | None], shown: Sequence[Labelled], new: bool | None = None
) -> Float[np.ndarray, " i"]:
    """Give each image's share of right pixels, the mean over its classes; with no answer none is right.

    Args:
        of: whose.
        answers: of the classifier.
        shown: the images.
        new: count only what is new to the network; by default where it has a part in it.
    """
    new, found = of != "forest" if new is None else new, []
    for told, one in zip(answers, shown, strict=True):
        counted = one.fresh if new else np.ones(len(one.fresh), bool)
        if new and (one.network is None or not one.fresh.any()):
            continue
        said = _mixed(of, told, one.network)
        found.append(0.0 if said is None else _mean_right(said[counted], one.rows[1][counted]))
    return np.array(found)


def _mixed(of: Source, forest: Probs | None, network: Probs | None) -> Probs | None:
    if of == "forest" or network is None:
        return forest
    return network if of == "network" or forest is None else (forest + network) / 2


def _mean_right(told: Probs, labels: UInt8[np.ndarray, " n"]) -> float:
    right = told.argmax(1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def _sources(forest: Sequence[Probs | None], shown: Sequence[Labelled]) -> dict[str, float]:
    """Compare the sources on the same pixels, which neither has learnt from."""
    if not _new(shown):
        return {}
    return {of: float(_right(of, forest, shown, new=True).mean()) for of in SOURCES}


def _best(sources: Mapping[str, float], shown: Sequence[Labelled]) -> Source:
    """Prefer the mean of both, which follows clicks and knows shapes, unless one alone is better."""
    if len(_new(shown)) < FEWEST_FRESH or sources["both"] >= max(sources.values()):
        return "both"
    return "network" if sources["network"] >= sources["forest"] else "forest"


def _interval_of_shares(shares: Float[np.ndarray, " i"]) -> tuple[float, float]:
    """Give the interval of a mean of shares; where all are 1 (or 0), what so few images leave open.

    Drawing again from images that are all alike gives no width at all. Exact for a share of so many images
    (C. Clopper and E. Pearson, Biometrika 1934): 7 of 7 right may be 59 % of all.
    """
    low, high = _interval(shares)
    open_share = 0.025 ** (1 / len(shares))
    if (shares == 1).all():
        return open_share, 1.0
    return (0.0, 1 - open_share) if (shares == 0).all() else (low, high)


def _interval(values: Float[np.ndarray, " i"]) -> tuple[float, float]:
    counts = resample_counts([str(number) for number in range(len(values))], RESAMPLES, 0)
    found = interval((counts @ values) / len(values))
    assert found is not None
    return found


def _verdict(of: Source, right: Sequence[Float[np.ndarray, " i"]]) -> str:
    """Say what the last doubling of the annotated images brought to whom, and whether another is worth it."""
    if of == "network":
        return "What more marks bring the network shows once it is trained on them: train again."
    gains = right[-1] - right[-2]
    low, high = _interval(gains)
    change = f"{100 * gains.mean():+.1f} points (95 %: {100 * low:+.1f} to {100 * high:+.1f})"
    told = f"twice the images changed the agreement of {WHO[of]} by {change}"
    if low > 0:
        return f"More marks are worth it: {told}."
    if high < LITTLE and len(gains) >= FEWEST_SURE:
        return f"More marks of this kind are hardly worth it: {told}."
    return f"Whether more marks are worth it can't be told yet: {told}."
