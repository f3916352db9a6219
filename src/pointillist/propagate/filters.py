"""Classical filters of an image at several scales: the features of a pixel classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch.nn import functional as F

from pointillist.core.shapes import ImageArray

FeatureMaps: TypeAlias = Float[np.ndarray, "f h w"]
# Sizes and numbers of maps change on the way, so none of them is named.
Maps: TypeAlias = Float[np.ndarray, "_ _ _"]
Map: TypeAlias = Float[np.ndarray, "_ _"]


def filter_maps(image: ImageArray, sigmas: Sequence[float]) -> FeatureMaps:
    """Describe every pixel by what surrounds it, at each scale.

    For each scale: the smoothed channels; the same in units of the image's own mean and deviation; and, of
    the mean of the channels, the gradient's length, the two eigenvalues of the Hessian, those of the
    structure tensor, and the local deviation. Derivatives are multiplied by their scale, so that their size
    does not depend on it. A scale of 2.8 pixels and more is computed on a smaller image.

    Args:
        image: float in [0, 1].
        sigmas: standard deviations of the Gaussians, in pixels.

    >>> filter_maps(np.full((3, 8, 9), 0.5, np.float32), sigmas=(1.0, 4.0)).shape
    (24, 8, 9)

    Source: the features of Arganda-Carreras et al., Trainable Weka Segmentation, Bioinformatics 2017, and
    Berg et al., ilastik, Nature Methods 2019. Ours add the colours relative to the whole image's, without
    which a classifier of single pixels cannot tell dark skin from a lesion on fair skin.
    """
    mean = image.mean((1, 2), keepdims=True)
    deviation = image.std((1, 2), keepdims=True) + 0.01
    channels, height, width = image.shape
    each = 2 * channels + 6
    # One block of memory, filled scale by scale: joining large maps took longer than computing them.
    maps = np.empty((len(sigmas) * each, height, width), np.float32)
    for number, sigma in enumerate(sigmas):
        factor = _factor(sigma)
        level = _reduced(image, factor)
        smooth = _blurred(level, sigma / factor)
        here = maps[number * each : (number + 1) * each]
        here[:channels] = _enlarged(smooth, factor, height, width)
        here[channels : 2 * channels] = (here[:channels] - mean) / deviation
        shapes = _shapes(level.mean(0), smooth.mean(0), sigma / factor)
        here[2 * channels :] = _enlarged(shapes, factor, height, width)
    return maps


def guided(probs: Maps, image: ImageArray, radius: int) -> Maps:
    """Smooth class probabilities along the image: within a window they become linear in its brightness.

    So flat parts are averaged, and an outline stays where the image has an edge. The classes' sum stays 1.

    Args:
        probs: class probabilities, (K, H, W).
        image: of the same height and width.
        radius: of the square window, in pixels; 0: nothing is done.

    Source: K. He et al., Guided image filtering, PAMI 2013, equations 5 to 8, with epsilon = 0.001, and
    the mean of the channels as guide. Ours cuts off what the linear model leaves of the range 0 to 1.
    """
    if radius == 0:
        return probs
    guide = image.mean(0)

    def mean(maps: np.ndarray) -> np.ndarray:
        sides = (0,) * (maps.ndim - 2) + (2 * radius + 1,) * 2
        averaged: np.ndarray = ndimage.uniform_filter(maps, sides, mode="nearest")
        return averaged

    # The filter is linear and keeps constants, so the last class is what the others leave.
    free = probs[:-1]
    bright, level = mean(guide), mean(free)
    spread = mean(guide * guide) - bright * bright
    slope = (mean(guide * free) - bright * level) / (spread + 0.001)
    smooth = mean(slope) * guide + mean(level - slope * bright)
    whole = np.clip(np.concatenate([smooth, 1 - smooth.sum(0, keepdims=True)]), 0, None)
    shares: np.ndarray = (whole / whole.sum(0)).astype(np.float32)
    return shares


def _factor(sigma: float) -> int:
    """Give the power of two by which an image may shrink before a Gaussian: 1.4 pixels of it remain."""
    return 1 << max(0, int(np.floor(np.log2(sigma / 1.4) + 1e-6)))


def _reduced(image: ImageArray, factor: int) -> Maps:
    if factor == 1:
        return np.asarray(image, np.float32)
    below, right = -image.shape[1] % factor, -image.shape[2] % factor
    padded = np.pad(image, ((0, 0), (0, below), (0, right)), mode="edge").astype(np.float32)
    channels, height, width = padded.shape
    blocks = padded.reshape(channels, height // factor, factor, width // factor, factor)
    means: np.ndarray = blocks.mean((2, 4))
    return means


def _enlarged(maps: Maps, factor: int, height: int, width: int) -> Maps:
    if factor == 1:
        return maps
    large = F.interpolate(torch.from_numpy(maps)[None], scale_factor=factor, mode="bilinear")
    cut: np.ndarray = large[0, :, :height, :width].numpy()
    return cut


def _blurred(maps: Maps, sigma: float) -> Maps:
    blurred: np.ndarray = ndimage.gaussian_filter(maps, (0, sigma, sigma), mode="nearest", truncate=3.0)
    return blurred


def _shapes(level: Map, smooth: Map, sigma: float) -> Maps:
    """Give gradient, Hessian, structure tensor and deviation of a grey image."""
    down, right = _slopes(smooth)
    (dd, dr), (_, rr) = _slopes(down), _slopes(right)
    # The products of slopes and the squares are smoothed at the same scale, as one stack.
    products = np.stack([down * down, down * right, right * right, (level - smooth) ** 2])
    *tensor, variance = _blurred(products, sigma)
    hessian = _eigenvalues(dd * sigma**2, dr * sigma**2, rr * sigma**2)
    structure = np.sqrt(np.maximum(_eigenvalues(*tensor), 0)) * sigma
    return np.stack([np.hypot(down, right) * sigma, *hessian, *structure, np.sqrt(np.maximum(variance, 0))])


def _slopes(grey: Map) -> tuple[Map, Map]:
    """Give the central differences along both axes; 0 along an axis of one pixel."""
    padded = np.pad(grey, 1, mode="edge")
    return (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2, (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2


def _eigenvalues(a: Map, b: Map, c: Map) -> Float[np.ndarray, "2 _ _"]:
    """Give the larger and the smaller eigenvalue of the symmetric 2 x 2 matrices ((a, b), (b, c))."""
    half, root = (a + c) / 2, np.hypot((a - c) / 2, b)
    return np.stack([half + root, half - root])
