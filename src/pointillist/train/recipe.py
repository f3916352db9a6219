"""Recipes: how to learn from what the annotations hold, chosen by looking at them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pointillist.core.config import Names, validated
from pointillist.losses import BoxTightness, CrossEntropy, Dice, GatedCrf, Size, SoftCrossEntropy, Tag
from pointillist.models import PretrainedUnet
from pointillist.models.imagenet import available
from pointillist.propagate import Grabcut, Superpixels
from pointillist.train.evidence import Evidence, gather
from pointillist.train.run import Run
from pointillist.train.teacher import MeanTeacher, TwoDecoders
from pointillist.train.term import Term

Changes = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """What a recipe makes of a run, and why.

    Args:
        changes: fields of the run.
        what: the choice, in one line.
        why: what it rests on, in one line.
    """

    changes: Changes
    what: str
    why: str


@dataclass(frozen=True)
class Recipe:
    """A named way to learn.

    Args:
        about: what it does, in one line, for the list.
        choose: from the evidence to the fields of a run.
    """

    about: str
    choose: Callable[[Evidence], Choice]


def apply_recipe(run: Run, name: str) -> tuple[Run, Choice]:
    """Let a recipe fill in how a run learns; what it learns from stays.

    Args:
        run: with data and annotations; its terms, model and schemes are replaced.
        name: of the recipe.

    Raises:
        InputError: no recipe has that name, or the data can't be read.
    """
    choice = RECIPES[name].choose(gather(run))
    data = run.model_dump(mode="json")
    plain = {key: _plain(value) for key, value in choice.changes.items()}
    return validated(Run, {**data, **plain}), choice


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
