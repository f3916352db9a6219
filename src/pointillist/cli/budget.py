"""`pointillist budget`: how many clicks are enough?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli import choices
from pointillist.cli.answer import print_answer
from pointillist.cli.console import out
from pointillist.cli.engines import STUDIES, Carrying, StudiesFolder, engine_of
from pointillist.cli.flags import flags, given, refuse
from pointillist.cli.growth import answer_growth
from pointillist.cli.study_progress import carry_out
from pointillist.core import durable
from pointillist.core.change import split_changes
from pointillist.core.errors import InputError
from pointillist.core.text import slug, to_markdown
from pointillist.study.answer import Answer, answer
from pointillist.study.budget import budget_study, has_masks
from pointillist.study.execute import read_results
from pointillist.study.forecast import growth_study
from pointillist.study.promise import as_before
from pointillist.study.table import write_table
from pointillist.study.words import sentences, table
from pointillist.train.recipe import RECIPES

PAIR = re.compile(r"(\d+)(?:\+(\d+))?")


@flags
def budget_command(
    context: typer.Context,
    source: choices.Source,
    carrying: Carrying,
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH=VALUE]...", help="Changes to every run.")
    ] = None,
    clicks: Annotated[
        str, typer.Option("--clicks", help="Clicks on each class, 5, or on objects and background, 5+1.")
    ] = "1,2,5,10,20",
    strategies: Annotated[
        str, typer.Option("--strategies", help="Where clicks go: random, centre, border, component, spread.")
    ] = "random",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Repetitions of each.")] = 3,
    margin: Annotated[
        float, typer.Option("--margin", help="Of the mean Dice: so much worse than masks is still enough.")
    ] = 0.02,
    recipe: Annotated[str, typer.Option("--recipe", help=f"How to learn: {', '.join(RECIPES)}.")] = "auto",
    annotations: Annotated[
        Path | None,
        typer.Option("--annotations", help="Your own clicks instead: forecasts what twice as many bring."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Of the study; by default from the data.")
    ] = None,
    out_folder: StudiesFolder = STUDIES,
) -> None:
    """Find the least number of clicks that is as good as full masks, by a margin declared before.

    Images with masks are needed: clicks are simulated from them and measured against them. Without masks,
    for clicks of your own, it forecasts what twice as many would bring, judged by held-out clicks.
    """
    data = choices.choose_data(source.data, source.root, source.size)
    if annotations is not None or (data.annotated and not has_masks(data, "test")):
        typed_in = given(context)
        masked = [typed_in[flag] for flag in ("clicks", "strategies", "margin") if flag in typed_in]
        refuse(masked, "clicks of your own", "They say how clicks are simulated from masks.")
        folder = out_folder / (name or _named("forecast", source))
        own = growth_study(data, annotations, folder, seeds, recipe, split_changes(changes or []))
        return answer_growth(own, folder, engine_of(carrying))
    study = budget_study(
        data,
        _pairs(clicks),
        [strategy.strip() for strategy in strategies.split(",")],
        seeds,
        margin,
        name or _named("budget", source),
        recipe,
        split_changes(changes or []),
    )
    folder = out_folder / study.name
    study = as_before(study, folder)
    out.print(f"{study.question} Margin {margin:g} Dice, {len(study.runs)} runs.")
    complete = carry_out(study, folder, engine_of(carrying))
    write_table(study, folder)
    told = answer(study, read_results(study, folder))
    print_answer(told)
    _write(folder, study.question, told)
    out.print(f"Written: {folder / 'budget.md'}, budget.svg, table.csv")
    if not complete:
        raise typer.Exit(1)


def _named(verb: str, source: choices.Source) -> str:
    """Name a study by its data: a person has several folders, and each is a study of its own."""
    root = source.root.absolute().name if source.root is not None and source.data == "folder" else ""
    return "-".join(filter(None, (verb, source.data, slug(root))))


def _write(folder: Path, question: str, told: Answer) -> None:
    # Only who wants a drawing waits for the library that draws.
    from pointillist.study.figure import CAPTION, budget_curve

    said = "\n".join(f"- {sentence}" for sentence in sentences(told))
    page = f"# {question}\n\n{said}\n\n{to_markdown(*table(told))}\n\n![curve](budget.svg)\n\n{CAPTION}\n"
    durable.write_text(folder / "budget.md", page)
    durable.write_text(folder / "budget.svg", budget_curve(told))


def _pairs(text: str) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        match = PAIR.fullmatch(part.strip())
        if match is None:
            fix = "For example --clicks 1,2,5,10 or --clicks 5,5+1."
            raise InputError("--clicks must be numbers or pairs with commas between", repr(part), fix)
        positive = int(match[1])
        found.append((positive, positive if match[2] is None else int(match[2])))
    return found
