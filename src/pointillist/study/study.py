"""A study: a base, named axes and seeds, which make a grid of runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import to_jsonable_python

from pointillist.annotate import Full
from pointillist.core.change import with_values
from pointillist.core.config import Config, refused
from pointillist.core.errors import InputError, located, nearest
from pointillist.core.text import slug
from pointillist.data.split import Split
from pointillist.datasets import AnyDataset
from pointillist.metrics import METRICS
from pointillist.train.describe import default_run
from pointillist.train.recipe import RECIPES, apply_recipe
from pointillist.train.run import Run

Changes = dict[str, Any]
"""Fields of a run by their dotted path, such as ``epochs`` or ``annotate.positive``."""
TAKEN = ("seed", "run", "split", "seconds_per_image")
"""Columns of a study's table beside its axes and metrics."""
DATA = frozenset({"data"})
LEARNT_FROM = frozenset({"annotate", "annotations", "use_masks", "sizes"})
"""Fields that a recipe looks at beside the data; the others come after it, and win."""


@dataclass(frozen=True)
class Cell:
    """One run of a study and its place in the grid.

    Args:
        place: the label on each axis.
        run: complete, with its seed.
    """

    place: Mapping[str, str]
    run: Run


class Comparison(Config):
    """What a study's other places are compared with, as it was declared before the runs.

    Args:
        to: the reference: its label on one axis or more. A place's own reference has these labels, and the
            place's own ones on the other axes.
        margin: by how much of the metric a place may be worse and still count as good enough.
        metric: one that is better when larger, averaged over images.
    """

    to: Annotated[dict[str, str], Field(min_length=1)]
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.02
    metric: Literal["dice", "iou", "sensitivity", "specificity", "accuracy"] = "dice"


