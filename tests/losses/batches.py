"""Small random batches, and losses by brute force."""

import math

import torch
from hypothesis import strategies as st
from torch import Tensor

from pointillist.core.shapes import IGNORE
from pointillist.core.target import Target
from pointillist.losses import Loss

Batch = tuple[Tensor, Tensor]
"""Logits (N, K, H, W) in float64 and labels (N, H, W)."""


@st.composite
def batches(
    draw: st.DrawFn,
    shares: st.SearchStrategy[float] = st.sampled_from([0.0, 0.05, 0.4, 0.9]),  # noqa: B008
    most: int = 3,
) -> Batch:
    n, k = draw(st.integers(1, most)), draw(st.integers(2, 4))
    h, w = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    logits = 3 * torch.randn(n, k, h, w, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, k, (n, h, w), generator=generator)
    labels[torch.rand(n, h, w, generator=generator) < draw(shares)] = IGNORE
    return logits, labels


FULL = st.just(0.0)


def cost(loss: Loss, logits: Tensor, labels: Tensor) -> Tensor:
    n, k, h, w = logits.shape
    return loss(logits, Target.from_labels(labels, k), torch.zeros(n, 3, h, w))


def gradient(loss: Loss, logits: Tensor, labels: Tensor) -> Tensor:
    logits = logits.detach().clone().requires_grad_()
    cost(loss, logits, labels).backward()
    assert logits.grad is not None
    return logits.grad


def labelled_probs(logits: Tensor, labels: Tensor) -> list[tuple[int, list[float]]]:
    """The class and the probabilities of every labelled pixel, one by one."""
    pixels = []
    for n, row, col in (labels != IGNORE).nonzero().tolist():
        exps = [math.exp(float(z)) for z in logits[n, :, row, col]]
        pixels.append((int(labels[n, row, col]), [e / sum(exps) for e in exps]))
    return pixels
