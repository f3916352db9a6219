"""Annotators: simulated people, who turn masks into marks."""

from typing import Annotated

from pydantic import Field

from pointillist.annotate.annotator import Annotator
from pointillist.annotate.density import Density
from pointillist.annotate.full import Full
from pointillist.annotate.mistakes import Mistakes
from pointillist.annotate.points import PointsAnnotator
from pointillist.core.config import Table

AnyAnnotator = Annotated[Full | Density | PointsAnnotator | Mistakes, Field(discriminator="kind")]
ANNOTATORS: Table[Annotator] = Table("annotator", AnyAnnotator, Annotator)

# `mistakes` wraps any annotator, itself included, so its field is known only once all are.
Mistakes.model_rebuild(_types_namespace={"AnyAnnotator": AnyAnnotator})

__all__ = ["ANNOTATORS", "Annotator", "AnyAnnotator", "Density", "Full", "Mistakes", "PointsAnnotator"]
