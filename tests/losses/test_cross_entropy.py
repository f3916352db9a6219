"""Partial cross-entropy: drawn by hand, against brute force and against torch."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE
from pointillist.losses import CrossEntropy
from tests.losses.batches import FULL, Batch, batches, cost, gradient, labelled_probs

# One object; one click inside it, one outside, and a wrong one at the bottom right.
CLICKS = """
. . . . . . . .
. . . . . . . .
. . . 1 . . . .
. . . . . . . .
. . . . . . . .
. . . . . . 0 .
. . . . . . . .
. . . . . . . 1
"""


def drawn(text: str) -> torch.Tensor:
    rows = [line.split() for line in text.split("\n") if line]
    return torch.tensor([[[IGNORE if c == "." else int(c) for c in row] for row in rows]])


def test_three_clicks_by_hand() -> None:
    """p = 3/4 for the object everywhere, so the clicks cost log 4/3, log 4 and log 4/3, over three."""
    logits = torch.zeros(1, 2, 8, 8)
    logits[:, 1] = math.log(3)
    expected = (math.log(4 / 3) + math.log(4) + math.log(4 / 3)) / 3
    assert cost(CrossEntropy(), logits, drawn(CLICKS)).item() == pytest.approx(expected, rel=1e-6)


def test_positive_weight_by_hand() -> None:
    """The two clicks on the object count three times, and the sum of weights is 3 + 1 + 3."""
    logits = torch.zeros(1, 2, 8, 8)
    logits[:, 1] = math.log(3)
    expected = (3 * math.log(4 / 3) + math.log(4) + 3 * math.log(4 / 3)) / 7
    weighted = CrossEntropy(positive_weight=3.0)
    assert cost(weighted, logits, drawn(CLICKS)).item() == pytest.approx(expected, rel=1e-6)


def test_gradient_by_hand() -> None:
    """Each click pulls with (p - y) / 3, and nothing else pulls."""
    logits = torch.zeros(1, 2, 8, 8)
    expected = torch.zeros(1, 2, 8, 8)
    for row, col, label in ((2, 3, 1), (5, 6, 0), (7, 7, 1)):
        expected[0, label, row, col] = -1 / 6
        expected[0, 1 - label, row, col] = 1 / 6
    torch.testing.assert_close(gradient(CrossEntropy(), logits, drawn(CLICKS)), expected)


@given(batch=batches())
def test_equals_brute_force(batch: Batch) -> None:
    logits, labels = batch
    pixels = labelled_probs(logits, labels)
    expected = -sum(math.log(probs[label]) for label, probs in pixels) / max(len(pixels), 1)
    assert cost(CrossEntropy(), logits, labels).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(batch=batches(FULL), seed=st.integers(0, 99))
def test_with_full_labels_equals_torch(batch: Batch, seed: int) -> None:
    logits, labels = batch
    weight = torch.rand(logits.shape[1], generator=torch.Generator().manual_seed(seed)).double() + 0.1
    ours = cost(CrossEntropy(), logits, labels)
    torch.testing.assert_close(ours, F.cross_entropy(logits, labels), rtol=1e-12, atol=0)
    ours = cost(CrossEntropy(class_weights=tuple(weight.tolist())), logits, labels)
    torch.testing.assert_close(ours, F.cross_entropy(logits, labels, weight), rtol=1e-12, atol=0)


@given(batch=batches(), weight=st.floats(0.01, 100))
def test_positive_weight_is_a_class_weight(batch: Batch, weight: float) -> None:
    logits, labels = batch
    long = CrossEntropy(class_weights=(1.0, *[weight] * (logits.shape[1] - 1)))
    short = CrossEntropy(positive_weight=weight)
    assert torch.equal(cost(short, logits, labels), cost(long, logits, labels))


@given(batch=batches())
def test_a_class_of_weight_0_counts_as_unlabelled(batch: Batch) -> None:
    logits, labels = batch
    weights = (0.0, *[1.0] * (logits.shape[1] - 1))
    without = torch.where(labels == 0, IGNORE, labels)
    weighted = cost(CrossEntropy(class_weights=weights), logits, labels)
    torch.testing.assert_close(weighted, cost(CrossEntropy(), logits, without), rtol=1e-12, atol=0)


def test_a_wrong_number_of_weights_is_refused() -> None:
    with pytest.raises(InputError, match="one weight for each of the 2 classes; got 3"):
        cost(CrossEntropy(class_weights=(1, 2, 3)), torch.zeros(1, 2, 8, 8), drawn(CLICKS))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"class_weights": [1, 2], "positive_weight": 2}, "exclude each other"),
        ({"class_weights": [1, -2]}, "class_weights.1"),
        ({"positive_weight": 0}, "positive_weight"),
        ({"positive_weight": math.inf}, "positive_weight"),
        ({"class_weight": [1, 2]}, "Did you mean 'class_weights'"),
    ],
)
def test_bad_settings_are_refused(data: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        validated(CrossEntropy, data)
