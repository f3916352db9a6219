"""What every loss is: a frozen object of its hyper-parameters that maps logits and a target to a scalar."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from pointillist.core.config import Config
from pointillist.core.shapes import Images, Logits, Scalar
from pointillist.core.target import Target


class Loss(Config, ABC):
    """A scalar function of (logits, target, images) that costs exactly 0 where the target is unknown.

    ``reads`` names the fields of the target that it looks at; the laws in the tests are chosen by it. What is
    divided by how much is known is so over all processes that share the batch (`reduction.of_all`); a loss
    that reads nothing is a mean over images, over all their pixels, also outside a region of interest.
    """

    reads: ClassVar[frozenset[str]]

    @abstractmethod
    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss.

        Args:
            logits: raw scores.
            target: what is known about the truth.
            images: the images in [0, 1], for losses that look at colours.
        """
