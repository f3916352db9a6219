"""What `pointillist budget` tells of a person's own clicks: what would twice as many bring?"""

from __future__ import annotations

from pathlib import Path

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pointillist.cli.console import out
from pointillist.cli.study_progress import carry_out
from pointillist.core import durable
from pointillist.core.text import to_markdown
from pointillist.study.engine import Engine
from pointillist.study.execute import read_results
from pointillist.study.forecast import growth
from pointillist.study.forecast_words import growth_in_words, growth_table
from pointillist.study.study import Study
from pointillist.study.table import write_table


def answer_growth(study: Study, folder: Path, engine: Engine) -> None:
    """Run what is missing, and say what twice the clicks would bring."""
    out.print(f"{study.question} {len(study.runs)} runs, judged by held-out clicks: no mask is asked for.")
    complete = carry_out(study, folder, engine)
    write_table(study, folder)
    if not complete:
        raise typer.Exit(1)
    told = growth(study, read_results(study, folder))
    head, rows = growth_table(told)
    shown = Table(*head, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        shown.add_row(*row)
    out.print(shown)
    said = growth_in_words(told)
    out.print(said)
    text = f"# {study.question}\n\n{said}\n\n{to_markdown(head, rows)}\n"
    durable.write_text(folder / "budget.md", text)
    out.print(f"Written: {folder / 'budget.md'}")
