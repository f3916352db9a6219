"""The verbs of the command line; what one needs is loaded when it is typed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from pointillist.core.loading import ending_at_once


class Verb(TyperCommand):
    """A verb that is listed at once, and loaded when it is typed: to load PyTorch takes two seconds.

    Args:
        name: of the verb.
        where: "module:attribute" below this package: its function, or a `typer.Typer` of several.
        about: the first paragraph of its help, for the list of all.
    """

    def __init__(self, name: str, where: str, about: str) -> None:
        super().__init__(name, help=about)
        self.where = where

    def load(self) -> Any:
        """Give the command itself, as Typer makes it."""
        module, _, attribute = self.where.partition(":")
        found = getattr(import_module(f"pointillist.cli.{module}"), attribute)
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(add_completion=False)
            found.command(self.name)(function)
        return typer.main.get_command(found)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Hand over to the command itself, which reads its arguments."""
        with ending_at_once():
            command = self.load()
        return command.make_context(info_name, args, parent=parent, **extra)


VERBS = (
    Verb(
        "demo",
        "demo:demo_command",
        "Draw images, simulate clicks, train on the clicks and on full masks, and compare.",
    ),
    Verb("data", "data:data_app", "Data sets: what is in them, and what is wrong with them."),
    Verb(
        "simulate",
        "simulate:simulate_command",
        "Draw annotations on every image that has a mask, as a person would, and write them as files.",
    ),
    Verb(
        "generate",
        "generate:generate_command",
        "Paint new labelled images from a few clicks; they and the real ones make a folder to train on.",
    ),
    Verb("model", "model:model_app", "Networks: what they are made of."),
    Verb(
        "recipes",
        "recipes:recipes_command",
        "List the ways to learn; given data and annotations, say which 'auto' would take there, and why.",
    ),
    Verb(
        "train",
        "train:train_command",
        "Train on full masks, on simulated annotations, or on annotation files.",
    ),
    Verb(
        "evaluate",
        "evaluate:evaluate_command",
        "Measure a run on train, validation and test images; writes the tables beside it.",
    ),
    Verb("predict", "predict:predict_command", "Predict images of any size; large ones tile by tile."),
    Verb("study", "study:study_app", "Grids of runs that answer a question."),
    Verb(
        "budget",
        "budget:budget_command",
        "Find the least number of clicks that is as good as full masks, by a margin declared before.",
    ),
    Verb(
        "report",
        "report:report_command",
        "Write a study's page, one file that opens anywhere, and its tables as Markdown, LaTeX and CSV.",
    ),
    Verb(
        "annotate",
        "annotate:annotate_command",
        "Click on images in a browser, see the segmentation follow, train, and export masks.",
    ),
    Verb(
        "import",
        "exchange:import_command",
        "Read another tool's annotations into FOLDER/annotations; all of them, or none if some are wrong.",
    ),
    Verb(
        "export",
        "exchange:export_command",
        "Write FOLDER's annotations, or label maps of its images, in another tool's format.",
    ),
)
"""In the order in which they are listed."""


class Verbs(TyperGroup):
    """The command of all verbs."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": {verb.name: verb for verb in VERBS}})
