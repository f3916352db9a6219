"""How losses get from pixels to one number: in float32 or better, over what is labelled, no waiting."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE, Labels, Logits, Scalar

ClassWeights = Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)]


def precise(logits: Logits) -> Logits:
    """Give float32 (float64 stays): exp and sums in half precision lose what the loss is made of."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def weigh(
    labels: Labels, weights: tuple[float, ...] | None, num_classes: int, dtype: torch.dtype
) -> Float[Tensor, "n h w"]:
    """Give each pixel its class's weight, 0 where unlabelled.

    Raises:
        InputError: the number of weights is not the number of classes.
    """
    if weights is None:
        return (labels != IGNORE).to(dtype)
    if len(weights) != num_classes:
        must = f"class_weights must hold one weight for each of the {num_classes} classes"
        raise InputError(must, f"{len(weights)}", "List them in the order of the classes, background first.")
    table = torch.zeros(IGNORE + 1, dtype=dtype, device=labels.device)
    for label, weight in enumerate(weights):
        table[label] = weight  # A fill, where copying a list of numbers would make the GPU wait.
    return table[labels]


def weighted_mean(costs: Float[Tensor, "n h w"], weights: Float[Tensor, "n h w"]) -> Scalar:
    """Divide by the sum of the weights; exactly 0, with zero gradient, where all of them are 0."""
    total = weights.sum()
    return (costs * weights).sum() / torch.where(total > 0, total, 1.0)
