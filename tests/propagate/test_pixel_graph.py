"""Graphs of pixels: against dense linear algebra, brute-force paths and scikit-image."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import random_walker

from pointillist.propagate.pixel_graph import distances, edges_of, harmonic, lengths_of, squared_steps


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (4, 1), (3, 4)], ids=str)
@pytest.mark.parametrize("neighbours", [4, 8])
def test_edges_join_every_pair_of_neighbours_once(size: tuple[int, int], neighbours: int) -> None:
    height, width = size
    far = 1.0 if neighbours == 4 else 1.5
    places = [(row, col) for row in range(height) for col in range(width)]
    expected = {
        frozenset((a, b))
        for a, (r, c) in enumerate(places)
        for b, (q, d) in enumerate(places)
        if a != b and np.hypot(r - q, c - d) <= far
    }
    edges = edges_of(height, width, neighbours)
    assert edges.shape[1] == len(expected)
    assert {frozenset(pair) for pair in edges.T.tolist()} == expected
    np.testing.assert_array_less(lengths_of(edges, width), 1.5)
    assert (lengths_of(edges_of(height, width, 4), width) == 1).all()


def test_walks_equal_dense_linear_algebra() -> None:
    rng = np.random.default_rng(0)
    edges = edges_of(5, 6, 8)
    weights = rng.random(edges.shape[1]) + 0.01
    seeds = np.zeros((3, 30))
    seeds[[0, 1, 2], [0, 17, 29]] = 1
    seeds[:2, 8] = 0.5
    adjacency = np.zeros((30, 30))
    adjacency[edges[0], edges[1]] = adjacency[edges[1], edges[0]] = weights
    walk = adjacency / adjacency.sum(1, keepdims=True)
    # Walking on and on, with the seeds held fast, ends at the same place.
    probs = seeds.copy()
    for _ in range(3000):
        probs = np.where(seeds.sum(0) > 0, seeds, probs @ walk.T)
    np.testing.assert_allclose(harmonic(edges, weights, seeds), probs, atol=1e-9)


def test_walks_equal_scikit_image() -> None:
    rng = np.random.default_rng(1)
    image = ndimage.gaussian_filter(rng.random((3, 16, 20)), (0, 2, 2))
    marks = np.zeros((16, 20), int)
    marks[2, 3], marks[12, 15], marks[4, 16] = 1, 2, 3
    theirs = random_walker(image, marks, beta=500, mode="bf", return_full_prob=True, channel_axis=0)
    edges = edges_of(16, 20, 4)
    steps = ((image.reshape(3, -1)[:, edges[0]] - image.reshape(3, -1)[:, edges[1]]) ** 2).sum(0)
    weights = np.exp(-500 / (10 * image.std() * np.sqrt(3)) * steps) + 1e-10
    ends = (marks.ravel() == np.arange(1, 4)[:, None]).astype(float)
    np.testing.assert_allclose(harmonic(edges, weights, ends).reshape(3, 16, 20), theirs, atol=1e-8)


def test_distances_equal_repeated_relaxation() -> None:
    rng = np.random.default_rng(2)
    edges = edges_of(6, 7, 8)
    lengths = rng.random(edges.shape[1]) + 0.1
    seeds = np.full(42, 9)
    seeds[[3, 30]], seeds[11] = 0, 1
    slow = np.where(seeds == np.arange(2)[:, None], 0.0, np.inf)
    for _ in range(42):
        for (a, b), length in zip(edges.T, lengths, strict=True):
            slow[:, a] = np.minimum(slow[:, a], slow[:, b] + length)
            slow[:, b] = np.minimum(slow[:, b], slow[:, a] + length)
    np.testing.assert_allclose(distances(edges, lengths, seeds, 2), slow)


def test_steps_of_one_colour_are_none() -> None:
    assert not squared_steps(np.full((3, 6), 0.3, np.float32), edges_of(2, 3, 8)).any()
