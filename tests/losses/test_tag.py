"""The tag loss: by hand, against brute force, and slopes where probabilities round to 0 and 1."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.target import Target
from pointillist.losses import Tag
from tests.losses.batches import Scene, scenes, slope_of


def tag_cost(logits: Tensor, tags: list[int], loss: Tag | None = None) -> Tensor:
    n, k, h, w = logits.shape
    target = replace(Target.unknown(n, k, h, w), tags=torch.tensor([tags]))
    return (loss or Tag())(logits, target, torch.zeros(n, 3, h, w))


def test_by_hand() -> None:
    """Class 1 has p = 3/4 at one pixel and 1/2 at three."""
    logits = torch.zeros(1, 2, 2, 2)
    logits[0, 1, 0, 0] = math.log(3)
    assert tag_cost(logits, [255, 1]).item() == pytest.approx(math.log(4 / 3), rel=1e-6)
    assert tag_cost(logits, [255, 0]).item() == pytest.approx((math.log(4) + 3 * math.log(2)) / 4, rel=1e-6)
    half = -math.log((3 / 4 + 1 / 2) / 2)
    assert tag_cost(logits, [255, 1], Tag(share=0.5)).item() == pytest.approx(half, rel=1e-6)


@given(scene=scenes(), share=st.floats(0.01, 1))
def test_equals_brute_force(scene: Scene, share: float) -> None:
    probs = scene.logits.softmax(1)
    count = max(1, round(share * probs.shape[2] * probs.shape[3]))
    costs = []
    for image, label in (scene.target.tags != 255).nonzero().tolist():
        pixels = sorted(probs[image, label].flatten().tolist(), reverse=True)
        if scene.target.tags[image, label] == 1:
            costs.append(-math.log(sum(pixels[:count]) / count))
        else:
            costs.append(-sum(math.log(1 - p) for p in pixels) / len(pixels))
    expected = sum(costs) / max(len(costs), 1)
    ours = Tag(share=share)(scene.logits, scene.target, scene.images)
    assert ours.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("scale", [20.0, 200.0, 1e4])
@pytest.mark.parametrize("tag", [0, 1], ids=["absent", "present"])
@pytest.mark.parametrize("num_classes", [2, 3])
def test_sure_and_wrong_is_still_pulled(scale: float, tag: int, num_classes: int) -> None:
    """In float32 p is exactly 1 or 0 here: the cost is the difference of the logits all the same."""
    logits = torch.zeros(1, num_classes, 3, 3)
    logits[:, 1] = scale if tag == 0 else -scale
    logits.requires_grad_()
    value = tag_cost(logits, [255, tag, 255][:num_classes])
    assert value.item() == pytest.approx(scale + (1 if tag else -1) * math.log(num_classes - 1), rel=1e-5)
    slope = slope_of(value, logits)[0, 1].sum().item()
    assert slope == pytest.approx(-1 if tag else 1, rel=1e-3)


def test_other_classes_may_score_as_low_as_they_like() -> None:
    logits = torch.full((1, 3, 2, 2), -5000.0)
    logits[:, 1] = 0.0
    assert tag_cost(logits, [255, 0, 255]).item() == pytest.approx(5000 - math.log(2), rel=1e-5)


def test_the_background_is_a_class_too() -> None:
    logits = torch.zeros(1, 2, 2, 2)
    logits[:, 0] = 9.0
    assert tag_cost(logits, [0, 255]) > 8
    assert tag_cost(logits, [1, 255]) < 0.01


def test_presence_pulls_only_at_the_surest_pixels() -> None:
    logits = torch.zeros(1, 2, 10, 10)
    logits[0, 1, 3, 4] = 1.0
    logits.requires_grad_()
    slope = slope_of(tag_cost(logits, [255, 1]), logits)[0, 1]
    assert slope.nonzero().tolist() == [[3, 4]]


@pytest.mark.parametrize("share", [0, 1.5])
def test_a_wrong_share_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="share"):
        validated(Tag, {"share": share})
