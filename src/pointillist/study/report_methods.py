"""What a study's places did: how they learnt, their networks, and the formulas of their losses."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pointillist.core.text import counted
from pointillist.datasets import AnyDataset
from pointillist.models.model import LayerSize, Model
from pointillist.models.trace import trace
from pointillist.study.study import Study
from pointillist.train.run import Run


@dataclass(frozen=True)
class Architecture:
    """One network of a study.

    Args:
        name: its kind.
        places: that use it.
        size: height and width of the image that the shapes are for.
        layers: every feature map.
    """

    name: str
    places: tuple[str, ...]
    size: tuple[int, int]
    layers: tuple[LayerSize, ...]


@dataclass(frozen=True)
class Method:
    """How one place learnt.

    Args:
        place: in words.
        learnt_from: what a person drew.
        how: terms, propagator and teacher.
        schedule: epochs, batch, rate and crops.
    """

    place: str
    learnt_from: str
    how: str
    schedule: str


def firsts(study: Study) -> dict[tuple[str, ...], Run]:
    """Give each place's run of the first seed."""
    found: dict[tuple[str, ...], Run] = {}
    for cell in study.cells:
        found.setdefault(tuple(cell.place.values()), cell.run)
    return found


def methods(study: Study) -> list[Method]:
    """Say how each place learnt."""
    return [_method(", ".join(place), run) for place, run in firsts(study).items()]


def _method(place: str, run: Run) -> Method:
    terms = " + ".join(
        (f"{term.weight:g} x " if term.weight != 1 else "") + term.loss.kind for term in run.supervise
    )
    schemes: list[str] = [scheme.kind for scheme in (run.propagate, run.teacher) if scheme is not None]
    schemes += ["relabel"] if run.relabel is not None else []
    how = terms + (f"; {', '.join(schemes)}" if schemes else "")
    crop = "whole images" if run.crop is None else f"crops {run.crop}"
    schedule = f"{counted(run.epochs, 'epochs')}, batch {run.batch}, {crop}, rate {run.learning_rate:g}"
    learnt_from = run.annotate.in_words() if run.annotate is not None else "annotation files"
    return Method(place, learnt_from, how, schedule)


def formulas(study: Study) -> dict[str, str]:
    """Give what each loss that is used computes, as its documentation says it."""
    losses = {term.loss.kind: type(term.loss) for run in firsts(study).values() for term in run.supervise}
    return {kind: _computes(inspect.getdoc(loss) or "") for kind, loss in losses.items()}


def _computes(text: str) -> str:
    """Keep the first sentence and the formula: all before what the loss reads."""
    return textwrap.dedent(text.split("\nReads:")[0].split("\nArgs:")[0]).strip()


def architectures(study: Study, sizes: Mapping[str, tuple[int, int, int]]) -> list[Architecture]:
    """Give each network of the study with its shapes.

    Args:
        study: whose.
        sizes: channels, height and width of an image, by the data set's JSON.
    """
    seen: dict[tuple[Model, str], list[str]] = {}
    runs = firsts(study)
    data: dict[str, AnyDataset] = {}
    for place, run in runs.items():
        data[run.data.to_json()] = run.data
        seen.setdefault((run.model, run.data.to_json()), []).append(", ".join(place))
    found = []
    for (model, key), places in seen.items():
        channels, height, width = sizes[key]
        layers = trace(model, channels, len(data[key].classes), (height, width))
        found.append(Architecture(model.model_dump()["kind"], tuple(places), (height, width), layers))
    return found


def listed(places: Sequence[str], most: int = 4) -> str:
    """List places, and count those that are too many.

    >>> listed(["a", "b", "c"], most=2)
    'a; b; and 1 more'
    """
    rest = len(places) - most
    return "; ".join(places[:most]) + (f"; and {rest} more" if rest > 0 else "")
