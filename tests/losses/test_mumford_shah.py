"""Mumford-Shah: by hand, against a loop, and with classes that are nowhere."""

import pytest
import torch
from hypothesis import given
from torch import Tensor

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.losses import MumfordShah, TotalVariation
from tests.losses.images import HALVES, Seen, drawn, price, pull, seen, sure


def slowly(loss: MumfordShah, logits: Tensor, images: Tensor) -> float:
    n, k, h, w = logits.shape
    probs, total = logits.softmax(1), 0.0
    for i in range(n):
        for c in range(k):
            shares = [(float(probs[i, c, y, x]), images[i, :, y, x]) for y in range(h) for x in range(w)]
            mean = sum(p * colour for p, colour in shares) / sum(p for p, _ in shares)
            total += sum(p * float((colour - mean).square().sum()) for p, colour in shares)
    return total / (n * h * w) + loss.smoothness * price(TotalVariation(), logits, images).item()


@pytest.mark.parametrize("loss", [MumfordShah(), MumfordShah(smoothness=0)], ids=repr)
@given(batch=seen())
def test_equals_the_loop(loss: MumfordShah, batch: Seen) -> None:
    assert price(loss, *batch).item() == pytest.approx(slowly(loss, *batch), rel=1e-9, abs=1e-12)


def test_gradient_is_the_derivative() -> None:
    """Through the mean colours too, though they are held fixed."""
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, 3, dtype=torch.float64, requires_grad=True)
    images = torch.rand(2, 3, 4, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: price(MumfordShah(), z, images), (logits,))


def test_two_colours_by_hand() -> None:
    """Told apart: nothing but the border. Not told apart: the image's variance, 0.8^2 / 4 in each channel."""
    loss = MumfordShah(smoothness=0)
    image = 0.1 + 0.8 * drawn(HALVES).double()[:, None].expand(1, 3, 8, 8)
    assert price(loss, sure(drawn(HALVES), 2), image) < 1e-12
    assert price(loss, torch.zeros(1, 2, 8, 8), image).item() == pytest.approx(3 * 0.16)
    border = price(TotalVariation(), sure(drawn(HALVES), 2), image).item()
    assert price(MumfordShah(), sure(drawn(HALVES), 2), image).item() == pytest.approx(0.1 * border)


def test_a_constant_image_costs_only_borders() -> None:
    torch.manual_seed(0)
    logits, image = torch.randn(1, 3, 6, 6).double(), torch.full((1, 3, 6, 6), 0.4).double()
    assert price(MumfordShah(smoothness=0), logits, image) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("far", [20.0, 87.0, 100.0, 1e4])
def test_a_class_that_is_nowhere_costs_nothing(far: float, dtype: torch.dtype) -> None:
    logits = torch.zeros(1, 3, 8, 8)
    logits[:, 2] = -far
    logits = logits.to(dtype)
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    slope = pull(MumfordShah(), logits, image)
    assert slope.isfinite().all()
    alone = price(MumfordShah(), logits[:, :2], image)
    torch.testing.assert_close(price(MumfordShah(), logits, image), alone, rtol=1e-5, atol=0)


def test_from_a_hint_it_finds_the_two_colours() -> None:
    image = 0.1 + 0.8 * drawn(HALVES).double()[:, None]
    logits = torch.zeros(1, 2, 8, 8, dtype=torch.float64)
    logits[:, 1, 3, 6] = logits[:, 0, 3, 1] = 1.0
    for _ in range(50):
        logits -= 200 * pull(MumfordShah(smoothness=1e-3), logits, image)
    assert torch.equal(logits.argmax(1), drawn(HALVES))


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InputError, match="smoothness"):
        validated(MumfordShah, {"smoothness": -1})
