"""A data set in which each image was annotated in another way, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from pointillist.annotate.annotator import Annotator
from pointillist.core.annotation import Annotation
from pointillist.core.marks import Mark
from pointillist.core.rng import numpy_rng
from pointillist.core.sample import Sample
from pointillist.core.shapes import MaskArray

if TYPE_CHECKING:
    from pointillist.annotate import AnyAnnotator

Share = Annotated[float, Field(gt=0, le=1)]


class Mixed(Annotator):
    """Let each image be annotated by one of several annotators, chosen by chance, or by nobody.

    The choice is a function of the seed and the image's name. An image that an annotator gets carries
    exactly what that one would draw on it alone, so that two mixtures differ in who draws only. What nobody
    annotates has no marks and costs nothing.

    Args:
        of: the annotators, each with the probability that an image is theirs; the rest of the images, when
            the shares add up to less than 1, stay without annotation.

    Raises:
        InputError: the shares add up to more than 1.

    >>> from pointillist.annotate import Full, Tags
    >>> Mixed(of=((Full(), 0.1), (Tags(), 0.5))).in_words()
    '0.1 full masks, 0.5 tags, 0.4 nothing'
    """

    kind: Literal["mixed"] = "mixed"
    of: Annotated[tuple[tuple[AnyAnnotator, Share], ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _shares(self) -> Mixed:
        if (total := sum(share for _, share in self.of)) > 1 + 1e-9:
            raise ValueError(f"the shares must add up to at most 1, not {total:g}")
        return self

    @property
    def truthful(self) -> bool:
        """Whether all tell the truth."""
        return all(person.truthful for person, _ in self.of)

    def in_words(self) -> str:
        """Say who draws how often."""
        words = [f"{share:g} {person.in_words()}" for person, share in self.of]
        rest = 1 - sum(share for _, share in self.of)
        return ", ".join([*words, *([f"{rest:.3g} nothing"] if rest > 1e-9 else [])])

    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Draw as the one whose image this is; nothing where it is nobody's."""
        person = self._whose(rng)
        return person.draw(truth, num_classes, rng) if person is not None else ()

    def annotate(self, sample: Sample, classes: tuple[str, ...], seed: int) -> Annotation:
        """Annotate a sample as the one whose image it is; see ``Annotator.annotate``."""
        # A mixture within this one must not choose by the same number.
        mixtures = self.to_json().count('"kind":"mixed"')
        person = self._whose(numpy_rng(seed, sample.name, "whose", mixtures))
        if person is not None:
            return person.annotate(sample, classes, seed)
        return Annotation(
            name=sample.name,
            height=sample.height,
            width=sample.width,
            classes=classes,
            annotator="simulated",
            seconds=0.0,
        )

    def _whose(self, rng: np.random.Generator) -> AnyAnnotator | None:
        # A child's chance: drawing from the parent's would change what the chosen one draws.
        (choice,) = rng.spawn(1)
        ends = np.cumsum([share for _, share in self.of])
        # Shares of 1 in all must leave nothing over for a rounding error.
        ends[-1] = 1.0 if ends[-1] > 1 - 1e-9 else ends[-1]
        at = int(np.searchsorted(ends, choice.random(), side="right"))
        return self.of[at][0] if at < len(self.of) else None
