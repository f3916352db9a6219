"""How losses get from pixels to one number: in float32 or better, over what is labelled, no waiting."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.distributed as dist
from jaxtyping import Bool, Float
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


def of_all(part: Tensor) -> Tensor:
    """Add a sum over this process's images up over all processes that share a batch.

    Its gradient is that of the part times their number: averaged over the processes, as is done before a
    step, the gradients of any function of such sums are then those of the whole batch.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return part
    whole = part.detach().clone()
    dist.all_reduce(whole)
    return whole + dist.get_world_size() * (part - part.detach())


def weighted_mean(costs: Float[Tensor, "n h w"], weights: Float[Tensor, "n h w"]) -> Scalar:
    """Divide by the sum of the weights; exactly 0, with zero gradient, where all of them are 0."""
    total = of_all(weights.sum())
    return of_all((costs * weights).sum()) / torch.where(total > 0, total, 1.0)


def known_mean(costs: Float[Tensor, "*d"], known: Bool[Tensor, "*d"]) -> Scalar:
    """Average the known costs; exactly 0, with zero gradient, where none is known."""
    return of_all(torch.where(known, costs, 0.0).sum()) / of_all(known.sum()).clamp(min=1)


def image_mean(value: Scalar, images: int) -> Scalar:
    """Turn a mean over this process's images into that over the images of all that share a batch."""
    return of_all(value * images) / of_all(torch.tensor(images, device=value.device)).clamp(min=1)
