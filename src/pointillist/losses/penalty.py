"""What leaving a range costs: a quadratic penalty, a log-barrier, and the range itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Literal

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from pointillist.core.config import Config


class Penalty(Config, ABC):
    """A cost for breaking the constraint ``excess <= 0``, entry by entry."""

    @abstractmethod
    def __call__(self, excess: Float[Tensor, "*d"]) -> Float[Tensor, "*d"]:
        """Compute the costs.

        Args:
            excess: by how much each constraint is broken, in shares of a whole; negative: the slack, without
                end (-inf) where a bound is unknown: the cost and its slope must be 0 there.
        """


class Quadratic(Penalty):
    """The square of the excess; nothing where the constraint holds.

        max(z, 0)^2

    >>> Quadratic()(torch.tensor([-0.5, 0.0, 0.5])).tolist()
    [0.0, 0.0, 0.25]

    Source: H. Kervadec et al., Constrained-CNN losses for weakly supervised segmentation, Medical Image
    Analysis 2019, its penalty C(V).
    """

    kind: Literal["quadratic"] = "quadratic"

    def __call__(self, excess: Float[Tensor, "*d"]) -> Float[Tensor, "*d"]:
        """Compute the costs."""
        return excess.clamp(min=0).square()


class LogBarrier(Penalty):
    """A barrier that pushes away from the bound before it is reached, and on linearly beyond it.

        -log(-z) / t  if z <= -1/t^2,  else  t z - log(1/t^2) / t + 1/t

    where t is the sharpness. Not 0 at the bound but (1 + 2 log t) / t: a prediction that just keeps the
    constraint still costs, and is still pushed. A slack of a whole (z <= -1) costs nothing.

    Args:
        sharpness: t; the larger, the nearer to a wall. The papers raise it from 5 while training.

    >>> [round(v, 3) for v in LogBarrier(sharpness=5)(torch.tensor([-1.0, -0.5, 0.0, 0.5])).tolist()]
    [0.0, 0.139, 0.844, 3.344]

    Source: H. Kervadec et al., Constrained deep networks: Lagrangian optimization via log-barrier extensions,
    2019, the extension psi_t. Ours ends at z = -1, where that one turns negative without end.
    """

    kind: Literal["log-barrier"] = "log-barrier"

    sharpness: float = Field(default=5.0, ge=1)

    def __call__(self, excess: Float[Tensor, "*d"]) -> Float[Tensor, "*d"]:
        """Compute the costs."""
        knee = -1 / self.sharpness**2
        barrier = -torch.log(-excess.clamp(min=-1, max=knee)) / self.sharpness
        return barrier + self.sharpness * (excess - knee).clamp(min=0)


AnyPenalty = Annotated[Quadratic | LogBarrier, Field(discriminator="kind")]


def off_range(
    penalty: Penalty,
    value: Float[Tensor, "*d"],
    low: Float[Tensor, "*d"],
    high: Float[Tensor, "*d"],
    most: float,
) -> tuple[Float[Tensor, "*d"], Bool[Tensor, "*d"]]:
    """Penalise values, which lie in 0..most anyhow, off low..high; say where a bound was known.

    A bound that no value can break is no knowledge: else a barrier would push away from it.
    """
    needed, limited = low > 0, high < most
    below = torch.where(needed, penalty(low - value), 0.0)
    above = torch.where(limited, penalty(value - high), 0.0)
    return below + above, needed | limited


def root(areas: Float[Tensor, "*d"]) -> Float[Tensor, "*d"]:
    """Take the square root, whose slope stays finite at 0."""
    return areas.clamp(min=torch.finfo(areas.dtype).tiny).sqrt()
