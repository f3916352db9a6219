"""What is taken for what, at every place where the line between background and foreground may be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64, Shaped

OFFSETS = np.arange(-4, 4.01, 0.25)
"""What may be added to the background's logit, in steps of which a few clicks can't tell neighbours apart."""

Counts = Float[np.ndarray, "o k"]


def line_of(logs: Float[np.ndarray, "k ..."]) -> tuple[Float[np.ndarray, ...], Int64[np.ndarray, ...]]:
    """Give the foreground's log odds, up to which the background may be offset, and its likeliest class."""
    return logs[1:].max(0) - logs[0], logs[1:].argmax(0) + 1


def two_sided(taken: Float[np.ndarray, "o k k"]) -> bool:
    """Whether labelled pixels show background and foreground."""
    counts = taken[0].sum(1)
    return bool(counts[0] and counts[1:].any())


def beyond(
    odds: Float[np.ndarray, " n"],
    likeliest: Int64[np.ndarray, " n"],
    weights: Shaped[np.ndarray, " n"],
    k: int,
) -> Counts:
    """Sum, for every offset, the weights of the pixels that are taken for each foreground class."""
    above = np.searchsorted(OFFSETS, odds)  # So many offsets are exceeded: foreground at all of these.
    steps = len(OFFSETS) + 1
    counts = np.bincount(likeliest * steps + above, weights=weights, minlength=k * steps).reshape(k, steps)
    sums: Counts = (counts.sum(1, keepdims=True) - np.cumsum(counts, 1)[:, :-1]).T
    return sums


def taken_for(
    odds: Float[np.ndarray, " n"], likeliest: Int64[np.ndarray, " n"], true: Int64[np.ndarray, " n"], k: int
) -> Float[np.ndarray, "o k k"]:
    """Count, for every offset, how many pixels of each class are taken for which."""
    taken = np.stack([beyond(odds, likeliest, true == label, k) for label in range(k)], 1)
    taken[:, :, 0] = np.bincount(true, minlength=k) - taken.sum(2)
    return taken


def crossing(odds: Float[np.ndarray, "r c"], wanted: Bool[np.ndarray, " r"]) -> Float[np.ndarray, " r"]:
    """Give the odds up to which each row meets the object: with a tenth of what rows in boxes usually show.

    A single pixel would not do: the outermost of many uncertain pixels lies too far out, and so would the
    line that is drawn by it.
    """
    chords = (odds[wanted] > 0).sum(1)
    usual = float(np.median(chords[chords > 0])) if chords.any() else 1.0
    least = max(1, round(usual / 10))
    met: np.ndarray = np.partition(odds, -least, axis=1)[:, -least]
    return met


class Areas(NamedTuple):
    """Twice the overlap of prediction and truth, and the sum of their areas, at every offset."""

    overlap: Counts
    total: Counts
    shown: Bool[np.ndarray, " k"]


def areas_of(taken: Float[np.ndarray, "o k k"]) -> Areas:
    """Count labelled pixels as they are."""
    overlap: Counts = 2 * np.diagonal(taken, axis1=1, axis2=2)
    return Areas(overlap, taken.sum(1) + taken.sum(2), taken[0].sum(1) > 0)


def each_the_same(found: Sequence[Areas]) -> Areas:
    """Add up images, each with areas of 1 in all where it shows the class: large objects count no more."""
    overlap, total = np.stack([areas.overlap for areas in found]), np.stack([areas.total for areas in found])
    shown: Bool[np.ndarray, "n k"] = np.stack([areas.shown for areas in found])
    usual = (total * shown[:, None]).sum(0) / np.maximum(shown.sum(0), 1)
    whole = np.maximum(np.where(shown[:, None], total, usual), 1e-9)
    return Areas((overlap / whole).sum(0), (total / whole).sum(0), np.logical_or.reduce(shown))
