"""The dense CRF: by hand, against a double loop over pixels, and what averaging down costs."""

import math

import pytest
import torch
from hypothesis import given
from torch import Tensor

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.losses import DenseCrf, dense_crf
from tests.losses.images import Seen, drawn, price, pull, seen, sure

RING = """
00000000
01111110
01000010
01000010
01000010
01000010
01111110
00000000
"""


def slowly(crf: DenseCrf, logits: Tensor, images: Tensor) -> float:
    """The formula, pair by pair, image by image."""
    n, _, h, w = logits.shape
    probs, mean = logits.softmax(1), 0.0
    pixels = [(row, col) for row in range(h) for col in range(w)]
    for i in range(n):
        above = below = 0.0
        for a in pixels:
            for b in pixels:
                away = math.dist(a, b) ** 2
                colour = float((images[i, :, *a] - images[i, :, *b]).square().sum())
                k = math.exp(-away / (2 * crf.sigma_xy**2) - colour / (2 * crf.sigma_rgb**2))
                above += k * (1 - float(probs[i, :, *a] @ probs[i, :, *b]))
                below += k
        mean += above / below / n
    return mean


@pytest.mark.parametrize("crf", [DenseCrf(), DenseCrf(sigma_xy=2, sigma_rgb=0.4)], ids=repr)
@given(batch=seen(5))
def test_equals_the_double_loop(crf: DenseCrf, batch: Seen) -> None:
    assert price(crf, *batch).item() == pytest.approx(slowly(crf, *batch), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("crf", [DenseCrf(), DenseCrf(sigma_rgb=0.4, side=3)], ids=repr)
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 1, 2, 2), (1, 2, 1, 1)], ids=str)
def test_gradient_is_the_derivative(crf: DenseCrf, shape: tuple[int, int, int, int]) -> None:
    torch.manual_seed(0)
    logits = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    images = torch.rand(shape[0], 3, *shape[2:], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: price(crf, z, images), (logits,))


def test_a_ring_by_hand() -> None:
    """20 of 64 pixels; on a constant image, seen from afar, a pair differs with 2 x 20 x 44 / 64^2."""
    far, logits = DenseCrf(sigma_xy=1e6), sure(drawn(RING), 2)
    expected = 2 * 20 * 44 / 64**2
    assert price(far, logits, torch.zeros(1, 3, 8, 8)).item() == pytest.approx(expected, rel=1e-6)
    image = drawn(RING).double()[:, None]
    assert price(far, logits, image) < 1e-12, "where colours tell the ring apart it costs nothing"


def test_like_colours_agree_however_far_apart() -> None:
    """A prediction of one end of a bright bar pulls its other end, and not the dark between."""
    image = torch.zeros(1, 1, 1, 9, dtype=torch.float64)
    image[..., 0] = image[..., 8] = 1.0
    logits = torch.zeros(1, 2, 1, 9, dtype=torch.float64)
    logits[:, 1, :, 0] = 4.0
    slope = pull(DenseCrf(), logits, image)
    assert slope[0, 1, 0, 8] < -1e-3
    assert slope[0, :, 0, 1:8].abs().max() < 1e-12


def test_one_class_everywhere_costs_nothing() -> None:
    logits, images = sure(torch.ones(1, 8, 8, dtype=torch.int64), 3, 200.0), torch.rand(1, 3, 8, 8).double()
    assert price(DenseCrf(), logits, images) < 1e-80


@given(batch=seen())
def test_it_is_a_share(batch: Seen) -> None:
    assert 0 <= price(DenseCrf(), *batch) <= 1


@given(batch=seen())
def test_blocks_change_nothing(batch: Seen) -> None:
    whole = price(DenseCrf(), *batch), pull(DenseCrf(), *batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense_crf, "BLOCK", 5)
        pieces = price(DenseCrf(), *batch), pull(DenseCrf(), *batch)
    torch.testing.assert_close(pieces, whole, rtol=1e-12, atol=1e-14)


def test_side_is_the_loss_of_the_averaged_image() -> None:
    """Lengths stay in pixels of the full image."""
    torch.manual_seed(0)
    small = torch.randn(1, 2, 4, 6).double(), torch.rand(1, 3, 4, 6).double()
    logits, images = (x.repeat_interleave(2, 2).repeat_interleave(2, 3) for x in small)
    averaged = price(DenseCrf(sigma_xy=4, sigma_rgb=0.4, side=6), logits, images)
    torch.testing.assert_close(averaged, price(DenseCrf(sigma_xy=2, sigma_rgb=0.4), *small))


@pytest.mark.parametrize(("side", "value", "slope"), [(32, 0.03, 0.15), (16, 0.08, 0.25)])
def test_error_of_averaging_down(side: int, value: float, slope: float) -> None:
    """A soft disc of 64 x 64 pixels, its colours noisy, the prediction off by some pixels."""
    generator = torch.Generator().manual_seed(0)
    row, col = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    disc = torch.sigmoid((18 - (row - 32).hypot(col - 30)) / 2)
    image = 0.3 + 0.4 * disc.expand(1, 3, -1, -1) + 0.01 * torch.randn(1, 3, 64, 64, generator=generator)
    tilt = ((20 - (row - 28).hypot(col - 34)) / 3)[None, None]
    logits = torch.cat([-tilt, tilt], 1)
    exact, quick = DenseCrf(side=64), DenseCrf(side=side)
    assert price(quick, logits, image).item() == pytest.approx(price(exact, logits, image).item(), rel=value)
    truth = pull(exact, logits, image)
    assert (pull(quick, logits, image) - truth).norm() < slope * truth.norm()


@pytest.mark.parametrize("data", [{"side": 0}, {"side": 257}, {"sigma_xy": 0}, {"sigma_rgb": -1}], ids=str)
def test_bad_settings_are_refused(data: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(data))):
        validated(DenseCrf, data)
