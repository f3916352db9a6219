"""The few choices that everyone makes, as flags; and from them the objects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pointillist.annotate import AnyAnnotator, Density, Full, Mistakes, PointsAnnotator
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.datasets import DATASETS, AnyDataset

Data = Annotated[str, typer.Option("--data", help=f"Data set: {', '.join(sorted(DATASETS))}.")]
Root = Annotated[Path | None, typer.Option("--root", help="Where the data set's files lie.")]
Size = Annotated[
    str | None,
    typer.Option(
        "--size", help="Size to work at: HEIGHTxWIDTH, or N for the longer side; 'native' for none."
    ),
]
Clicks = Annotated[
    int | None, typer.Option("--clicks", min=0, help="Clicks on each class of each training image.")
]
Negative = Annotated[
    int | None, typer.Option("--negative-clicks", min=0, help="Clicks on the background, if other.")
]
Strategy = Annotated[
    str, typer.Option("--strategy", help="Where clicks go: random, centre, border, component or spread.")
]
Radius = Annotated[float, typer.Option("--radius", min=0, help="A click labels the disc of this radius.")]
Jitter = Annotated[float, typer.Option("--jitter", min=0, help="Unsteady hand: pixels (deviation).")]
MistakeRate = Annotated[
    float,
    typer.Option(
        "--mistakes", min=0, max=1, help="Share of what is drawn (clicks, pixels) with a wrong class."
    ),
]
DensityShare = Annotated[
    float | None, typer.Option("--density", help="Label each pixel with this probability instead of clicks.")
]
DeviceName = Annotated[
    str | None, typer.Option("--device", help="cpu, cuda or cuda:1; the first GPU if any.")
]
PrecisionName = Annotated[
    str, typer.Option("--precision", help="auto, float32 or bfloat16; auto: what is fast on this processor.")
]


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


def choose_annotator(
    clicks: int | None,
    negative: int | None,
    strategy: str,
    radius: float,
    jitter: float,
    mistakes: float,
    density: float | None,
) -> AnyAnnotator:
    """Build an annotator from flags: clicks, density, or (without either) full masks.

    Raises:
        InputError: flags that exclude each other, or have no effect.
    """
    annotator: AnyAnnotator
    if clicks is None and negative is None:
        annotator = Full() if density is None else validated(Density, {"probability": density})
        if (radius, jitter, strategy) != (0, 0, "random"):
            fix = "Add --clicks, or leave them out."
            raise InputError("--strategy, --radius and --jitter need clicks", "no --clicks", fix)
    else:
        if density is not None:
            raise InputError("--clicks and --density exclude each other", "both", "Choose one.")
        positive = clicks if clicks is not None else 0
        negative = negative if negative is not None else positive
        fields = {"positive": positive, "negative": negative, "strategy": strategy}
        annotator = validated(PointsAnnotator, {**fields, "radius": radius, "jitter": jitter})
    return Mistakes(of=annotator, rate=mistakes) if mistakes else annotator
