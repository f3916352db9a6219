"""`pointillist recipes`."""

from __future__ import annotations

import importlib.util

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pointillist.cli import choices
from pointillist.cli.console import out
from pointillist.cli.flags import flags, given
from pointillist.cli.train import lesson, say_choice
from pointillist.core.extras import install
from pointillist.models import imagenet, timm_encoder
from pointillist.propagate import sam_weights
from pointillist.train.recipe import RECIPES, apply_recipe


@flags
def recipes_command(
    context: typer.Context,
    source: choices.Source,
    drawing: choices.Drawing,
    told: choices.Told,
) -> None:
    """List the ways to learn; given data and annotations, say which 'auto' would take there, and why."""
    if given(context):
        _, choice = apply_recipe(lesson(source, drawing, told, seed=0), "auto")
        return say_choice("auto", choice, out)
    table = Table(title="Recipes", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("--recipe", "how it learns"):
        table.add_column(heading)
    for name, recipe in RECIPES.items():
        table.add_row(name, recipe.about)
    out.print(table, soft_wrap=False)
    out.print(_extras(), soft_wrap=False)
    out.print(f"To install one: {install('NAME')}", soft_wrap=True)
    out.print("What auto would take: pointillist recipes --data NAME --root DIR --clicks 5")


def _extras() -> Table:
    table = Table(title="Extras", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("extra", "", "what it adds"):
        table.add_column(heading)
    weights = "found" if sam_weights.available() else "not found, see docs/sam.md"
    extras = {
        "pretrained": (imagenet.available(), "the model pretrained-unet: an encoder that knows ImageNet"),
        "timm": (timm_encoder.available(), "the model timm-unet: any convolutional encoder of timm's"),
        "sam": (
            _installed("onnxruntime"),
            f"the propagator sam on ONNX files; MobileSAM's own: {weights}",
        ),
    }
    for name, (here, about) in extras.items():
        table.add_row(name, "installed" if here else "missing", about)
    return table


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
