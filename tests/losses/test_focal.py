"""The focal loss: by hand, against brute force, cross-entropy and MONAI."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.losses import FocalLoss

from pointillist.core.errors import InputError
from pointillist.losses import CrossEntropy, Focal
from tests.losses.batches import FULL, Batch, batches, cost, gradient, labelled_probs


def test_by_hand() -> None:
    """p = 3/4 for the truth: (1/4)^2 log 4/3; for the other class (3/4)^2 log 4; the third is unlabelled."""
    logits = torch.zeros(1, 2, 1, 3)
    logits[:, 1] = math.log(3)
    labels = torch.tensor([[[1, 0, 255]]])
    expected = (math.log(4 / 3) / 16 + 9 / 16 * math.log(4)) / 2
    assert cost(Focal(), logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_right_pixels_fade() -> None:
    """At p = 0.9 the loss is 100 times below the cross-entropy for gamma 2 (the paper, section 3.2)."""
    logits = torch.tensor([0.0, math.log(9)], dtype=torch.float64).reshape(1, 2, 1, 1)
    labels = torch.ones(1, 1, 1, dtype=torch.int64)
    ratio = cost(CrossEntropy(), logits, labels) / cost(Focal(gamma=2), logits, labels)
    assert ratio.item() == pytest.approx(100)


@given(batch=batches(), gamma=st.floats(0, 5))
def test_equals_brute_force(batch: Batch, gamma: float) -> None:
    logits, labels = batch
    weights = tuple(1.0 + c for c in range(logits.shape[1]))
    pixels = labelled_probs(logits, labels)
    total = sum(weights[y] * (1 - p[y]) ** gamma * math.log(p[y]) for y, p in pixels)
    expected = -total / (sum(weights[y] for y, _ in pixels) or 1)
    focal = Focal(gamma=gamma, class_weights=weights)
    assert cost(focal, logits, labels).item() == pytest.approx(expected, rel=1e-8, abs=1e-12)


@given(batch=batches())
def test_without_gamma_it_is_the_cross_entropy(batch: Batch) -> None:
    logits, labels = batch
    ours, theirs = cost(Focal(gamma=0), logits, labels), cost(CrossEntropy(), logits, labels)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-15)


@given(batch=batches(FULL), gamma=st.sampled_from([0.5, 1.0, 2.0]))
def test_with_full_labels_equals_monai(batch: Batch, gamma: float) -> None:
    logits, labels = batch
    # MONAI's mean is over the pixels of every class, K times as many.
    theirs = FocalLoss(to_onehot_y=True, use_softmax=True, gamma=gamma)(logits, labels[:, None])
    ours = cost(Focal(gamma=gamma), logits, labels)
    torch.testing.assert_close(ours, theirs.double() * logits.shape[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.01, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_no_nan_where_the_prediction_is_exactly_right(gamma: float, dtype: torch.dtype) -> None:
    logits = torch.tensor([-200.0, 200.0], dtype=dtype).reshape(1, 2, 1, 1)
    slope = gradient(Focal(gamma=gamma), logits, torch.ones(1, 1, 1, dtype=torch.int64))
    assert torch.equal(slope, torch.zeros_like(slope))


def test_a_wrong_number_of_weights_is_refused() -> None:
    with pytest.raises(InputError, match="one weight for each of the 3 classes; got 2"):
        cost(Focal(class_weights=(1, 2)), torch.zeros(1, 3, 1, 1), torch.zeros(1, 1, 1, dtype=torch.int64))
