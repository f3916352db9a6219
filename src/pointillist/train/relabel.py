"""How a run learns in rounds from its own predictions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pointillist.core.config import Config
from pointillist.losses import CrossEntropy, Dice
from pointillist.train.term import Term

Share = Annotated[float, Field(ge=0, le=1)]


class Relabel(Config):
    """Train, predict the training images, keep what is sure and agrees with the annotation, train again.

    Each round starts from fresh weights, so that nothing but the labels carries an error on. The rounds end
    when hardly a label changes any more, or when a round scores less well by what chooses its weights
    (`Run.select`: held-out annotations, or masks); the round with the best score is kept. Without scores the
    last one is.

    Args:
        rounds: at most so many trainings after the first.
        confidence: pixels whose likeliest class is less probable are left unlabelled.
        agreement: a predicted object counts only if its own box and the drawn one overlap by at least this
            (intersection over union); otherwise the inside of the drawn box is left unlabelled.
        settled: the rounds end when a smaller share of the labels changed.
        supervise: terms of the later rounds, whose labels are nearly dense.
    """

    rounds: Annotated[int, Field(ge=1, le=20)] = 1
    confidence: Share = 0.8
    agreement: Share = 0.5
    settled: Share = 0.01
    supervise: tuple[Term, ...] = Field(default=(Term(loss=CrossEntropy()), Term(loss=Dice())), min_length=1)
