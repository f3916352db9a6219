"""Propagators: they spread what is known about an image over more of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pointillist.core.config import Table
from pointillist.propagate.average import Average
from pointillist.propagate.boxed import Boxed
from pointillist.propagate.feature_forest import FeatureForest
from pointillist.propagate.filled_box import FilledBox
from pointillist.propagate.geodesic import Geodesic
from pointillist.propagate.grabcut import Grabcut
from pointillist.propagate.propagator import LocalPropagator, Propagator
from pointillist.propagate.random_walker import RandomWalker
from pointillist.propagate.refined import Refined
from pointillist.propagate.sam import Sam
from pointillist.propagate.superpixels import Superpixels

AnyPropagator = Annotated[
    Average
    | Boxed
    | FeatureForest
    | FilledBox
    | Geodesic
    | Grabcut
    | RandomWalker
    | Refined
    | Sam
    | Superpixels,
    Field(discriminator="kind"),
]
PROPAGATORS: Table[Propagator] = Table("propagator", AnyPropagator, Propagator)

# These ask any propagator, themselves included, so their fields are known only once all are.
for _asking in (Average, Boxed, Refined):
    _asking.model_rebuild(_types_namespace={"AnyPropagator": AnyPropagator})

__all__ = [
    "PROPAGATORS",
    "AnyPropagator",
    "Average",
    "Boxed",
    "FeatureForest",
    "FilledBox",
    "Geodesic",
    "Grabcut",
    "LocalPropagator",
    "Propagator",
    "RandomWalker",
    "Refined",
    "Sam",
    "Superpixels",
]
