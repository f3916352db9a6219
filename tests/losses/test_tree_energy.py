"""Tree energy: the filter against paths walked one by one, and what it binds together."""

import heapq
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.losses import TreeEnergy
from pointillist.losses.tree_energy import Forest
from tests.losses.images import Seen, drawn, price, pull, seen, sure

SNAKE = """
11111111
00000001
11111111
10000000
11111111
00000001
00000001
00000001
"""


def paths(image: Tensor, sigma: float) -> Tensor:
    """W by Prim's algorithm: a new pixel's paths are its parent's, one step longer."""
    h, w = image.shape[1:]
    lengths = torch.zeros(h * w, h * w, dtype=torch.float64)
    inside = [0]
    edges: list[tuple[float, int, int]] = []

    def reach(pixel: int) -> None:
        row, col = divmod(pixel, w)
        for y, x in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
            if 0 <= y < h and 0 <= x < w:
                step = float((image[:, row, col] - image[:, y, x]).square().sum())
                heapq.heappush(edges, (step, pixel, y * w + x))

    reach(0)
    while len(inside) < h * w:
        step, parent, pixel = heapq.heappop(edges)
        if pixel in inside:
            continue
        lengths[pixel, inside] = lengths[inside, pixel] = lengths[parent, inside] + step
        inside.append(pixel)
        reach(pixel)
    return torch.exp(-lengths / sigma)


def slowly(loss: TreeEnergy, logits: Tensor, images: Tensor) -> float:
    n, k, h, w = logits.shape
    total = 0.0
    for i in range(n):
        probs = logits[i].softmax(0).reshape(k, -1)
        kernel = paths(images[i], loss.sigma)
        smooth = probs @ kernel / kernel.sum(0)
        total += float((probs - smooth).abs().sum()) / 2
    return total / (n * h * w)


@pytest.mark.parametrize("loss", [TreeEnergy(), TreeEnergy(sigma=1.0)], ids=repr)
@given(batch=seen())
def test_equals_the_walked_paths(loss: TreeEnergy, batch: Seen) -> None:
    assert price(loss, *batch).item() == pytest.approx(slowly(loss, *batch), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("loss", [TreeEnergy(), TreeEnergy(sigma=1.0), TreeEnergy(side=2)], ids=repr)
@pytest.mark.parametrize("shape", [(2, 3, 4, 3), (1, 2, 1, 3), (1, 1, 2, 2)], ids=str)
def test_gradient_is_the_derivative(loss: TreeEnergy, shape: tuple[int, int, int, int]) -> None:
    torch.manual_seed(0)
    logits = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    images = torch.rand(shape[0], 3, *shape[2:], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: price(loss, z, images), (logits,))


def test_on_a_constant_image_the_mean_is_everywhere() -> None:
    """Half of the pixels are sure of one class, half of the other: all of them lie 1/2 off."""
    halves = torch.arange(64).reshape(1, 8, 8) % 2
    value = price(TreeEnergy(), sure(halves, 2), torch.full((1, 3, 8, 8), 0.7))
    assert value.item() == pytest.approx(0.5)


def test_a_thin_snake_is_one_region() -> None:
    """What colours tell apart costs nothing however thin; a click at its tail pulls its head."""
    image = drawn(SNAKE).double()[:, None]
    assert price(TreeEnergy(), sure(drawn(SNAKE), 2), image) < 1e-12
    logits = torch.zeros(1, 2, 8, 8, dtype=torch.float64)
    logits[:, 1, 7, 7] = 3.0
    slope = pull(TreeEnergy(), logits, image)[0, 1]
    assert (slope[drawn(SNAKE)[0] == 1].abs() > 1e-6).all()
    assert slope[drawn(SNAKE)[0] == 0].abs().max() < 1e-12


def test_images_of_a_batch_do_not_meet() -> None:
    torch.manual_seed(0)
    logits, images = torch.randn(3, 2, 4, 5).double(), torch.rand(3, 3, 4, 5).double()
    alone = [pull(TreeEnergy(), logits[i : i + 1], images[i : i + 1]) / 3 for i in range(3)]
    torch.testing.assert_close(pull(TreeEnergy(), logits, images), torch.cat(alone), rtol=1e-9, atol=1e-14)


@given(batch=seen())
def test_mirrored_and_turned(batch: Seen) -> None:
    logits, images = (x.rot90(1, (2, 3)).flip(3) for x in batch)
    turned, plain = price(TreeEnergy(), logits, images), price(TreeEnergy(), *batch)
    torch.testing.assert_close(turned, plain, rtol=1e-9, atol=1e-12)


def test_a_large_image_stays_linear() -> None:
    """A path of 40,000 pixels: neither the depth nor the factorisation explodes."""
    forest = Forest(np.linspace(0, 1, 40_000).reshape(1, 1, 1, -1), 100 / 39_999**2)
    assert forest.factors.L.nnz + forest.factors.U.nnz < 4 * 40_000
    assert forest.totals[0, 0] == pytest.approx(1 / (1 - math.exp(-1 / 100)))


def test_side_is_the_loss_of_the_averaged_image() -> None:
    torch.manual_seed(0)
    small = torch.randn(1, 2, 4, 6).double(), torch.rand(1, 3, 4, 6).double()
    logits, images = (x.repeat_interleave(2, 2).repeat_interleave(2, 3) for x in small)
    shrunk = price(TreeEnergy(side=6), logits, images)
    torch.testing.assert_close(shrunk, price(TreeEnergy(), *small), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("data", [{"sigma": 0}, {"side": 0}], ids=str)
def test_bad_settings_are_refused(data: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(data))):
        validated(TreeEnergy, data)
