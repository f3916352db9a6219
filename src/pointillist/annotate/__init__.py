"""Annotators: simulated people, who turn masks into marks."""

from typing import Annotated

from pydantic import Field

from pointillist.annotate.annotator import Annotator
from pointillist.annotate.boxes import Boxes
from pointillist.annotate.corrections import Click, Corrections, next_clicks
from pointillist.annotate.density import Density
from pointillist.annotate.extreme_points import ExtremePointsAnnotator
from pointillist.annotate.full import Full
from pointillist.annotate.mistakes import Mistakes
from pointillist.annotate.mixed import Mixed
from pointillist.annotate.points import PointsAnnotator
from pointillist.annotate.scribbles import Scribbles
from pointillist.annotate.several import Several
from pointillist.annotate.size_ranges import SizeRanges
from pointillist.annotate.tags import Tags
from pointillist.core.config import Table

AnyAnnotator = Annotated[
    Full
    | Density
    | PointsAnnotator
    | Scribbles
    | Boxes
    | ExtremePointsAnnotator
    | Tags
    | SizeRanges
    | Several
    | Mixed
    | Mistakes
    | Corrections,
    Field(discriminator="kind"),
]
ANNOTATORS: Table[Annotator] = Table("annotator", AnyAnnotator, Annotator)

# These wrap any annotator, themselves included, so their fields are known only once all are.
for _wrapper in (Several, Mixed, Mistakes, Corrections):
    _wrapper.model_rebuild(_types_namespace={"AnyAnnotator": AnyAnnotator})

__all__ = [
    "ANNOTATORS",
    "Annotator",
    "AnyAnnotator",
    "Boxes",
    "Click",
    "Corrections",
    "Density",
    "ExtremePointsAnnotator",
    "Full",
    "Mistakes",
    "Mixed",
    "PointsAnnotator",
    "Scribbles",
    "Several",
    "SizeRanges",
    "Tags",
    "next_clicks",
]
