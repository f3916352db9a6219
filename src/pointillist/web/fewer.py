"""Which labelled pixels the classifier learns from, where there are too many to learn after each click."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pointillist.propagate.feature_forest import Rows

MOST = 5000
"""Pixels from which 40 trees learn in a tenth of a second on two cores."""


def fewer(rows: Sequence[Rows], most: int = MOST) -> list[Rows]:
    """Take as many pixels of each class from every image, as far as it has them, until there are enough.

    More images tell more than more pixels of each. Of the first image all are taken, and of each at least one
    of every class.

    Args:
        rows: of each image its labelled pixels' features, and their labels, class by class.
        most: pixels in all, about.

    Returns:
        Of each image those that were taken, spread over all that it has.
    """
    if sum(len(labels) for _, labels in rows) <= most:
        return list(rows)
    first, *others = rows
    left = most - len(first[1])
    counts = np.concatenate([np.unique(labels, return_counts=True)[1] for _, labels in others])
    quota = next((q for q in range(int(counts.max()), 1, -1) if np.minimum(counts, q).sum() <= left), 1)
    return [first, *(_spread(one, quota) for one in others)]


def _spread(rows: Rows, quota: int) -> Rows:
    found, labels = rows
    taken = [
        mine if len(mine) <= quota else mine[((np.arange(quota) + 0.5) * len(mine) / quota).astype(int)]
        for mine in (np.flatnonzero(labels == label) for label in np.unique(labels))
    ]
    chosen = np.concatenate(taken) if taken else np.arange(0)
    return found[chosen], labels[chosen]
