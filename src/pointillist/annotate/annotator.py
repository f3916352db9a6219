"""What every annotator is: a frozen description of how a person draws, which turns a mask into marks."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from pointillist.annotate.seconds import seconds_of
from pointillist.core.annotation import Annotation
from pointillist.core.config import Config
from pointillist.core.errors import InputError
from pointillist.core.marks import Mark
from pointillist.core.rng import numpy_rng
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE, MaskArray


class Annotator(Config, ABC):
    """A simulated person: draws marks that tell the truth of a mask."""

    @property
    def truthful(self) -> bool:
        """Whether all that the marks say holds for the mask; one that makes mistakes says False."""
        return True

    @abstractmethod
    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Draw on one image.

        Args:
            truth: class indices, uint8 (H, W), IGNORE where void or outside the region of interest.
            num_classes: K, the background counted.
            rng: the only source of chance.
        """

    @abstractmethod
    def in_words(self) -> str:
        """Say in a few words what is drawn, for tables."""

    def marks_on(self, sample: Sample, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Draw on a sample: for annotators who must know more of it than its truth; see ``draw``."""
        return self.draw(sample.truth(), num_classes, rng)

    def annotate(self, sample: Sample, classes: tuple[str, ...], seed: int) -> Annotation:
        """Annotate a sample: a function of (self, seed, sample's name), never of the order of calls.

        Args:
            sample: what to draw on; nothing is drawn outside its region of interest or where it is void.
            classes: the class names, background first.
            seed: of the simulated person.

        Raises:
            InputError: the sample has no mask to draw from.
        """
        if sample.mask is None:
            raise InputError(
                f"{sample.name} must have a mask to simulate an annotation from",
                "none",
                "Annotate it by hand, or leave it out.",
            )
        truth = sample.truth()
        marks = self.marks_on(sample, len(classes), numpy_rng(seed, sample.name, "annotate"))
        present = {int(label) for label in np.unique(truth)} - {IGNORE}
        absent = len(set(range(1, len(classes))) - present) if present else 0
        return Annotation(
            name=sample.name,
            height=sample.height,
            width=sample.width,
            classes=classes,
            marks=marks,
            annotator="simulated",
            seconds=seconds_of(marks, truth, absent),
        )
