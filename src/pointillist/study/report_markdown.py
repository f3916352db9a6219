"""A study's report as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pointillist.core.text import counted, plain_markdown, to_markdown
from pointillist.study.report_answer import Said
from pointillist.study.report_tables import MetricTable

COST = ["place", "annotation per image, s", "annotation in all", "training"]
WORST_NOTE = "By the mean over seeds of each image's Dice."


def markdown(
    title: str,
    told: Said | None,
    about: str,
    tables: Sequence[MetricTable],
    worst: tuple[Sequence[str], Sequence[Sequence[str]]],
    data: Sequence[tuple[str, Sequence[tuple[str, Sequence[str]]]]],
    cost: Sequence[Sequence[str]],
    environment: Mapping[str, str],
    again: Sequence[str],
    description: str,
) -> str:
    """Write all of a report that is text.

    Args:
        title: the question.
        told: its answer.
        about: what the tables' numbers are.
        tables: of the metrics.
        worst: heading and rows of each place's worst images.
        data: each set's name, and what it holds, split by split.
        cost: a row for each place.
        environment: what the runs were computed with.
        again: the commands that make it again.
        description: of the study, as YAML.
    """
    parts = [f"# {plain_markdown(title)}"]
    if told is not None:
        parts += ["\n".join(f"- {plain_markdown(sentence)}" for sentence in told.sentences)]
        parts += [f"## {plain_markdown(told.title)}", to_markdown(told.head, told.rows), told.note]
    parts += ["## Results", about] if tables else []
    for one in tables:
        parts += [f"### {one.split}, {counted(one.images, 'images')}", one.markdown()]
    if worst[1]:
        parts += ["## Worst test images", WORST_NOTE, to_markdown(*worst)]
    parts.append("## Data")
    for name, lines in data:
        rows = [[line, *values] for line, values in lines]
        parts += [f"### {name}", to_markdown(["", "train", "val", "test"], rows)]
    parts += ["## Cost", to_markdown(COST, cost)]
    parts += ["## Do it again", _fenced("", "\n".join(again)), _fenced("yaml", description)]
    parts += ["## Environment", to_markdown(["", ""], [list(one) for one in environment.items()])]
    return "\n\n".join(parts) + "\n"


def _fenced(kind: str, text: str) -> str:
    fence = "`" * 3
    while fence in text:
        fence += "`"
    return f"{fence}{kind}\n{text.strip()}\n{fence}"
