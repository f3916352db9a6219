"""One propagator for images with boxes alone, another for the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pointillist.core.known import Known
from pointillist.core.shapes import ImageArray
from pointillist.propagate.propagator import Example, Features, Probs, Propagator, Spreader
from pointillist.propagate.start import silent_boxes

if TYPE_CHECKING:
    from pointillist.propagate import AnyPropagator


class Boxed(Propagator):
    """Ask one propagator about images whose objects are boxed and not clicked, another about all others.

    A box says where an object ends and nothing of what is inside: what grows from clicks fills little of it,
    and what cuts along its outline needs no click. Each one's own confidence is applied to its answers.

    Args:
        boxes: asked about images with a box in which nothing of its class is labelled.
        others: asked about those with clicks, with nothing, with whatever else.

    >>> from pointillist.propagate import Grabcut, Superpixels
    >>> Boxed(boxes=Grabcut(), others=Superpixels()).confidence
    0.0

    Source: ours.
    """

    kind: Literal["boxed"] = "boxed"
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    boxes: AnyPropagator
    others: AnyPropagator

    @model_validator(mode="after")
    def _one_learned_kind(self) -> Boxed:
        if len({self.boxes.wants, self.others.wants} - {None}) > 1:
            raise ValueError("boxes and others may want one learned kind in all: encoder or vae")
        return self

    @property
    def wants(self) -> Literal["encoder", "vae"] | None:
        """What either asks for."""
        return self.boxes.wants or self.others.wants

    def prepare(self, examples: Sequence[Example], seed: int, features: Features | None = None) -> Spreader:
        """Prepare both."""
        asked = (self.boxes, self.others)
        boxed, other = (one.prepare(examples, seed, features if one.wants else None) for one in asked)

        def spread(image: ImageArray, known: Known) -> Probs:
            if silent_boxes(known).any():
                return self.boxes.propagate(boxed, image, known)
            return self.others.propagate(other, image, known)

        return spread
