"""Soft cross-entropy: against cross-entropy, torch, and its least value."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pointillist.core.shapes import IGNORE
from pointillist.core.target import Target
from pointillist.losses import CrossEntropy, SoftCrossEntropy
from tests.losses.batches import FULL, Batch, batches, cost, slope_of


def soft_cost(logits: Tensor, soft: Tensor) -> Tensor:
    target = replace(Target.unknown(*soft.shape), soft=soft)
    return SoftCrossEntropy()(logits, target, torch.zeros(len(logits), 3, *logits.shape[2:]))


@given(batch=batches())
def test_with_sure_labels_equals_cross_entropy(batch: Batch) -> None:
    logits, labels = batch
    known = torch.where(labels == IGNORE, logits.shape[1], labels)
    sure = F.one_hot(known, logits.shape[1] + 1).movedim(-1, 1)[:, :-1].double()
    torch.testing.assert_close(soft_cost(logits, sure), cost(CrossEntropy(), logits, labels))


@given(batch=batches(FULL), seed=st.integers(0, 99))
def test_with_all_pixels_equals_torch(batch: Batch, seed: int) -> None:
    logits, _ = batch
    generator = torch.Generator().manual_seed(seed)
    soft = torch.randn(logits.shape, generator=generator, dtype=torch.float64).softmax(1)
    torch.testing.assert_close(soft_cost(logits, soft), F.cross_entropy(logits, soft))


def test_its_least_value_is_the_entropy_of_the_labels() -> None:
    logits = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64).reshape(1, 3, 1, 1).requires_grad_()
    soft = logits.detach().softmax(1)
    value = soft_cost(logits, soft)
    assert value.item() == pytest.approx(-(soft * soft.log()).sum().item())
    torch.testing.assert_close(slope_of(value, logits), torch.zeros_like(logits))


def test_a_doubtful_pixel_counts_by_its_mass() -> None:
    logits = torch.tensor([[0.0, 2.0], [0.0, 0.0]]).reshape(1, 2, 1, 2)
    soft = torch.tensor([[0.0, 0.0], [1.0, 0.25]]).reshape(1, 2, 1, 2)
    first, second = F.cross_entropy(logits, torch.ones(1, 1, 2, dtype=torch.int64), reduction="none")[0, 0]
    assert soft_cost(logits, soft).item() == pytest.approx(((first + 0.25 * second) / 1.25).item())


def test_no_gradient_flows_to_the_teacher() -> None:
    logits = torch.randn(1, 2, 2, 2, requires_grad=True)
    teacher = torch.randn(1, 2, 2, 2, requires_grad=True)
    soft_cost(logits, teacher.softmax(1)).backward()
    assert teacher.grad is None
