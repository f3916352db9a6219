"""N14, H29, H31: tiles agree with the whole image, weights sum to one, every size is answered."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from pointillist.core.errors import InputError
from pointillist.data.resample import resized
from pointillist.train.predict import Views, predict_image, predict_probs, tile_starts
from tests.train.small import CPU


class Blur(nn.Module):
    """Looks exactly `reach` pixels far, replicating the border like no tile can: only the halo helps."""

    def __init__(self, reach: int) -> None:
        super().__init__()
        self.reach = reach

    def forward(self, images: Tensor) -> Tensor:
        size = 2 * self.reach + 1
        grey = images.mean(1, keepdim=True)
        score = nn.functional.avg_pool2d(grey, size, 1, self.reach, count_include_pad=False)
        score = 20 * (score - 0.5)
        return torch.cat([-score, score], dim=1)


class Shift(nn.Module):
    """Answers each pixel with the one to its left and above: mirror images are answered otherwise."""

    def forward(self, images: Tensor) -> Tensor:
        score = images.mean(1, keepdim=True).roll((1, 1), (2, 3))
        return torch.cat([-score, score], dim=1)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((3, height, width), dtype=np.float32)


@pytest.mark.parametrize("size", [(300, 450), (257, 256), (64, 700), (513, 130)])
def test_n14_tiles_equal_the_whole_image(size: tuple[int, int]) -> None:
    image, network = noise(*size), Blur(reach=20)
    tiled = predict_image(network, image, CPU, tile=192, halo=20)
    whole = predict_image(network, image, CPU, tile=1024)
    assert max(size) > 192
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_a_halo_smaller_than_what_the_network_sees_shows_at_the_seams() -> None:
    image, network = noise(300, 450), Blur(reach=20)
    tiled = predict_image(network, image, CPU, tile=192, halo=4)
    assert np.abs(tiled - predict_image(network, image, CPU, tile=1024)).max() > 1e-4


def test_probabilities_sum_to_one_everywhere() -> None:
    probs = predict_image(Blur(3), noise(400, 300), CPU, tile=128, halo=16)
    np.testing.assert_allclose(probs.sum(0), 1, atol=1e-6)
    assert probs.dtype == np.float32


@given(
    length=st.integers(1, 3000),
    tile=st.integers(64, 512),
    halo=st.integers(0, 100),
)
def test_every_pixel_lies_deep_enough_in_some_tile(length: int, tile: int, halo: int) -> None:
    if tile < 3 * halo + 64:
        return
    starts = tile_starts(length, tile, halo)
    answered = np.zeros(length, dtype=bool)
    for start in starts:
        stop = min(start + tile, length)
        first = start + halo if start > 0 else 0
        last = stop - halo if stop < length else length
        answered[first:last] = True
    assert answered.all()
    assert all(start % 64 == 0 for start in starts)


def test_a_tile_too_small_for_its_halo_is_refused() -> None:
    with pytest.raises(InputError, match="a tile must be at least"):
        predict_image(Blur(3), noise(300, 300), CPU, tile=128, halo=64)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (97, 131)])
def test_the_answer_has_the_images_size(size: tuple[int, int]) -> None:
    assert predict_image(Blur(0), noise(*size), CPU).shape == (2, *size)
    assert predict_probs(Blur(0), torch.rand(2, 3, *size), CPU).shape == (2, 2, *size)


def test_resizing_keeps_constants_and_sums() -> None:
    probs = predict_image(Blur(3), noise(30, 40), CPU)
    assert resized(probs, 30, 40) is probs
    np.testing.assert_allclose(resized(probs, 61, 95).sum(0), 1, atol=1e-6)
    np.testing.assert_allclose(resized(np.full((3, 20, 20), 0.3, np.float32), 7, 9), 0.3, atol=1e-6)


@pytest.mark.parametrize("axis", [1, 2])
def test_with_mirror_images_the_mirrored_image_is_answered_alike(axis: int) -> None:
    image, mirrored = noise(30, 41), np.flip(noise(30, 41), axis)
    alone, four = (
        np.abs(
            predict_image(Shift(), mirrored, CPU, views=views)
            - np.flip(predict_image(Shift(), image, CPU, views=views), axis)
        ).max()
        for views in (Views(), Views(mirrors=4))
    )
    assert alone > 0.1
    assert four < 1e-6


def test_scales_average_what_is_answered_at_each_size() -> None:
    image, network = noise(40, 60), Blur(2)
    enlarged = resized(predict_image(network, resized(image, 60, 90), CPU), 40, 60)
    both = predict_image(network, image, CPU, views=Views(scales=(1.0, 1.5)))
    assert np.abs(enlarged - predict_image(network, image, CPU)).max() > 0.05
    np.testing.assert_allclose(both, (predict_image(network, image, CPU) + enlarged) / 2, atol=1e-4)


@pytest.mark.parametrize("size", [(300, 450), (257, 256)])
def test_tiles_equal_the_whole_image_at_two_sizes_too(size: tuple[int, int]) -> None:
    image, network, views = noise(*size), Blur(reach=12), Views(4, (1.0, 1.25))
    tiled = predict_image(network, image, CPU, tile=192, halo=32, views=views)
    whole = predict_image(network, image, CPU, tile=1024, views=views)
    # A tile's size times 1.25 is whole, that of an image may not be: their pixels then lie a little apart.
    assert np.abs(tiled - whole).mean() < 2e-3


class Sure(nn.Module):
    """Is surest of the second class everywhere."""

    def forward(self, images: Tensor) -> Tensor:
        score = torch.full_like(images[:, :1], 30.0)
        return torch.cat([-score, score], dim=1)


@pytest.mark.parametrize("side", [301, 333, 421])
def test_probabilities_at_several_sizes_stay_probabilities(side: int) -> None:
    for scales in ((1.0, 1.25), (1.25,), (0.7, 1.5)):
        probs = predict_image(Sure(), noise(side, 333), CPU, views=Views(scales=scales))
        assert probs.max() <= 1
        assert probs.min() >= 0
