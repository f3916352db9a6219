"""A recipe chooses how a run learns, whatever chose it before."""

import pytest

from pointillist.losses import SoftCrossEntropy
from pointillist.propagate import RandomWalker
from pointillist.train.recipe import RECIPES, apply_recipe
from pointillist.train.relabel import Relabel
from pointillist.train.teacher import TwoDecoders
from pointillist.train.term import Term
from tests.train.small import small_run

BEFORE = (
    {"teacher": TwoDecoders(), "supervise": (Term(loss=SoftCrossEntropy()),)},
    {"propagate": RandomWalker(), "supervise": (Term(loss=SoftCrossEntropy()),)},
    {"relabel": Relabel(), "scales": (1.0, 1.25), "views": 4},
)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("before", BEFORE, ids=lambda before: next(iter(before)))
def test_nothing_is_left_of_what_was_chosen_before(before: dict[str, object], name: str) -> None:
    fresh, _ = apply_recipe(small_run(), name)
    assert apply_recipe(small_run(**before), name)[0] == fresh
