"""What a network's probabilities mean, found from a few labelled pixels that nobody learnt from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64
from scipy import optimize
from scipy.special import log_softmax, softmax

_STEEPNESS = 4.0
_SHIFT = 0.125
_ROUNDS = 200
_DOUBT = 0.5
_ENOUGH = 50_000


class Calibration(NamedTuple):
    """How log-probabilities z of a network become probabilities: softmax of slope z + shifts.

    Args:
        slope: below 1 where the network is surer than it should be.
        shifts: one for each class; they hold how much of the pixels each class has, too.
        seen: which classes had labelled pixels; the others keep the network's own probabilities.
    """

    slope: float
    shifts: Float[np.ndarray, " k"]
    seen: Bool[np.ndarray, " k"]

    def __call__(self, logs: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        """Calibrate log-probabilities."""
        probs: np.ndarray = np.exp(logs)
        rest = 1 - probs[:, ~self.seen].sum(1, keepdims=True)
        mine = softmax(self.slope * logs[:, self.seen] + self.shifts[self.seen], axis=1)
        probs[:, self.seen] = rest * mine
        return probs


def calibrate(
    logs: Float[np.ndarray, "n k"], labels: Int64[np.ndarray, " n"], everywhere: Float[np.ndarray, "m k"]
) -> Calibration:
    """Fit a slope and a shift for each class.

    People label as many pixels of a small class as of a large one. So first the classes are fitted as if each
    had equally many (every class weighing the same), then the shares of the classes are raised or lowered
    until the calibrated probabilities of all pixels have those very shares on average. A network that hardly
    tells the labelled pixels apart says nothing about shares: what is doubted, 1 / (1 + 2 n I^2) with I the
    mean log-likelihood above chance, is taken to be background, so that nobody is deceived by an untrained
    network that sees objects everywhere.

    Args:
        logs: a network's log-probabilities at labelled pixels, which lie anywhere on their class.
        labels: of those pixels.
        everywhere: log-probabilities at a fair sample of all pixels.

    Source: J. Platt, Probabilistic outputs for support vector machines, 1999, for one slope and K classes,
    with a weak prior on slope 1 and shifts 0, which decides where labels do not; the shares are the
    maximum-likelihood ones of M. Saerens et al., Neural Computation 2002, equation 2.9.
    """
    counts = np.bincount(labels, minlength=logs.shape[1])
    seen = counts > 0
    kept, place = logs[:, seen], (np.cumsum(seen) - 1)[labels]
    weight = 1 / (counts[seen] * (1 / counts[seen]).mean())
    truth = np.eye(int(seen.sum()))[place]
    each = weight[place]

    def cost(values: np.ndarray) -> tuple[float, np.ndarray]:
        slope, shifts = np.exp(values[0]), values[1:]
        z = log_softmax(slope * kept + shifts, axis=1)
        wrong = each[:, None] * (np.exp(z) - truth)
        nll = -(each * z[np.arange(len(z)), place]).sum()
        down = np.concatenate([[slope * (wrong * kept).sum()], wrong.sum(0)])
        prior = np.concatenate([[_STEEPNESS], np.full(len(shifts), _SHIFT)])
        return float(nll + (prior * values**2).sum()), down + 2 * prior * values

    found = optimize.minimize(cost, np.zeros(1 + len(weight)), jac=True, method="L-BFGS-B").x
    # The weights' sum, which is the number of labels only where each class has as many.
    told = max(1e-3, np.log(len(weight)) - cost(found)[0] / each.sum())
    doubt = _DOUBT / (_DOUBT + len(labels) * told**2)
    slope, shifts = float(np.exp(found[0])), np.zeros(logs.shape[1])
    fair = everywhere[:: max(1, len(everywhere) // _ENOUGH), seen]
    shifts[seen] = found[1:] + np.log(_shares(slope * fair + found[1:], doubt))
    return Calibration(slope, shifts, seen)


def _shares(scores: Float[np.ndarray, "m s"], doubt: float) -> Float[np.ndarray, " s"]:
    """Find the classes' shares from scores under which they would be equal, by expectation-maximisation.

    Each round the first class, background, gets the doubtful part of the others' shares.
    """
    balanced = softmax(scores, axis=1)
    shares = np.full(scores.shape[1], 1 / scores.shape[1])
    for _ in range(_ROUNDS):
        joint = balanced * shares
        new = np.maximum((joint / joint.sum(1, keepdims=True)).mean(0), 1e-6)
        new[1:] *= 1 - doubt
        new[0] = 1 - new[1:].sum()
        if np.abs(new - shares).max() < 1e-6:
            break
        shares = new
    scaled: np.ndarray = shares / shares.sum()
    return scaled
