"""The size loss: by hand, against brute force, and its scale."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from torch import Tensor

from pointillist.core.target import Target
from pointillist.losses import Size
from tests.losses.batches import Scene, scenes, slope_of, sure


def sized(truth: Tensor, low: float, high: float, num_classes: int = 2) -> Target:
    """A range for class 1 of every image."""
    target = Target.unknown(len(truth), num_classes, *truth.shape[1:])
    sizes = target.sizes.clone()
    sizes[:, 1] = torch.tensor([low, high])
    return replace(target, sizes=sizes)


def square(side: int, image: int) -> Tensor:
    mask = torch.zeros(1, image, image, dtype=torch.int64)
    mask[:, :side, :side] = 1
    return mask


def size_cost(mask: Tensor, low: float, high: float) -> float:
    images = torch.zeros(len(mask), 3, *mask.shape[1:])
    return Size()(sure(mask, 2), sized(mask, low, high), images).item()


def test_by_hand() -> None:
    """A square of 4 x 4 in 8 x 8 has half the image's side; 36 pixels have 3/4, 4 pixels 1/4 of it."""
    assert size_cost(square(4, 8), 36, 64) == pytest.approx((3 / 4 - 1 / 2) ** 2)
    assert size_cost(square(4, 8), 0, 4) == pytest.approx((1 / 2 - 1 / 4) ** 2)
    assert size_cost(square(4, 8), 4, 36) == 0
    assert size_cost(square(4, 8), 16, 16) == pytest.approx(0, abs=1e-12)


@given(scene=scenes())
def test_equals_brute_force(scene: Scene) -> None:
    costs = []
    n, k, h, w = scene.logits.shape
    for image in range(n):
        for label in range(k):
            low, high = scene.target.sizes[image, label].tolist()
            volume = sum(
                scene.logits[image, :, row, col].softmax(0)[label].item()
                for row in range(h)
                for col in range(w)
            )
            if low > 0 or high < h * w:
                below = max(0.0, math.sqrt(low / h / w) - math.sqrt(volume / h / w))
                above = max(0.0, math.sqrt(volume / h / w) - math.sqrt(min(high, h * w) / h / w))
                costs.append(below**2 + above**2)
    expected = sum(costs) / max(len(costs), 1)
    ours = Size()(scene.logits, scene.target, scene.images)
    assert ours.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_same_at_any_image_size() -> None:
    small, large = size_cost(square(2, 8), 16, 64), size_cost(square(8, 32), 256, 1024)
    assert small > 0
    assert small == pytest.approx(large)


def test_an_absent_class_costs_its_mean_probability() -> None:
    logits = torch.linspace(-3, 3, 2 * 8 * 8, dtype=torch.float64).reshape(1, 2, 8, 8).requires_grad_()
    value = Size()(logits, sized(square(0, 8), 0, 0), torch.zeros(1, 3, 8, 8))
    probs = logits.softmax(1)[:, 1]
    torch.testing.assert_close(value, probs.mean())
    assert slope_of(value, logits).any()


@pytest.mark.parametrize("share", [1e-4, 1e-2, 0.5])
def test_a_pixel_pulls_as_in_a_mean_whatever_the_size(share: float) -> None:
    """At twice the allowed size the slope by p is (1 - sqrt(1/2)) / area for small and for large objects."""
    area = 100 * 100
    probs = torch.full((1, 1, 100, 100), share, dtype=torch.float64)
    logits = torch.cat([(1 - probs).log(), probs.log()], dim=1).requires_grad_()
    value = Size()(logits, sized(square(0, 100), 0, share / 2 * area), torch.zeros(1, 3, 100, 100))
    by_p = slope_of(value, logits)[0, 1, 0, 0] / (share * (1 - share))
    assert by_p.item() == pytest.approx((1 - math.sqrt(0.5)) / area, rel=1e-4)


def test_a_class_that_vanished_is_still_pulled_back() -> None:
    logits = torch.zeros(1, 2, 8, 8)
    logits[:, 1] = -20.0
    logits.requires_grad_()
    slope = slope_of(Size()(logits, sized(square(0, 8), 16, 64), torch.zeros(1, 3, 8, 8)), logits)
    assert (slope[:, 1] < 0).all()
