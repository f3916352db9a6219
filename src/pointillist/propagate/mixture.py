"""Mixtures of Gaussians as models of a class's colours: fitted without chance, by splitting clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

RIDGE = 1e-3
"""Added to every variance, in units of the image's: single pixels and flat patches have none."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """Weighted Gaussians.

    Args:
        log_weights: of the components.
        means: their centres.
        whiteners: matrices A with A A^T the inverse covariance.
    """

    log_weights: Float[np.ndarray, " g"]
    means: Float[np.ndarray, "g c"]
    whiteners: Float[np.ndarray, "g c c"]

    @classmethod
    def fit(cls, colours: Float[np.ndarray, "n c"], components: int) -> Mixture:
        """Split the colours and fit a Gaussian to each cluster.

        Always the cluster that spreads most in one direction is split, through its mean, across it.

        Args:
            colours: at least one.
            components: at most so many.
        """
        clusters = [colours]
        while len(clusters) < components:
            spreads = [np.linalg.eigh(_covariance(c)) for c in clusters]
            widest = int(np.argmax([values[-1] for values, _ in spreads]))
            cluster, axis = clusters[widest], spreads[widest][1][:, -1]
            side = (cluster - cluster.mean(0)) @ axis > 0
            if side.all() or not side.any():
                break
            clusters[widest : widest + 1] = [cluster[side], cluster[~side]]
        shares = np.array([len(c) for c in clusters]) / len(colours)
        inverses = [np.linalg.inv(_covariance(c)) for c in clusters]
        whiteners = np.stack([np.linalg.cholesky(inverse) for inverse in inverses])
        return cls(np.log(shares), np.stack([c.mean(0) for c in clusters]), whiteners)

    def cost(self, colours: Float[np.ndarray, "n c"]) -> Float[np.ndarray, " n"]:
        """Give minus the log density of each colour, but for a constant of the number of channels."""
        logs = []
        for log_weight, mean, whitener in zip(self.log_weights, self.means, self.whiteners, strict=True):
            distance = (((colours - mean) @ whitener) ** 2).sum(1)
            logs.append(log_weight + np.log(np.diag(whitener)).sum() - distance / 2)
        total: np.ndarray = np.logaddexp.reduce(logs, axis=0)
        return -total


def _covariance(colours: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "c c"]:
    away = colours - colours.mean(0)
    spread: np.ndarray = away.T @ away / len(colours) + RIDGE * np.eye(colours.shape[1])
    return spread
