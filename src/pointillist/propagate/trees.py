"""Randomised trees on the features of pixels, in threads of our own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float

TREES = 40
FEW = 1000
"""Pixels up to which it takes longer to hand them to threads than to learn them."""
SCARCE = 10
"""Labelled pixels of a class below which a leaf may hold a single one: two of each class would never be told
apart else, and what is clicked first would show nothing."""
T = TypeVar("T")
R = TypeVar("R")


class ExtraTrees:
    """Extremely randomised trees: the answers of scikit-learn's `ExtraTreesClassifier`, and nothing beside.

    Its own way to its threads resets Python's list of warning filters in each of them, which threads share:
    after a while, beside a server's other threads, the list stays empty or as another thread had it for a
    moment, and warnings flood the terminal or become errors. The trees themselves are scikit-learn's.

    Args:
        seed: of all chance.

    Source: Geurts, Ernst and Wehenkel 2006; classes are weighed as if they had as many pixels each.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.trees: list[Any] = []
        self.classes_ = np.empty(0, np.int64)

    def fit(self, pixels: Float[np.ndarray, "n c"], labels: np.ndarray) -> ExtraTrees:
        """Learn from pixels, float32, and the class of each."""
        from sklearn.tree import ExtraTreeClassifier
        from sklearn.utils import check_random_state

        pixels = np.ascontiguousarray(pixels, np.float32)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        counts = np.bincount(numbers)
        weights = (len(numbers) / (len(self.classes_) * counts))[numbers]
        chance = check_random_state(self.seed)
        leaf = 1 if counts.min() < SCARCE else 2

        def grown(seed: int) -> Any:
            tree = ExtraTreeClassifier(
                max_features=0.3, min_samples_leaf=leaf, max_leaf_nodes=1024, random_state=seed
            )
            return tree.fit(pixels, numbers, sample_weight=weights, check_input=False)

        # The seeds that scikit-learn's forest would give its trees.
        seeds = [int(chance.randint(np.iinfo(np.int32).max)) for _ in range(TREES)]
        self.trees = _in_threads(grown, seeds, 1 if len(numbers) <= FEW else torch.get_num_threads())
        return self

    def predict_proba(self, pixels: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n k"]:
        """Give each pixel's share of the trees' votes, by class."""
        pixels = np.ascontiguousarray(pixels, np.float32)
        threads = min(torch.get_num_threads(), TREES)

        def summed(start: int) -> np.ndarray:
            total = np.zeros((len(pixels), len(self.classes_)))
            for tree in self.trees[start::threads]:
                total += tree.predict_proba(pixels, check_input=False)
            return total

        probs: np.ndarray = np.sum(_in_threads(summed, range(threads), threads), axis=0) / TREES
        return probs


class Committee:
    """Classifiers of which each has the same say.

    Args:
        members: untrained.
    """

    def __init__(self, members: Sequence[Any]) -> None:
        self.members = members
        self.classes_ = np.empty(0, np.int64)

    def fit(self, pixels: Float[np.ndarray, "n c"], labels: np.ndarray) -> Committee:
        """Let every member learn."""
        for member in self.members:
            member.fit(pixels, labels)
        self.classes_ = self.members[0].classes_
        return self

    def predict_proba(self, pixels: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n k"]:
        """Give the mean of the members' probabilities."""
        probs: np.ndarray = np.mean([member.predict_proba(pixels) for member in self.members], axis=0)
        return probs


def _in_threads(work: Callable[[T], R], items: Sequence[T], threads: int) -> list[R]:
    if threads == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))
