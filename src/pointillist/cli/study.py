"""`pointillist study`: grids of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from pointillist.cli.answer import print_answer
from pointillist.cli.console import out
from pointillist.cli.engines import STUDIES, Carrying, StudiesFolder, engine_of
from pointillist.cli.flags import flags
from pointillist.cli.study_progress import carry_out, mind_few
from pointillist.core import durable
from pointillist.core.change import with_changes
from pointillist.core.errors import InputError, InputErrors, located
from pointillist.core.text import slug, typed
from pointillist.datasets import Folder
from pointillist.study.answer import answer
from pointillist.study.budget import refuse_without_objects
from pointillist.study.described import read_described
from pointillist.study.execute import read_results
from pointillist.study.promise import as_before
from pointillist.study.table import write_table
from pointillist.train.readable import unreadable

study_app = typer.Typer(
    add_completion=False, help="Grids of runs that answer a question.", no_args_is_help=True
)


CLICKS = (1, 2, 5, 20)
"""Through three numbers a curve would go whatever they are; with four the file has ten lines."""


@study_app.command("new")
def new_command(
    root: Annotated[Path, typer.Argument(metavar="FOLDER", help="Your images, with masks of some.")],
    file: Annotated[Path, typer.Option("--out", "-o", help="The new description.")] = Path("study.yaml"),
) -> None:
    """Write a study of your own images: how many clicks do as well as their masks?"""
    data = Folder(root=root)
    if not any(item.mask for item in data.layout.items):
        fix = (
            "Put masks of some images into masks/: clicks are simulated from them, and measured against them."
        )
        raise InputError("a study needs images with masks", "none", fix, root)
    if file.exists():
        raise InputError("--out must name a new file", "one that is there", "Name another.", file)
    _check(data)
    clicks = {
        f"{n}+{n} clicks": {"annotate": {"kind": "points", "positive": n, "negative": n}} for n in CLICKS
    }
    described = {
        "name": slug(root.absolute().name) or "study",
        "data": {"kind": "folder", "root": str(root)},
        "axes": {"learnt from": {"full masks": {"annotate": {"kind": "full"}}, **clicks}},
        "compare": {"to": {"learnt from": "full masks"}, "margin": 0.02},
    }
    durable.write_text(file, _described(described))
    out.print(f"Written: {file}\nNext:    pointillist study run {typed(file)}")


def _check(data: Folder) -> None:
    """Read every file, as the runs will.

    Raises:
        InputErrors: one for every image of which a file is wrong.
        InputError: the masks show no object to learn from, or none to measure on.
    """
    if wrong := unreadable(data, [entry.name for entry in data.entries]):
        raise InputErrors(wrong)
    refuse_without_objects(data, "train")
    mind_few([data])


def _described(study: dict[str, Any]) -> str:
    """Write a description as a person would: what belongs together on one line."""
    lines = []
    for field, value in study.items():
        if field != "axes":
            lines.append(f"{field}: {_flow(value)}")
            continue
        lines.append("axes:")
        for axis, labels in value.items():
            lines.append(f"  {_flow(axis)}:")
            lines += [f"    {_flow(label)}: {_flow(changes)}" for label, changes in labels.items()]
    return "\n".join([*lines, ""])


def _flow(value: object) -> str:
    text: str = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
    )
    return text.removesuffix("...\n").strip()


@study_app.command("run")
@flags
def run_command(
    carrying: Carrying,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The study: YAML, or Python that defines it.")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH=VALUE]...", help="Changes to it, like data.root=DIR."),
    ] = None,
    out_folder: StudiesFolder = STUDIES,
) -> None:
    """Run what is missing of a study, and write its table; typed again, it goes on where it stopped."""
    study = with_changes(read_described(file), changes or [])
    try:
        _ = study.cells
    except InputError as error:
        raise located(error, file=file) from None
    folder = out_folder / study.name
    study = as_before(study, folder)
    if study.question:
        out.print(study.question)
    complete = carry_out(study, folder, engine_of(carrying))
    results = read_results(study, folder)
    if study.compare is not None and any("test" in result["splits"] for result in results.values()):
        print_answer(answer(study, results))
    out.print(f"Written: {write_table(study, folder)}\nPage:    pointillist report {typed(folder)}")
    if not complete:
        raise typer.Exit(1)
