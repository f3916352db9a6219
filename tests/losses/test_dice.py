"""The soft Dice loss: by hand, against brute force, the hard Dice and MONAI."""

import pytest
import torch
from hypothesis import assume, given
from monai.losses import DiceLoss

from pointillist.core.shapes import IGNORE
from pointillist.losses import Dice
from tests.losses.batches import FULL, Batch, batches, cost, gradient, labelled_probs

# The truth, unlabelled at the right, and a prediction one column off.
TRUTH = """
00000...
00000...
00111...
00111...
00111...
00000...
00000...
00000...
"""
PREDICTION = """
00000000
00000000
01110011
01110011
01110011
00000000
00000000
00000000
"""


def drawn(text: str) -> torch.Tensor:
    return torch.tensor([[[IGNORE if c == "." else int(c) for c in row] for row in text.split()]])


def sure(prediction: torch.Tensor, num_classes: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(prediction, num_classes).movedim(-1, 1) * 100.0


def test_by_hand() -> None:
    """Nine pixels each, six of them common: Dice 2 x 6 / (9 + 9); what lies off the labels is not counted."""
    loss = cost(Dice(), sure(drawn(PREDICTION), 2), drawn(TRUTH))
    assert loss.item() == pytest.approx(1 - 12 / 18, rel=1e-6)


def test_no_idea_by_hand() -> None:
    """p = 1/2 on 40 labelled pixels of which 9 are the object: 2 x 4.5 / (20 + 9)."""
    loss = cost(Dice(), torch.zeros(1, 2, 8, 8), drawn(TRUTH))
    assert loss.item() == pytest.approx(1 - 9 / 29, rel=1e-6)


@given(batch=batches())
def test_equals_brute_force(batch: Batch) -> None:
    logits, labels = batch
    pixels = labelled_probs(logits, labels)
    scores = []
    for c in sorted({label for label, _ in pixels} - {0}):
        overlap = sum(probs[c] for label, probs in pixels if label == c)
        both = sum(probs[c] + (label == c) for label, probs in pixels)
        scores.append(2 * overlap / both)
    expected = 1 - sum(scores) / len(scores) if scores else 0.0
    assert cost(Dice(), logits, labels).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(batch=batches(FULL))
def test_with_full_labels_equals_monai(batch: Batch) -> None:
    logits, labels = batch
    num_classes = logits.shape[1]
    # MONAI scores a class that nobody labelled; ours leaves it out.
    assume(set(range(1, num_classes)) <= set(labels.unique().tolist()))
    theirs = DiceLoss(
        include_background=False, to_onehot_y=True, softmax=True, batch=True, smooth_nr=0, smooth_dr=0
    )(logits, labels[:, None])
    torch.testing.assert_close(cost(Dice(), logits, labels), theirs.double(), rtol=1e-6, atol=1e-7)


def test_an_absent_class_is_left_out() -> None:
    """Two classes of three are labelled: predicting the third changes neither the number of classes nor K."""
    labels = drawn(TRUTH)
    two, three = (
        cost(Dice(), sure(drawn(PREDICTION), 2), labels),
        cost(Dice(), sure(drawn(PREDICTION), 3), labels),
    )
    torch.testing.assert_close(two, three)


def test_background_alone_is_silence() -> None:
    labels = torch.zeros(1, 4, 4, dtype=torch.int64)
    logits = torch.linspace(-3, 3, 32).reshape(1, 2, 4, 4)
    assert cost(Dice(), logits, labels) == 0
    assert not gradient(Dice(), logits, labels).any()
