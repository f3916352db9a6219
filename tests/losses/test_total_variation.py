"""Total variation: lengths by hand, against a loop over pairs, and alike in all directions."""

import math

import pytest
import torch
from hypothesis import given
from torch import Tensor

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.losses import TotalVariation
from tests.losses.images import Seen, drawn, price, pull, seen, sure

BESIDE, SLANTED = math.pi / 8, math.pi / (8 * math.sqrt(2))

SQUARE = """
00000000
00000000
00111000
00111000
00111000
00000000
00000000
00000000
"""


def slowly(loss: TotalVariation, logits: Tensor, images: Tensor) -> float:
    """Every pixel and its eight neighbours, so that each pair comes twice."""
    n, _, h, w = logits.shape
    probs, total = logits.softmax(1), 0.0
    for i in range(n):
        for row in range(h):
            for col in range(w):
                for y in range(max(row - 1, 0), min(row + 2, h)):
                    for x in range(max(col - 1, 0), min(col + 2, w)):
                        weight = SLANTED if y != row and x != col else BESIDE
                        colour = float((images[i, :, row, col] - images[i, :, y, x]).square().sum())
                        if loss.sigma_rgb is not None:
                            weight *= math.exp(-colour / (2 * loss.sigma_rgb**2))
                        differs = float((probs[i, :, row, col] - probs[i, :, y, x]).abs().sum())
                        total += weight * differs / 4
    return total / (n * h * w)


@pytest.mark.parametrize("loss", [TotalVariation(), TotalVariation(sigma_rgb=0.3)], ids=repr)
@given(batch=seen())
def test_equals_the_loop(loss: TotalVariation, batch: Seen) -> None:
    assert price(loss, *batch).item() == pytest.approx(slowly(loss, *batch), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("loss", [TotalVariation(), TotalVariation(sigma_rgb=0.3)], ids=repr)
def test_gradient_is_the_derivative(loss: TotalVariation) -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, 3, dtype=torch.float64, requires_grad=True)
    images = torch.rand(2, 3, 4, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: price(loss, z, images), (logits,))


def test_a_square_by_hand() -> None:
    """Twelve pairs beside each other cross the border of 3 x 3 pixels, and 4 x 5 slanted ones."""
    expected = (12 * BESIDE + 20 * SLANTED) / 64
    images = torch.zeros(1, 3, 8, 8)
    assert price(TotalVariation(), sure(drawn(SQUARE), 2), images).item() == pytest.approx(expected)
    assert price(TotalVariation(), sure(drawn(SQUARE), 5), images).item() == pytest.approx(expected)
    edge = drawn(SQUARE).double()[:, None]
    assert price(TotalVariation(sigma_rgb=0.1), sure(drawn(SQUARE), 2), edge) < 1e-9


@pytest.mark.parametrize("degrees", [0, 10, 22.5, 30, 45, 63, 90])
def test_a_borders_length_hardly_depends_on_its_direction(degrees: float) -> None:
    """A straight border through a disc is as long as the disc is wide; the disc's own is taken off."""
    row, col = torch.meshgrid(torch.arange(400) - 199.5, torch.arange(400) - 199.5, indexing="ij")
    angle = math.radians(degrees)
    side = (row * math.cos(angle) + col * math.sin(angle) > 0) & (row.hypot(col) < 190)
    disc = row.hypot(col) < 190
    images = torch.zeros(1, 1, 400, 400)
    three = price(TotalVariation(), sure((disc.long() + side.long())[None], 3).float(), images)
    two = price(TotalVariation(), sure(disc.long()[None], 2).float(), images)
    assert (three - two).item() * 400**2 == pytest.approx(380, rel=0.06)


def test_one_class_everywhere_costs_nothing() -> None:
    logits = torch.randn(1, 3, 1, 1).expand(1, 3, 8, 8)
    assert price(TotalVariation(), logits, torch.rand(1, 3, 8, 8)) == 0
    assert not pull(TotalVariation(), logits, torch.rand(1, 3, 8, 8)).any()


def test_a_speck_goes_before_a_half_plane() -> None:
    speck = torch.zeros(1, 8, 8, dtype=torch.int64)
    speck[:, 3, 3], speck[:, :, 6:] = 1, 1
    slope = pull(TotalVariation(), sure(speck, 2, 1.0), torch.zeros(1, 3, 8, 8))[0, 1]
    assert slope[3, 3] > 0
    assert slope[3, 7] == 0


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InputError, match="sigma_rgb"):
        validated(TotalVariation, {"sigma_rgb": 0})
