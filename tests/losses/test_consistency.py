"""The consistency loss: against brute force, its range, and where the gradient flows."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pointillist.core.target import Target
from pointillist.losses import Consistency
from tests.losses.batches import FULL, Batch, batches, sure


def soft_target(soft: Tensor) -> Target:
    return replace(Target.unknown(*soft.shape), soft=soft)


def random_soft(logits: Tensor, seed: int) -> Tensor:
    """Probabilities, unknown at a third of the pixels."""
    generator = torch.Generator().manual_seed(seed)
    soft = torch.randn(logits.shape, generator=generator, dtype=torch.float64).softmax(1)
    return soft * (torch.rand(soft[:, :1].shape, generator=generator) < 2 / 3)


@given(batch=batches(FULL), seed=st.integers(0, 99))
def test_equals_brute_force(batch: Batch, seed: int) -> None:
    logits, _ = batch
    soft = random_soft(logits, seed)
    costs = []
    for image, row, col in (soft.sum(1) > 0).nonzero().tolist():
        probs = logits[image, :, row, col].softmax(0)
        costs.append(((probs - soft[image, :, row, col]) ** 2).sum().item() / 2)
    ours = Consistency()(logits, soft_target(soft), torch.zeros(len(logits), 3, *logits.shape[2:]))
    assert ours.item() == pytest.approx(sum(costs) / max(len(costs), 1), rel=1e-9, abs=1e-12)


def test_the_worst_costs_1() -> None:
    truth = torch.zeros(1, 2, 2, dtype=torch.int64)
    target = soft_target(torch.nn.functional.one_hot(truth, 3).movedim(-1, 1).double())
    assert Consistency()(sure(truth + 1, 3), target, torch.zeros(1, 3, 2, 2)).item() == pytest.approx(1)


def test_no_gradient_flows_to_the_teacher() -> None:
    logits = torch.randn(1, 2, 2, 2, requires_grad=True)
    teacher = torch.randn(1, 2, 2, 2, requires_grad=True)
    Consistency()(logits, soft_target(teacher.softmax(1)), torch.zeros(1, 3, 2, 2)).backward()
    assert teacher.grad is None
    assert logits.grad is not None
    assert logits.grad.any()


def test_agreement_is_free() -> None:
    logits = torch.randn(2, 3, 4, 4)
    assert Consistency()(logits, soft_target(logits.softmax(1)), torch.zeros(2, 3, 4, 4)) < 1e-12
