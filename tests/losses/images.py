"""Small random batches with images, for the losses that look at colours."""

import torch
from hypothesis import strategies as st
from torch import Tensor

from pointillist.core.target import Target
from pointillist.losses import Loss

Seen = tuple[Tensor, Tensor]
"""Logits (N, K, H, W) and images (N, C, H, W), both in float64."""


HALVES = "00001111 " * 8
"""A map for `drawn`: class 0 on the left, class 1 on the right."""


@st.composite
def seen(draw: st.DrawFn, most: int = 6) -> Seen:
    n, k, c = draw(st.integers(1, 2)), draw(st.integers(1, 4)), draw(st.sampled_from([1, 3, 5]))
    h, w = draw(st.integers(1, most)), draw(st.integers(1, most))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    logits = 2 * torch.randn(n, k, h, w, generator=generator, dtype=torch.float64)
    return logits, torch.rand(n, c, h, w, generator=generator, dtype=torch.float64)


def price(loss: Loss, logits: Tensor, images: Tensor) -> Tensor:
    n, k, h, w = logits.shape
    return loss(logits, Target.unknown(n, k, h, w), images)


def pull(loss: Loss, logits: Tensor, images: Tensor) -> Tensor:
    logits = logits.detach().clone().requires_grad_()
    price(loss, logits, images).backward()
    assert logits.grad is not None
    return logits.grad


def sure(classes: Tensor, num_classes: int, by: float = 60.0) -> Tensor:
    """Logits that are sure of every pixel's class, as far as ``by`` goes."""
    return torch.nn.functional.one_hot(classes, num_classes).movedim(-1, 1).double() * by


def drawn(text: str) -> Tensor:
    """A map of digits, (1, H, W)."""
    return torch.tensor([[[int(c) for c in row] for row in text.split()]])
