"""Calibration from few labels: known probabilities are drawn, distorted, and must come back."""

import numpy as np
import pytest
from scipy.special import expit, log_softmax
from sklearn.linear_model import LogisticRegression

from pointillist.train.calibrate import calibrate


def scene(share: float, slope: float, shift: float, each: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw pixels whose class has true log odds s, and a network that says (s - shift) / slope.

    Returns:
        its log-probabilities, the true probabilities, and the places of `each` labelled pixels of each class,
        background first.
    """
    rng = np.random.default_rng(3)
    classes = rng.random(60_000) < share
    odds = rng.normal(np.where(classes, 2.0, -2.0), 2.0) + np.log(share / (1 - share))
    logs = log_softmax(np.stack([np.zeros_like(odds), (odds - shift) / slope], 1), axis=1)
    chosen = [rng.choice(np.flatnonzero(classes == k), each, replace=False) for k in (False, True)]
    return logs, expit(odds), np.concatenate(chosen)


@pytest.mark.parametrize("share", [0.03, 0.3])
@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.5, 1.0), (1.5, -2.0)])
def test_a_distortion_is_undone(share: float, slope: float, shift: float) -> None:
    logs, true, chosen = scene(share, slope, shift, each=1500)
    probs = calibrate(logs[chosen], np.repeat([0, 1], 1500), logs)(logs)
    assert probs.sum(1) == pytest.approx(np.ones(len(probs)))
    assert probs[:, 1].mean() == pytest.approx(share, rel=0.15)
    assert np.abs(probs[:, 1] - true).mean() < 0.02


def test_few_labels_are_enough_for_the_share() -> None:
    logs, true, chosen = scene(0.2, 0.7, 1.0, each=40)
    probs = calibrate(logs[chosen], np.repeat([0, 1], 40), logs)(logs)
    assert probs[:, 1].mean() == pytest.approx(0.2, abs=0.03)
    assert np.abs(probs[:, 1] - true).mean() < 0.03


def test_the_slope_is_that_of_logistic_regression_on_as_many_of_each() -> None:
    logs, _, chosen = scene(0.2, 0.7, 1.0, each=3000)
    labels = np.repeat([0, 1], 3000)
    fit = calibrate(logs[chosen], labels, logs)
    odds = (logs[chosen, 1] - logs[chosen, 0])[:, None]
    known = LogisticRegression(C=1e6).fit(odds, labels).coef_[0, 0]
    assert fit.slope == pytest.approx(known, rel=0.02)


def test_of_three_classes_the_one_without_labels_keeps_what_the_network_says() -> None:
    rng = np.random.default_rng(0)
    logs = log_softmax(rng.normal(0, 2, (4000, 3)), axis=1)
    labels = logs[:200, :2].argmax(1)
    fit = calibrate(logs[:200], labels, logs)
    probs = fit(logs)
    assert fit.seen.tolist() == [True, True, False]
    assert probs[:, 2] == pytest.approx(np.exp(logs[:, 2]))
    assert probs.sum(1) == pytest.approx(np.ones(4000))


def test_perfect_separation_stays_finite_and_leaves_the_line() -> None:
    odds = np.concatenate([np.linspace(-6, -2, 500), np.linspace(2, 6, 500)])
    logs = log_softmax(np.stack([np.zeros_like(odds), odds], 1), axis=1)
    fit = calibrate(logs[::50], (odds[::50] > 0).astype(int), logs)
    assert 1 <= fit.slope < 4
    assert ((fit(logs)[:, 1] > 0.5) == (odds > 0)).all()


@pytest.mark.parametrize("counts", [(80, 80), (20, 100), (100, 20), (100, 400)])
@pytest.mark.parametrize("seed", range(6))
def test_a_network_that_tells_nothing_apart_is_not_believed_to_see_objects(
    seed: int, counts: tuple[int, int]
) -> None:
    """However the clicks are divided between the classes."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0.3, 0.7, 20_000)
    logs = log_softmax(np.stack([np.zeros_like(odds), odds], 1), axis=1)
    fit = calibrate(logs[: sum(counts)], np.repeat([0, 1], counts), logs)
    assert fit(logs)[:, 1].mean() < 0.01
