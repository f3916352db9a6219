"""GrabCut: its cut against every labelling, its mixture against scikit-learn, the whole against OpenCV."""

import itertools

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from pointillist.propagate import Grabcut
from pointillist.propagate.grabcut import cheapest_cut, labelled_by_cuts
from pointillist.propagate.mixture import RIDGE, Mixture
from pointillist.propagate.pixel_graph import edges_of
from tests.propagate.scenes import boxed, disc


@pytest.mark.parametrize("seed", range(8))
def test_no_labelling_is_cheaper(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = edges_of(3, 4, 8)
    # Fiftieths, so that nothing is rounded.
    costs = rng.integers(-100, 101, 12) / 50
    fences = rng.integers(0, 51, edges.shape[1]) / 50

    def price(chosen: np.ndarray) -> float:
        cut = chosen[edges[0]] != chosen[edges[1]]
        return float(costs[chosen].sum() + fences[cut].sum())

    best = min(price(np.array(choice)) for choice in itertools.product([False, True], repeat=12))
    assert price(cheapest_cut(costs, edges, fences)) == pytest.approx(best, abs=1e-9)


def test_seeds_are_never_cut_off() -> None:
    """All colours speak against the seed, and it still stays."""
    edges = edges_of(3, 3, 8)
    costs = np.stack([np.zeros(9), np.full(9, 300.0)])
    seeds = np.full(9, 255)
    seeds[4], seeds[0] = 1, 0
    labels = labelled_by_cuts(costs, seeds, edges, np.full(edges.shape[1], 50.0))
    assert labels.tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("label", [0, 1])
def test_a_seed_holds_what_no_outline_parts_from_it(label: int) -> None:
    """Every pixel would rather be of the other class, by a little; up to the gap the seed keeps them."""
    row = np.array([[0, 1, 2, 3], [1, 2, 3, 4]])
    costs = np.where(np.arange(2)[:, None] == label, 0.2, np.zeros(5))
    seeds = np.array([255, label, 255, 255, 1 - label])
    labels = labelled_by_cuts(costs, seeds, row, np.array([5.0, 5.0, 0.0, 5.0]))
    assert (labels == label).tolist() == [True, True, True, False, False]


def test_three_classes_follow_their_costs_where_fences_are_free() -> None:
    rng = np.random.default_rng(0)
    costs = rng.random((3, 20))
    edges = edges_of(4, 5, 8)
    labels = labelled_by_cuts(costs, np.full(20, 255), edges, np.zeros(edges.shape[1]))
    # Costs are rounded to a fiftieth, so near ties may go either way.
    np.testing.assert_allclose(costs[labels, np.arange(20)], costs.min(0), atol=0.03)


def test_mixture_is_the_sum_of_its_gaussians() -> None:
    rng = np.random.default_rng(3)
    low, high = rng.normal(0, 0.1, (300, 3)), rng.normal(2, 0.3, (100, 3))
    mixture = Mixture.fit(np.concatenate([low, high]), components=2)
    at = rng.normal(1, 1, (50, 3))
    density = sum(
        share * multivariate_normal(part.mean(0), np.cov(part.T, bias=True) + RIDGE * np.eye(3)).pdf(at)
        for share, part in ((0.75, low), (0.25, high))
    )
    expected = -np.log(density) - 1.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(mixture.cost(at), expected, rtol=1e-6)


def test_mixture_of_a_single_pixel_is_finite() -> None:
    mixture = Mixture.fit(np.array([[0.5, 0.5]]), components=5)
    assert np.isfinite(mixture.cost(np.array([[0.5, 0.5], [10.0, -10.0]]))).all()


def test_agrees_with_opencv() -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    image, mask = disc(64)
    rows, cols = np.nonzero(mask)
    top, left, bottom, right = rows.min() - 2, cols.min() - 2, rows.max() + 3, cols.max() + 3
    theirs = np.zeros((64, 64), np.uint8)
    pixels = np.rint(image.transpose(1, 2, 0) * 255).astype(np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    box = (int(left), int(top), int(right - left), int(bottom - top))
    cv2.grabCut(pixels, theirs, box, *models, 5, cv2.GC_INIT_WITH_RECT)
    known = boxed(64, 64, (1, top, left, bottom, right))
    ours = Grabcut().spread(image, known).argmax(0)
    assert (ours == np.isin(theirs, [cv2.GC_FGD, cv2.GC_PR_FGD])).mean() > 0.98
