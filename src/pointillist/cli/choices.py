"""The choices that everyone makes, as flags that several commands share; and from them the objects."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from pointillist.annotate import (
    ANNOTATORS,
    AnyAnnotator,
    Boxes,
    Density,
    ExtremePointsAnnotator,
    Full,
    Mistakes,
    PointsAnnotator,
    Scribbles,
    Several,
    SizeRanges,
    Tags,
)
from pointillist.cli.flags import refuse
from pointillist.core.config import parse_yaml, read_yaml, validated
from pointillist.core.errors import InputError, located
from pointillist.core.text import typed
from pointillist.datasets import DATASETS, AnyDataset

_DATA = "Data"
_DRAWN = "What a simulated person draws; without any of these: full masks"
_TOLD = "What else is known"

Root = Annotated[
    Path | None, typer.Option("--root", help="Where the data set's files lie.", rich_help_panel=_DATA)
]
Size = Annotated[
    str | None,
    typer.Option(
        "--size",
        help="Size to work at: HEIGHTxWIDTH, or N for the longer side; 'native' for none.",
        rich_help_panel=_DATA,
    ),
]
DeviceName = Annotated[
    str | None, typer.Option("--device", help="cpu, cuda or cuda:1; the first GPU if any.")
]
PrecisionName = Annotated[
    str, typer.Option("--precision", help="auto, float32 or bfloat16; auto: what is fast on this processor.")
]


def _drawn(flag: str, about: str, low: float | None = None, high: float | None = None) -> Any:
    return typer.Option(flag, help=about, rich_help_panel=_DRAWN, min=low, max=high)


@dataclass(frozen=True)
class Source:
    """Flags that say where the images come from."""

    data: Annotated[
        str,
        typer.Option("--data", help=f"Data set: {', '.join(sorted(DATASETS))}.", rich_help_panel=_DATA),
    ] = "synthetic"
    root: Root = None
    size: Size = None


@dataclass(frozen=True)
class Drawing:
    """Flags that say what a simulated person draws; each field bears its flag's name."""

    clicks: Annotated[int | None, _drawn("--clicks", "Clicks on each class of each image.", low=0)] = None
    negative_clicks: Annotated[
        int | None, _drawn("--negative-clicks", "Clicks on the background, if other.", low=0)
    ] = None
    strategy: Annotated[
        str, _drawn("--strategy", "Where clicks go: random, centre, border, component or spread.")
    ] = "random"
    radius: Annotated[float, _drawn("--radius", "A click labels the disc of this radius.", low=0)] = 0.0
    jitter: Annotated[
        float, _drawn("--jitter", "Unsteady hand on clicks and extreme points: pixels (deviation).", low=0)
    ] = 0.0
    scribbles: Annotated[
        float | None,
        _drawn("--scribbles", "A line in each object, along this share of its length.", low=0, high=1),
    ] = None
    boxes: Annotated[bool, _drawn("--boxes", "A tight box around each object.")] = False
    extreme_points: Annotated[
        bool, _drawn("--extreme-points", "The top, left, bottom and right end of each object.")
    ] = False
    tags: Annotated[bool, _drawn("--tags", "Which classes an image shows.")] = False
    sizes: Annotated[bool, _drawn("--sizes", "A guessed range of each class's area.")] = False
    density: Annotated[
        float | None, _drawn("--density", "Label each pixel with this probability, and nothing else.")
    ] = None
    mistakes: Annotated[
        float,
        _drawn("--mistakes", "Share of what is drawn (clicks, pixels) with a wrong class.", low=0, high=1),
    ] = 0.0
    annotator: Annotated[
        str | None,
        _drawn("--annotator", "Anything else: a YAML file, or text like '{kind: scribbles, width: 5}'."),
    ] = None


@dataclass(frozen=True)
class Told:
    """Flags that say what is known besides, or in place of, what is simulated."""

    annotations: Annotated[
        Path | None,
        typer.Option(
            "--annotations", help="Folder of annotation files, by image name.", rich_help_panel=_TOLD
        ),
    ] = None
    use_masks: Annotated[
        bool,
        typer.Option(
            "--use-masks",
            help="Learn from the masks of images that have no annotation.",
            rich_help_panel=_TOLD,
        ),
    ] = False
    size_range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--size-range",
            metavar="LOW HIGH",
            help="The object's area in every image that shows it, as shares of the image.",
            rich_help_panel=_TOLD,
        ),
    ] = None


def changed_flags(drawing: Drawing) -> set[str]:
    """List the flags that are not at their default.

    >>> changed_flags(Drawing(boxes=True, extreme_points=True)) == {"--boxes", "--extreme-points"}
    True
    """
    changed = {f.name for f in fields(Drawing) if getattr(drawing, f.name) != f.default}
    return {f"--{name.replace('_', '-')}" for name in changed}


