"""Random pairs of prediction and truth for the tests of metrics, empties and void included."""

import numpy as np
from hypothesis import strategies as st

from pointillist.core.shapes import IGNORE
from pointillist.metrics import METRICS
from pointillist.metrics.confusion import confusion_matrix

Pair = tuple[np.ndarray, np.ndarray, int]


def pair(rng: np.random.Generator, side: int = 64, classes: int = 5, void: float = 0.1) -> Pair:
    """Draw (prediction, truth, K): any size and density, absent classes, each map empty now and then."""
    num_classes = int(rng.integers(2, classes + 1))
    shape = tuple(rng.integers(1, side + 1, 2))
    maps = []
    for _ in range(2):
        density = rng.choice([0.0, 0.02, 0.3, 0.7, 1.0])
        present = rng.choice(np.arange(1, num_classes), rng.integers(1, num_classes), replace=False)
        maps.append(np.where(rng.random(shape) < density, rng.choice(present, shape), 0).astype(np.uint8))
    prediction, truth = maps
    truth[rng.random(shape) < rng.choice([0, void])] = IGNORE
    return prediction, truth, num_classes


pairs = st.integers(0, 2**32 - 1).map(lambda seed: pair(np.random.default_rng(seed), side=12, classes=4))


def scores(name: str, prediction: np.ndarray, truth: np.ndarray, num_classes: int) -> np.ndarray:
    """Compute a metric of the table for each foreground class from two label maps."""
    metric, known, foreground = METRICS[name], truth != IGNORE, range(1, num_classes)
    if metric.needs == "confusion":
        values = np.atleast_1d(metric.function(confusion_matrix(prediction, truth, num_classes)))
        return values[1:] if len(values) == num_classes else values
    if metric.needs == "surface":
        more = {"tolerance": 1.0} if name == "surface_dice" else {}
        maps = [((prediction == k) & known, truth == k) for k in foreground]
        return np.array([metric.function(*both, **more) for both in maps])
    ranked = [((prediction == k)[known] * 0.5, (truth == k)[known]) for k in foreground]
    return np.array([metric.function(*both) for both in ranked])
