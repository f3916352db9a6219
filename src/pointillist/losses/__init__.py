"""Losses: scalar functions of logits and a target, exactly 0 where the target is unknown."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pointillist.core.config import Table
from pointillist.losses.cross_entropy import CrossEntropy
from pointillist.losses.dice import Dice
from pointillist.losses.focal import Focal
from pointillist.losses.loss import Loss

AnyLoss = Annotated[CrossEntropy | Dice | Focal, Field(discriminator="kind")]
LOSSES: Table[Loss] = Table("loss", AnyLoss, Loss)

__all__ = ["LOSSES", "AnyLoss", "CrossEntropy", "Dice", "Focal", "Loss"]
