"""`pointillist model describe`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from pointillist.cli import choices
from pointillist.cli.console import out
from pointillist.core.change import with_changes
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.data.draw import write_picture
from pointillist.models import MODELS
from pointillist.models.sketch import draw_model
from pointillist.models.trace import activation_megabytes, trace

model_app = typer.Typer(add_completion=False, help="Networks: what they are made of.", no_args_is_help=True)


@model_app.callback()
def models() -> None:
    """Networks: what they are made of."""


@model_app.command("describe")
def describe_command(
    kind: Annotated[str, typer.Argument(metavar="MODEL", help=f"One of {', '.join(sorted(MODELS))}.")],
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="[FIELD=VALUE]...", help="Like widths=[8,16,32].")
    ] = None,
    size: Annotated[str, typer.Option("--size", help="HEIGHTxWIDTH of the image.")] = "256x256",
    channels: Annotated[int, typer.Option("--channels", min=1, help="Channels of the image.")] = 3,
    num_classes: Annotated[int, typer.Option("--classes", min=2, max=255, help="Background counted.")] = 2,
    picture: Annotated[
        Path | None, typer.Option("--out", "-o", help="Draw the sketch into this PNG file.")
    ] = None,
) -> None:
    """Print the size of every feature map, checked against a real forward pass, and draw the network."""
    chosen = choices.choose_size(size)
    if not isinstance(chosen, list):
        raise InputError("--size must be HEIGHTxWIDTH", repr(size), "For example --size 576x768.")
    model = with_changes(validated(MODELS[kind], {}), changes or [])
    layers = trace(model, channels, num_classes, (chosen[0], chosen[1]))
    table = Table(title=f"{kind}, image {channels} x {chosen[0]} x {chosen[1]}", title_justify="left")
    for heading in ("layer", "operation", "channels x height x width", "parameters"):
        table.add_column(heading, justify="left" if heading in ("layer", "operation") else "right")
    for layer in layers:
        shape = f"{layer.channels} x {layer.height} x {layer.width}"
        table.add_row(layer.name, layer.operation, shape, f"{layer.parameters:,}" if layer.parameters else "")
    out.print(table, soft_wrap=False)
    total = sum(layer.parameters for layer in layers)
    megabytes = activation_megabytes(layers)
    out.print(f"{total:,} parameters; about {megabytes:.0f} MB of feature maps per image while training.")
    out.print(
        "Every size above was checked against a forward pass of the network (on shapes, without numbers)."
    )
    if picture is not None:
        write_picture(picture, draw_model(layers))
        out.print(f"Written: {picture}")
