"""The gated CRF: by hand, against a double loop over pixels, and what it does to real vessels."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.datasets import Drive
from pointillist.losses import GatedCrf, gated_crf
from tests.losses.images import HALVES, Seen, drawn, price, pull, seen, sure

SETTINGS = [
    GatedCrf(),
    GatedCrf(radius=1, sigma_xy=1, sigma_rgb=0.5),
    GatedCrf(radius=4, stride=2, sigma_rgb=0.3),
    GatedCrf(radius=2, position_weight=0.7, position_sigma=1.5),
]
THIN = GatedCrf(radius=1, sigma_xy=1, sigma_rgb=0.01)


@pytest.mark.parametrize(
    "window", [{"scale": 8}, {"stride": 6}, {"radius": 2, "scale": 3}, {"stride": 2, "scale": 3}]
)
def test_a_window_without_a_neighbour_is_refused(window: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="no neighbour"):
        GatedCrf(**window)  # type: ignore[arg-type]


def test_the_smallest_window_has_a_neighbour() -> None:
    logits = (
        torch.tensor([[9.0, -9.0], [-9.0, 9.0]])
        .repeat_interleave(6, 1)
        .reshape(1, 2, 1, 12)
        .repeat(1, 1, 12, 1)
    )
    for window in (
        {"radius": 6, "stride": 6},
        {"radius": 6, "scale": 6},
        {"radius": 6, "stride": 2, "scale": 3},
    ):
        assert price(GatedCrf(**window), logits, torch.zeros(1, 3, 12, 12)) > 0.01  # type: ignore[arg-type]


def slowly(crf: GatedCrf, logits: Tensor, images: Tensor) -> float:
    """The formula, pair by pair."""
    n, _, h, w = logits.shape
    probs, total = logits.softmax(1), 0.0
    steps = [d for d in range(-crf.radius, crf.radius + 1) if d % crf.stride == 0]
    pairs = [(r, c, r + dr, c + dc) for r in range(h) for c in range(w) for dr in steps for dc in steps]
    for i in range(n):
        for row, col, y, x in pairs:
            if (y, x) == (row, col) or not (0 <= y < h and 0 <= x < w):
                continue
            away = (y - row) ** 2 + (x - col) ** 2
            colour = float((images[i, :, row, col] - images[i, :, y, x]).square().sum())
            k = math.exp(-away / (2 * crf.sigma_xy**2) - colour / (2 * crf.sigma_rgb**2))
            k += crf.position_weight * math.exp(-away / (2 * crf.position_sigma**2))
            total += k * (1 - float(probs[i, :, row, col] @ probs[i, :, y, x]))
    return total * crf.stride**2 / (n * h * w)


@pytest.mark.parametrize("crf", SETTINGS, ids=repr)
@given(batch=seen())
def test_equals_the_double_loop(crf: GatedCrf, batch: Seen) -> None:
    assert price(crf, *batch).item() == pytest.approx(slowly(crf, *batch), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("crf", [*SETTINGS, GatedCrf(scale=2)], ids=repr)
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 2, 1, 3), (1, 1, 2, 2), (1, 2, 1, 1)], ids=str)
def test_gradient_is_the_derivative(crf: GatedCrf, shape: tuple[int, int, int, int]) -> None:
    torch.manual_seed(0)
    logits = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    images = torch.rand(shape[0], 3, *shape[2:], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: price(crf, z, images), (logits,))


def test_two_halves_by_hand() -> None:
    """Eight rows meet at one seam: 8 level pairs and 14 slanted ones, each counted from both ends."""
    crf = GatedCrf(radius=1, sigma_xy=1)
    logits = sure(drawn(HALVES), 2)
    plain = 2 * (8 * math.exp(-1 / 2) + 14 * math.exp(-1)) / 64
    assert price(crf, logits, torch.zeros(1, 3, 8, 8)).item() == pytest.approx(plain)
    edge = 0.2 * drawn(HALVES).double()[:, None]
    across = plain * math.exp(-(0.2**2) / (2 * 0.1**2))
    assert price(crf, logits, edge).item() == pytest.approx(across), "an edge in the image makes it cheap"


def test_one_class_everywhere_costs_nothing() -> None:
    logits, images = sure(torch.ones(1, 8, 8, dtype=torch.int64), 3, 200.0), torch.rand(1, 3, 8, 8).double()
    assert price(GatedCrf(), logits, images) < 1e-80
    assert pull(GatedCrf(), logits, images).abs().max() < 1e-80


@given(batch=seen())
def test_it_is_never_negative_and_at_most_the_window(batch: Seen) -> None:
    assert 0 <= price(GatedCrf(radius=2), *batch) <= 24


@given(batch=seen(), cut=st.integers(1, 40))
def test_blocks_change_nothing(batch: Seen, cut: int) -> None:
    """The image goes through the cache in pieces; where they are cut is immaterial."""
    whole = price(GatedCrf(), *batch), pull(GatedCrf(), *batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gated_crf, "BLOCK", cut)
        pieces = price(GatedCrf(), *batch), pull(GatedCrf(), *batch)
    torch.testing.assert_close(pieces, whole, rtol=1e-12, atol=1e-14)


def test_images_of_a_batch_do_not_meet() -> None:
    torch.manual_seed(0)
    logits, images = torch.randn(3, 2, 6, 5).double(), torch.rand(3, 3, 6, 5).double()
    alone = [pull(GatedCrf(), logits[i : i + 1], images[i : i + 1]) / 3 for i in range(3)]
    torch.testing.assert_close(pull(GatedCrf(), logits, images), torch.cat(alone), rtol=1e-12, atol=1e-15)


def test_scale_is_the_loss_of_the_averaged_image() -> None:
    torch.manual_seed(0)
    logits, images = torch.randn(1, 2, 4, 6).double(), torch.rand(1, 3, 4, 6).double()
    blown = [x.repeat_interleave(2, 2).repeat_interleave(2, 3) for x in (logits, images)]
    small = price(GatedCrf(radius=2, sigma_xy=3), logits, images)
    large = price(GatedCrf(radius=4, sigma_xy=6, scale=2), *blown)
    torch.testing.assert_close(large, 4 * small, rtol=1e-12, atol=0)


@pytest.mark.parametrize("quick", [GatedCrf(scale=2), GatedCrf(stride=2)], ids=["scale", "stride"])
def test_quick_settings_estimate_the_same_sum(quick: GatedCrf) -> None:
    row, col = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    away = (row - 24).hypot(col - 20)[None, None].double()
    image, tilt = torch.sigmoid((15 - away) / 4), (12 - away) / 3
    logits = torch.cat([-tilt, tilt], 1)
    full, estimate = (price(crf, logits, image).item() for crf in (GatedCrf(), quick))
    assert estimate == pytest.approx(full, rel=0.15)


def test_it_moves_an_edge_to_the_images_edge() -> None:
    """A prediction whose object begins a column too late is pulled to where the colour changes."""
    image = 0.8 * drawn(HALVES).double()[:, None]
    late = drawn(HALVES).clone()
    late[:, :, 4] = 0
    logits = sure(late, 2, 1.0)
    for _ in range(60):
        logits -= 2 * pull(GatedCrf(), logits, image)
    assert torch.equal(logits.argmax(1), drawn(HALVES))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"radius": 0}, "radius"),
        ({"sigma_rgb": 0}, "sigma_rgb"),
        ({"stride": 0}, "stride"),
        ({"scale": 0}, "scale"),
        ({"sigma": 1}, "Did you mean 'sigma_"),
    ],
)
def test_bad_settings_are_refused(data: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        validated(GatedCrf, data)


@pytest.mark.real_data
def test_defaults_eat_vessels_and_the_thin_setting_keeps_them(drive_root: Path) -> None:
    """From the true mask at 0.9 / 0.1, sixty steps down the loss alone."""
    data = Drive(root=drive_root)
    sample = data.read(data.names("train")[0])
    assert sample.mask is not None
    image = torch.from_numpy(sample.image)[None, :, 150:406, 150:406]
    vessel = torch.from_numpy(sample.mask)[None, 150:406, 150:406] == 1
    left = {}
    for name, crf in {"default": GatedCrf(), "thin": THIN}.items():
        logits = (math.log(9) * torch.nn.functional.one_hot(vessel.long(), 2).movedim(-1, 1)).float()
        logits.requires_grad_()
        optimizer = torch.optim.Adam([logits], lr=0.1)
        for _ in range(60):
            optimizer.zero_grad()
            price(crf, logits, image).backward()
            optimizer.step()
        left[name] = float((logits.argmax(1) == 1)[vessel].float().mean())
    assert left["default"] < 0.2
    assert left["thin"] > 0.8
