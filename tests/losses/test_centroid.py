"""The centroid loss: by hand, against brute force, and where nothing is predicted."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from torch import Tensor

from pointillist.core.target import Target
from pointillist.losses import Centroid
from pointillist.losses.penalty import LogBarrier
from tests.losses.batches import Scene, scenes, slope_of, sure


def centred(height: int, width: int, rows: tuple[float, float], cols: tuple[float, float]) -> Target:
    """A range for the centre of class 1."""
    target = Target.unknown(1, 2, height, width)
    centroids = target.centroids.clone()
    centroids[0, 1] = torch.tensor([rows, cols])
    return replace(target, centroids=centroids)


def block(height: int, width: int, top: int, left: int, side: int) -> Tensor:
    mask = torch.zeros(1, height, width, dtype=torch.int64)
    mask[:, top : top + side, left : left + side] = 1
    return sure(mask, 2).float()


def test_by_hand() -> None:
    """A block of 3 x 3 at the corner (2, 4) has its centre at row 3, col 5; the side of 8 x 8 is 8."""
    images = torch.zeros(1, 3, 8, 8)
    logits = block(8, 8, 2, 4, 3)
    assert Centroid()(logits, centred(8, 8, (3, 3), (5, 5)), images).item() == pytest.approx(0, abs=1e-9)
    assert Centroid()(logits, centred(8, 8, (5, 6), (5, 5)), images).item() == pytest.approx((2 / 8) ** 2)
    off_both = Centroid()(logits, centred(8, 8, (5, 6), (0, 4)), images).item()
    assert off_both == pytest.approx((2 / 8) ** 2 + (1 / 8) ** 2)


def test_one_known_axis_is_enough() -> None:
    target = centred(8, 8, (5, 6), (-torch.inf, torch.inf))
    cost = Centroid()(block(8, 8, 2, 4, 3), target, torch.zeros(1, 3, 8, 8))
    assert cost.item() == pytest.approx((2 / 8) ** 2)


@given(scene=scenes())
def test_equals_brute_force(scene: Scene) -> None:
    n, k, h, w = scene.logits.shape
    probs = scene.logits.softmax(1)
    costs = []
    for image in range(n):
        for label in range(k):
            cost, told = 0.0, False
            for axis, length in enumerate((h, w)):
                low, high = scene.target.centroids[image, label, axis].tolist()
                places = range(length)
                mass = [probs[image, label].select(axis, place).sum().item() for place in places]
                centre = sum(m * place for m, place in zip(mass, places, strict=True)) / sum(mass)
                cost += max(0.0, low - centre) ** 2 / (h * w) + max(0.0, centre - high) ** 2 / (h * w)
                told = told or low > 0 or high < length - 1
            if told:
                costs.append(cost)
    expected = sum(costs) / max(len(costs), 1)
    ours = Centroid()(scene.logits, scene.target, scene.images)
    assert ours.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_same_at_any_image_size() -> None:
    small = Centroid()(block(8, 8, 0, 0, 3), centred(8, 8, (5, 5), (5, 5)), torch.zeros(1, 3, 8, 8))
    # Pixels four times finer: centre 1 becomes 5.5 (in the middle of 12), and 5 becomes 21.5.
    fine = centred(32, 32, (21.5, 21.5), (21.5, 21.5))
    large = Centroid()(block(32, 32, 0, 0, 12), fine, torch.zeros(1, 3, 32, 32))
    assert small.item() == pytest.approx(large.item())


@pytest.mark.parametrize("level", [-50.0, -1e4])
def test_a_class_that_is_hardly_predicted_still_has_a_centre(level: float) -> None:
    logits = torch.zeros(1, 2, 8, 8)
    logits[:, 1] = level
    logits.requires_grad_()
    value = Centroid()(logits, centred(8, 8, (0, 1), (0, 7)), torch.zeros(1, 3, 8, 8))
    assert value.item() == pytest.approx((2.5 / 8) ** 2, rel=1e-4)
    slope = slope_of(value, logits)[0, 1]
    assert (slope[0] < 0).all()
    assert (slope[7] > 0).all()


def test_the_whole_image_is_no_knowledge() -> None:
    loss = Centroid(penalty=LogBarrier())
    assert loss(block(8, 8, 0, 0, 3), centred(8, 8, (0, 7), (-1, 9)), torch.zeros(1, 3, 8, 8)) == 0