class Study(Config):
    """A question, and the grid of runs that answers it.

    A run is described as `pointillist train` would: what suits the data set, then the recipe, then the
    changes. The recipe looks at the first seed's annotations and holds for all seeds of a place. Places that
    come out as the same run share it: full masks are the same however clicks would have been placed.

    Args:
        name: in small letters, digits and hyphens.
        question: what the study answers, in a sentence.
        data: where images and masks come from.
        recipe: how to learn.
        changes: fields of every run.
        axes: by name, then by label, the fields that the label stands for; later axes win.
        compare: the reference and the margin; None: nothing is compared.
        seeds: how many, from 0.
        splits: measured.

    >>> from pointillist.datasets import Toy
    >>> learnt_from = {"5+5": {"annotate": {"kind": "points"}}, "full": {"annotate": {"kind": "full"}}}
    >>> study = Study(name="clicks", data=Toy(), recipe="plain", axes={"learnt from": learnt_from}, seeds=2)
    >>> [(cell.place["learnt from"], cell.run.seed) for cell in study.cells]
    [('5+5', 0), ('5+5', 1), ('full', 0), ('full', 1)]
    """

    format: Literal["pointillist-study-1"] = "pointillist-study-1"
    name: Annotated[str, Field(max_length=80)]
    question: str = ""
    data: AnyDataset
    recipe: str = "auto"
    changes: Changes = Field(default_factory=dict)
    axes: Annotated[dict[str, dict[str, Changes]], Field(min_length=1)]
    compare: Comparison | None = None
    seeds: Annotated[int, Field(ge=1, le=1000)] = 3
    splits: Annotated[tuple[Split, ...], Field(min_length=1)] = ("train", "val", "test")

    @field_validator("changes", "axes", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        # As they come back from JSON or YAML: a tuple is a list there.
        return to_jsonable_python(value)

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not re.fullmatch("[a-z0-9][a-z0-9-]*", name):
            fix = f"Write it like {slug(name) or 'my-study'}."
            raise refused("must be small letters, digits and hyphens", repr(name), fix)
        return name

    @field_validator("recipe")
    @classmethod
    def _known(cls, recipe: str) -> str:
        if recipe not in RECIPES:
            raise refused("must be a known recipe", repr(recipe), nearest(recipe, RECIPES))
        return recipe

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        for axis, labels in self.axes.items():
            if not labels:
                raise refused(f"the axis {axis!r} must have a label", "none", "Add one, or drop the axis.")
            if axis in TAKEN or axis.removesuffix("_per_image") in METRICS:
                must = f"an axis must not be named {axis!r}"
                raise refused(must, "the name of a column of the table", "Rename it.")
        changed = [self.changes, *(fields for labels in self.axes.values() for fields in labels.values())]
        if any("seed" in fields for fields in changed):
            fix = "Drop it; 'seeds: 3' makes each run with the seeds 0, 1 and 2."
            raise refused("the field seed must be left to the study", "a change to it", fix)
        return self

    @model_validator(mode="after")
    def _comparable(self) -> Study:
        if self.compare is None:
            return self
        for axis, label in self.compare.to.items():
            if axis not in self.axes:
                raise refused("compare.to must name an axis", repr(axis), nearest(axis, self.axes))
            if label not in self.axes[axis]:
                fix = nearest(label, self.axes[axis])
                raise refused(f"compare.to must name a label of {axis!r}", repr(label), fix)
        if "test" not in self.splits:
            fix = "Add test to splits, or drop compare."
            raise refused("a study that compares must measure the test images", ", ".join(self.splits), fix)
        return self

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The grid, axis by axis, the seeds last: the recipe looks at every place's annotations once.

        Raises:
            InputError: a change has no such field, or two labels of an axis never differ.
        """
        found = tuple(self._cells())
        for axis in self.axes:
            made: dict[str, list[str]] = {}
            for cell in found:
                made.setdefault(cell.place[axis], []).append(cell.run.id)
            seen: dict[tuple[str, ...], str] = {}
            for label, ids in made.items():
                if (other := seen.setdefault(tuple(ids), label)) != label:
                    must = f"every label of the axis {axis!r} must make runs of its own"
                    raise InputError(must, f"the same for {other} and {label}", "Drop one.")
        return found

    @property
    def runs(self) -> tuple[Cell, ...]:
        """Each run once, at its first place."""
        first: dict[str, Cell] = {}
        for cell in self.cells:
            first.setdefault(cell.run.id, cell)
        return tuple(first.values())

    def reference(self, place: Mapping[str, str]) -> dict[str, str] | None:
        """Give the place that one is compared with; None: nothing is, or it is the reference itself."""
        if self.compare is None:
            return None
        found = {**place, **self.compare.to}
        return None if found == dict(place) else found

    def _cells(self) -> Iterator[Cell]:
        for labels in product(*(axis.items() for axis in self.axes.values())):
            place = dict(zip(self.axes, (label for label, _ in labels), strict=True))
            changes = dict(self.changes)
            for _, fields in labels:
                changes = {
                    path: value for path, value in changes.items() if not _below(path, fields)
                } | fields
            try:
                first = self._run(changes)
            except InputError as error:
                raise located(error, self._where(error, place)) from None
            for seed in range(self.seeds):
                yield Cell(place, first.model_copy(update={"seed": seed}))

    def _where(self, error: InputError, place: Mapping[str, str]) -> str:
        """Say where a mistake stands: it is of all places when it comes without their labels, too."""
        try:
            self._run(self.changes)
        except InputError as same:
            if str(same) == str(error):
                return "changes" if self.changes else ""
        return ", ".join(f"{axis} {label}" for axis, label in place.items())

    def _run(self, changes: Changes) -> Run:
        # The data's own defaults, such as the number of epochs, are those of the changed data.
        data = with_values(_Data(data=self.data), _of(changes, DATA)).data
        run = with_values(default_run(data, Full(), None, 0), _of(changes, LEARNT_FROM))
        seen = _of(changes, DATA | LEARNT_FROM)
        rest = {path: value for path, value in changes.items() if path not in seen}
        return with_values(apply_recipe(run, self.recipe)[0], rest)


def _below(path: str, fields: Changes) -> bool:
    """Whether one of the fields holds the path as a part: it wins over what earlier axes said of parts."""
    return any(path.startswith(f"{field}.") for field in fields)


def _of(changes: Changes, fields: frozenset[str]) -> Changes:
    """Those of the changes that are to these fields, or below them."""
    return {path: value for path, value in changes.items() if path.split(".")[0] in fields}


class _Data(Config):
    data: AnyDataset
