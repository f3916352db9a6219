"""The entropy loss: by hand and against scipy."""

import math

import pytest
import torch
from hypothesis import given
from scipy.stats import entropy

from pointillist.core.target import Target
from pointillist.losses import Entropy
from tests.losses.batches import Scene, scenes, slope_of


@given(scene=scenes())
def test_equals_scipy(scene: Scene) -> None:
    probs = scene.logits.softmax(1).numpy()
    expected = entropy(probs, axis=1, base=probs.shape[1]).mean()
    ours = Entropy()(scene.logits, scene.target, scene.images).item()
    assert ours == pytest.approx(expected, rel=1e-9)
    assert 0 <= ours <= 1


@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_no_idea_costs_1_and_a_sure_prediction_0(num_classes: int) -> None:
    target, images = Target.unknown(1, num_classes, 4, 4), torch.zeros(1, 3, 4, 4)
    logits = torch.zeros(1, num_classes, 4, 4)
    assert Entropy()(logits, target, images).item() == pytest.approx(1)
    logits[:, 0] = 1e4
    assert Entropy()(logits, target, images) == 0


def test_one_class_is_no_choice() -> None:
    logits = torch.randn(1, 1, 4, 4, requires_grad=True)
    value = Entropy()(logits, Target.unknown(1, 1, 4, 4), torch.zeros(1, 3, 4, 4))
    assert value == 0
    assert not slope_of(value, logits).any()


def test_it_makes_the_likelier_class_likelier() -> None:
    logits = torch.tensor([0.0, math.log(3)]).reshape(1, 2, 1, 1).requires_grad_()
    value = Entropy()(logits, Target.unknown(1, 2, 1, 1), torch.zeros(1, 3, 1, 1))
    slope = slope_of(value, logits).flatten().tolist()
    assert slope[1] < 0 < slope[0]
