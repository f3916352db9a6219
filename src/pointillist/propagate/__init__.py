"""Propagators: they spread what is known about an image over more of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pointillist.core.config import Table
from pointillist.propagate.feature_forest import FeatureForest
from pointillist.propagate.filled_box import FilledBox
from pointillist.propagate.geodesic import Geodesic
from pointillist.propagate.grabcut import Grabcut
from pointillist.propagate.propagator import LocalPropagator, Propagator
from pointillist.propagate.random_walker import RandomWalker
from pointillist.propagate.sam import Sam
from pointillist.propagate.superpixels import Superpixels

AnyPropagator = Annotated[
    FeatureForest | FilledBox | Geodesic | Grabcut | RandomWalker | Sam | Superpixels,
    Field(discriminator="kind"),
]
PROPAGATORS: Table[Propagator] = Table("propagator", AnyPropagator, Propagator)

__all__ = [
    "PROPAGATORS",
    "AnyPropagator",
    "FeatureForest",
    "FilledBox",
    "Geodesic",
    "Grabcut",
    "LocalPropagator",
    "Propagator",
    "RandomWalker",
    "Sam",
    "Superpixels",
]
