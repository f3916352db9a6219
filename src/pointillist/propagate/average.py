"""Several propagators asked at once, and their answers averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, model_validator

from pointillist.core.known import Known
from pointillist.core.shapes import ImageArray
from pointillist.propagate.propagator import Example, Features, Probs, Propagator, Spreader

if TYPE_CHECKING:
    from pointillist.propagate import AnyPropagator


class Average(Propagator):
    """Ask several propagators and average their probabilities.

        p_i = sum over members m that answer at pixel i of p_im  /  how many they are

    One that looks at a single image finds its outlines; one that learnt from all images knows which of them
    matters. They err in different places, so that their mean is better than either.

    Args:
        of: the propagators; their own confidence is not applied. At most one kind of learned features may be
            wanted among them.

    >>> from pointillist.propagate import Geodesic, Superpixels
    >>> Average(of=(Geodesic(), Superpixels())).wants is None
    True

    Source: J. Kittler et al., On combining classifiers, IEEE TPAMI 1998, the sum rule. Ours leaves out
    members that say nothing about a pixel.
    """

    kind: Literal["average"] = "average"
    of: tuple[AnyPropagator, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_learned_kind(self) -> Average:
        if len({member.wants for member in self.of} - {None}) > 1:
            raise ValueError("its members may want one learned kind in all: encoder or vae")
        return self

    @property
    def wants(self) -> Literal["encoder", "vae"] | None:
        """What the first member that wants any asks for."""
        return next((member.wants for member in self.of if member.wants), None)

    def prepare(self, examples: Sequence[Example], seed: int, features: Features | None = None) -> Spreader:
        """Prepare every member."""
        spreaders = [member.prepare(examples, seed, features if member.wants else None) for member in self.of]

        def spread(image: ImageArray, known: Known) -> Probs:
            answers = np.stack([spreader(image, known) for spreader in spreaders])
            answering = (answers.sum(1) > 0).sum(0)
            mean: np.ndarray = answers.sum(0) / np.maximum(answering, 1)
            return mean.astype(np.float32)

        return spread