def typed_flags(source: Source) -> str:
    """Write a source's flags as one types them.

    >>> typed_flags(Source(data="ph2", root=Path("my images")))
    "--data ph2 --root 'my images'"
    """
    return (
        f"--data {source.data}"
        + (f" --root {typed(source.root)}" if source.root else "")
        + (f" --size {source.size}" if source.size else "")
    )


def choose_size(text: str | None) -> Any:
    """Read a size; None: the data set's own default is meant.

    >>> choose_size("576x768"), choose_size("512")
    ([576, 768], 512)
    """
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) <= 2 and all(part.isdecimal() and int(part) > 0 for part in parts):
        return int(parts[0]) if len(parts) == 1 else [int(part) for part in parts]
    raise InputError("--size must be like 576x768, 512 or native", repr(text), "Height comes first.")


def choose_data(kind: str, root: Path | None, size: str | None) -> AnyDataset:
    """Build a data set from flags.

    Raises:
        InputError: unknown kind, or a flag that this data set has not.
    """
    cls = DATASETS[kind]
    fields: dict[str, Any] = {}
    for flag, value in (("root", root), ("size", size)):
        if value is not None and flag not in cls.model_fields:
            must = f"--{flag} must be a choice of data set {kind!r}"
            raise InputError(must, f"--{flag} {value}", "Leave it out.")
    if root is not None:
        fields["root"] = root.absolute()  # A run must find its data from wherever it is resumed.
    elif "root" in cls.model_fields and cls.model_fields["root"].is_required():
        fix = f"Say where it lies: --data {kind} --root DIR"
        raise InputError(f"--data {kind} needs a folder", "no --root", fix)
    if size is not None:
        fields["size"] = None if size == "native" else choose_size(size)
    data = validated(cls, fields)
    return data  # type: ignore[return-value]


def choose_annotator(drawing: Drawing) -> AnyAnnotator:
    """Build an annotator from flags; several kinds of marks together are drawn by several.

    Raises:
        InputError: flags that exclude each other, or have no effect.
    """
    changed = changed_flags(drawing)
    if drawing.annotator is not None:
        refuse(changed - {"--annotator"}, "--annotator", "It says all: write the rest into it.")
        return _read_annotator(drawing.annotator)
    fix = "Add --clicks, or leave them out."
    if drawing.clicks is None and drawing.negative_clicks is None:
        if changed & {"--strategy", "--radius"}:
            raise InputError("--strategy and --radius need clicks", "no --clicks", fix)
        if drawing.jitter and not drawing.extreme_points:
            raise InputError("--jitter needs clicks or extreme points", "neither", fix)
    people = _people(drawing)
    if drawing.density is not None:
        if people:
            found = " and ".join(["--density", *(person.in_words() for person in people)])
            raise InputError("--density and other marks exclude each other", found, "Choose one.")
        people = [validated(Density, {"probability": drawing.density})]
    annotator = people[0] if len(people) == 1 else Several(of=tuple(people)) if people else Full()
    return Mistakes(of=annotator, rate=drawing.mistakes) if drawing.mistakes else annotator


def _people(drawing: Drawing) -> list[AnyAnnotator]:
    people: list[AnyAnnotator] = []
    if drawing.clicks is not None or drawing.negative_clicks is not None:
        positive = drawing.clicks or 0
        negative = positive if drawing.negative_clicks is None else drawing.negative_clicks
        how = {"strategy": drawing.strategy, "radius": drawing.radius, "jitter": drawing.jitter}
        people.append(validated(PointsAnnotator, {"positive": positive, "negative": negative, **how}))
    if drawing.scribbles is not None:
        people.append(validated(Scribbles, {"length": drawing.scribbles}))
    if drawing.boxes:
        people.append(Boxes())
    if drawing.extreme_points:
        people.append(validated(ExtremePointsAnnotator, {"jitter": drawing.jitter}))
    if drawing.tags:
        people.append(Tags())
    if drawing.sizes:
        people.append(SizeRanges())
    return people


def _read_annotator(text: str) -> AnyAnnotator:
    """Read an annotator from a YAML file's path, or from YAML (or JSON) text in braces."""
    file = None if text.lstrip().startswith("{") else Path(text)
    if file is not None:
        data = read_yaml(file)
    else:
        try:
            data = parse_yaml(text)
        except yaml.YAMLError as error:
            problem = " ".join(str(error).split())[:200]
            raise InputError("--annotator must be YAML or JSON", problem, "Mend it.") from None
    if not isinstance(data, dict) or "kind" not in data:
        fix = f"Name its kind, like {{kind: boxes}}. Known: {', '.join(sorted(ANNOTATORS))}."
        raise InputError("an annotator must be fields with a kind", "none", fix, file)
    try:
        return validated(ANNOTATORS[str(data["kind"])], data, file)  # type: ignore[return-value]
    except InputError as error:
        raise located(error, "--annotator") from None
