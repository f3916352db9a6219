"""The auto-encoder: its shapes for any image, its loss by hand, that it learns."""

import pytest
import torch

from pointillist.core.errors import InputError
from pointillist.core.rng import torch_rng
from pointillist.models.vae import Vae

SMALL = Vae(widths=(8, 16), latents=4)


def built(channels: int = 3, recipe: Vae = SMALL) -> torch.nn.Module:
    torch.manual_seed(0)
    return recipe.build(channels)


def blobs(count: int, side: int = 32) -> torch.Tensor:
    """Discs of one colour somewhere on a ground of another."""
    generator = torch_rng(0, "blobs")
    rows, cols = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    images = []
    for _ in range(count):
        row, col, radius, light = torch.rand(4, generator=generator)
        near = (rows - 8 - 16 * row) ** 2 + (cols - 8 - 16 * col) ** 2 < (4 + 4 * radius) ** 2
        images.append((0.2 + 0.2 * light + 0.5 * near).expand(3, side, side))
    return torch.stack(images)


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (32, 24)])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_size_comes_back(size: tuple[int, int], channels: int) -> None:
    network = built(channels).eval()
    images = torch.rand(2, channels, *size)
    mean, log_variance = network.encode(images)
    assert mean.shape == log_variance.shape
    painted = network.decode(mean, *size)
    assert painted.shape == images.shape
    assert painted.min() >= 0
    assert painted.max() <= 1
    # The latents, one map for each width, and the full resolution's.
    assert network.describe(mean, *size).shape == (2, 4 + 16 + 8 + 8, *size)


def test_another_number_of_channels_is_a_mistake() -> None:
    with pytest.raises(InputError, match="3 channels"):
        built(3).encode(torch.zeros(1, 1, 8, 8))


def test_the_loss_by_hand() -> None:
    """With s = 0 nothing is drawn, so the loss is 1/2 log mse plus the divergence of (m, s) from (0, 1)."""
    network = built().eval()
    torch.nn.init.zeros_(network.moments.weight)
    with torch.no_grad():
        network.moments.bias[:4], network.moments.bias[4:] = 0.5, -12
    images = blobs(2)
    mean, log_variance = network.encode(images)
    assert (mean == 0.5).all()
    assert (log_variance == -12).all()
    loss = network.loss(images, torch_rng(0, "noise"))
    error = (network.decode(mean, 32, 32) - images).square().mean()
    each = 0.5 * (0.25 + torch.exp(torch.tensor(-12.0)) - 1 + 12)
    expected = 0.5 * error.log() + each * mean.numel() / images.numel()
    # The noise of deviation e^-6 still moves the decoder a hair.
    torch.testing.assert_close(loss, expected, rtol=0, atol=2e-3)


def test_the_divergence_equals_torch() -> None:
    network = built().eval()
    images = blobs(2)
    mean, log_variance = network.encode(images)
    posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
    reference = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0, 1)).sum()
    noise = torch.randn(mean.shape, generator=torch_rng(0, "noise"))
    painted = network.decode(mean + noise * posterior.stddev, 32, 32)
    expected = (painted - images).square().mean().log() / 2 + reference / images.numel()
    torch.testing.assert_close(network.loss(images, torch_rng(0, "noise")), expected)


def test_it_learns_to_repaint() -> None:
    network, images = built(), blobs(16)
    plain = (images.mean((2, 3), keepdim=True) - images).square().mean()
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for step in range(120):
        optimiser.zero_grad()
        network.loss(images, torch_rng(0, step)).backward()
        optimiser.step()
    network.eval()
    with torch.no_grad():
        painted = network.decode(network.encode(images)[0], 32, 32)
    assert (painted - images).square().mean() < plain / 4
