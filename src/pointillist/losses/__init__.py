"""Losses: scalar functions of logits and a target, exactly 0 where the target is unknown."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pointillist.core.config import Table
from pointillist.losses.box_tightness import BoxTightness
from pointillist.losses.centroid import Centroid
from pointillist.losses.consistency import Consistency
from pointillist.losses.cross_entropy import CrossEntropy
from pointillist.losses.dense_crf import DenseCrf
from pointillist.losses.dice import Dice
from pointillist.losses.entropy import Entropy
from pointillist.losses.focal import Focal
from pointillist.losses.gated_crf import GatedCrf
from pointillist.losses.loss import Loss
from pointillist.losses.mumford_shah import MumfordShah
from pointillist.losses.size import Size
from pointillist.losses.soft_cross_entropy import SoftCrossEntropy
from pointillist.losses.tag import Tag
from pointillist.losses.total_variation import TotalVariation
from pointillist.losses.tree_energy import TreeEnergy

AnyLoss = Annotated[
    BoxTightness
    | Centroid
    | Consistency
    | CrossEntropy
    | DenseCrf
    | Dice
    | Entropy
    | Focal
    | GatedCrf
    | MumfordShah
    | Size
    | SoftCrossEntropy
    | Tag
    | TotalVariation
    | TreeEnergy,
    Field(discriminator="kind"),
]
LOSSES: Table[Loss] = Table("loss", AnyLoss, Loss)

__all__ = [
    "LOSSES",
    "AnyLoss",
    "BoxTightness",
    "Centroid",
    "Consistency",
    "CrossEntropy",
    "DenseCrf",
    "Dice",
    "Entropy",
    "Focal",
    "GatedCrf",
    "Loss",
    "MumfordShah",
    "Size",
    "SoftCrossEntropy",
    "Tag",
    "TotalVariation",
    "TreeEnergy",
]
