"""A term of a run: a loss, its weight and its schedule."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pointillist.core.config import Config
from pointillist.losses import AnyLoss

Share = Annotated[float, Field(ge=0, le=1)]


class Term(Config):
    """weight x loss, from a share of the training on, rising linearly over another.

    Args:
        loss: what is computed.
        weight: its factor at full height.
        start: share of the training before which the term counts nothing.
        ramp: share of the training over which the factor then rises to its height.

    >>> from pointillist.losses import CrossEntropy
    >>> term = Term(loss=CrossEntropy(), weight=0.5, start=0.2, ramp=0.4)
    >>> [round(term.weight_at(progress), 3) for progress in (0.1, 0.4, 0.9)]
    [0.0, 0.25, 0.5]
    """

    loss: AnyLoss
    weight: Annotated[float, Field(ge=0)] = 1.0
    start: Share = 0.0
    ramp: Share = 0.0

    def weight_at(self, progress: float) -> float:
        """Give the factor when a share `progress` of the training is done."""
        if progress < self.start:
            return 0.0
        return self.weight * ramped(progress - self.start, self.ramp)


def ramped(progress: float, ramp: float) -> float:
    """Rise from 0 to 1 while progress goes from 0 to the ramp; without one, be there at once."""
    return min(1.0, progress / ramp) if ramp else 1.0
