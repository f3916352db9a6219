"""What the CRF losses share: the cost of pairs of pixels with other classes, and smaller images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from pointillist.core.shapes import Logits, Scalar


def disagreement(probs: Logits, gather: Callable[[Tensor], Tensor]) -> Scalar:
    """Sum k_ij (1 - p_i . p_j) over ordered pairs of pixels, whatever keeps the kernel k.

    As classes sum to 1, 1 - p_i . p_j = sum over c of p_ic (1 - p_jc). With the message m_ic = sum over j of
    k_ij (1 - p_jc) the value is sum p m, of terms that are never negative, and, k being symmetric, the
    gradient is 2 m, up to a part that is equal for all classes, which the softmax discards.

    Args:
        probs: summing to 1 over the classes.
        gather: maps values v (N, K, H, W) to the sum over j of k_ij v_j; k is symmetric and constant.
    """
    value: Tensor = _Disagreement.apply(probs, gather)  # type: ignore[no-untyped-call]
    return value


class _Disagreement(torch.autograd.Function):
    """The sum and its gradient from one message."""

    @staticmethod
    def forward(ctx: Any, probs: Tensor, gather: Callable[[Tensor], Tensor]) -> Tensor:
        with torch.autocast(probs.device.type, enabled=False):
            message = gather(1 - probs)
        ctx.save_for_backward(message)
        return torch.sum(probs * message)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        (message,) = ctx.saved_tensors
        return message * (2 * slopes[0]), None


def shrunk(maps: Float[Tensor, "n c h w"], factor: int) -> Float[Tensor, "n c rows cols"]:
    """Average over factor x factor pixels.

    Where a side is no multiple of the factor the windows' edges cut through pixels, which then count by their
    parts: so all pixels count alike, and mirror images give mirror images.
    """
    if factor == 1:
        return maps
    with torch.autocast(maps.device.type, enabled=False):
        return _shares(maps.shape[2], factor, maps) @ maps @ _shares(maps.shape[3], factor, maps).T


def _shares(side: int, factor: int, like: Tensor) -> Tensor:
    """Give the share that each pixel of a side has in each window.

    Counted in whole parts, of which a pixel has as many as there are windows and a window as many as there
    are pixels: exact on every device, also where there is no float64.
    """
    windows = math.ceil(side / factor)
    first = torch.arange(windows, device=like.device)[:, None] * side
    pixel = torch.arange(side, device=like.device) * windows
    overlap = torch.minimum(first + side, pixel + windows) - torch.maximum(first, pixel)
    return overlap.clamp(min=0).to(like.dtype) / side
