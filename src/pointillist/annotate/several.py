"""Several annotators at work on the same image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from pointillist.annotate.annotator import Annotator
from pointillist.annotate.mixed import Mixed
from pointillist.core.marks import Mark
from pointillist.core.shapes import MaskArray

if TYPE_CHECKING:
    from pointillist.annotate import AnyAnnotator


class Several(Annotator):
    """Draw on each image what several annotators draw, one after the other.

    Where they disagree about a pixel, the later one holds. The first draws exactly what it draws alone with
    the same seed; the others have chance of their own, so that what they draw does not depend on it.

    Args:
        of: the annotators, in order. The first may not be `mixed`: alone it chooses by a chance of its own.

    Raises:
        InputError: the first is a mixture.

    >>> from pointillist.annotate import PointsAnnotator, Tags
    >>> both = Several(of=(PointsAnnotator(positive=1, negative=1), Tags()))
    >>> both.in_words()
    '1+1 clicks and tags'
    """

    kind: Literal["several"] = "several"
    of: Annotated[tuple[AnyAnnotator, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _first_as_alone(self) -> Several:
        if isinstance(self.of[0], Mixed):
            raise ValueError("the first of several may not be mixed: put it behind another, or mix several")
        return self

    @property
    def truthful(self) -> bool:
        """Whether all tell the truth."""
        return all(person.truthful for person in self.of)

    def in_words(self) -> str:
        """Say what each draws."""
        return " and ".join(person.in_words() for person in self.of)

    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Draw the marks of all, in order."""
        first, *others = self.of
        # Before any chance is spawned for the others: they are numbered, and the first may spawn some itself.
        marks = first.draw(truth, num_classes, rng)
        # With a shared generator, one more click of the first would move all scribbles of the second.
        for person, own in zip(others, rng.spawn(len(others)), strict=True):
            marks += person.draw(truth, num_classes, own)
        return marks
