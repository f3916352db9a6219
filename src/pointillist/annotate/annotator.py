"""What every annotator is: a frozen description of how a person draws, which turns a mask into marks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

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
    """A simulated person: draws marks that tell the truth of a mask.

    ``truthful`` says whether every drawn pixel carries the mask's class; one that makes mistakes says False.
    """

    truthful: ClassVar[bool] = True

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
        marks = self.draw(truth, len(classes), numpy_rng(seed, sample.name, "annotate"))
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
