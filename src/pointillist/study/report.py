"""A study as one page that needs nothing else, and its tables as files."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import yaml
from markupsafe import Markup

from pointillist.core import durable
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.text import number, typed
from pointillist.data.sheets import contact_sheet
from pointillist.datasets import AnyDataset
from pointillist.datasets.survey import fact_lines, survey
from pointillist.metrics import METRICS
from pointillist.models.sketch import draw_model
from pointillist.models.trace import activation_megabytes, count_parameters
from pointillist.study.answer import Answer
from pointillist.study.execute import Results, missing_runs, read_results
from pointillist.study.figure import CAPTION, budget_curve
from pointillist.study.promise import data_hashes, made_with, refuse_changed_data, refuse_missing_data
from pointillist.study.report_answer import Said, said
from pointillist.study.report_curves import training_curves
from pointillist.study.report_markdown import COST, WORST_NOTE, markdown
from pointillist.study.report_methods import architectures, firsts, formulas, listed, methods
from pointillist.study.report_pictures import (
    Pictured,
    drawing_uri,
    examples,
    extremes,
    gallery,
    photo_uri,
    worst_table,
)
from pointillist.study.report_tables import MetricTable, about, latex_of, metric_tables
from pointillist.study.scores import Scores, mean_known, results_by_place, scores_of, seconds_per_image
from pointillist.study.study import Study
from pointillist.study.summary import METRICS_SHOWN, csv_of, summaries

PICTURED = 2
"""Places whose best, median and worst predictions are shown."""
GALLERY = 18
"""As many places as are shown side by side."""


@dataclass(frozen=True)
class Data:
    """One data set of a study, for the page.

    Args:
        name: its kind.
        lines: what it holds, split by split.
        sheet: a contact sheet, as a data URI.
        size: channels, height and width of its first image.
    """

    name: str
    lines: list[tuple[str, list[str]]]
    sheet: str
    size: tuple[int, int, int]


def read_study(folder: Path) -> Study:
    """Read the study that a folder belongs to.

    Raises:
        InputError: it is no study's folder.
    """
    path = folder / "study.json"
    if not path.is_file():
        fix = "Name a folder that 'pointillist study run' or 'pointillist budget' made."
        raise InputError("a study's folder must hold study.json", "none", fix, folder)
    try:
        return validated(Study, path.read_bytes(), path, text=True)
    except InputError as error:
        fix = "Run the study again from its own file: it writes this one anew."
        raise InputError("study.json must describe the study", error.found, fix, folder) from None


def write_report(folder: Path) -> list[Path]:
    """Write a study's page, tables and description beside its results, and give the files.

    The page is one file without scripts or anything to be fetched; it follows the reader's choice of light
    or dark, and prints.

    Raises:
        InputError: it is no study's folder, nothing has been measured, or its data have changed since.
    """
    study = read_study(folder)
    refuse_missing_data(study, folder)
    results = read_results(study, folder)
    if not results:
        fix = "Run it: type the command that made the folder again."
        raise InputError("a study must have results", "none", fix, folder)
    # Its pictures and counts are of the data as they lie there now.
    refuse_changed_data(data_hashes(study), made_with(results), folder)
    found = summaries(study, results)
    tables, told = metric_tables(study, results, found), said(study, results)
    data, description = _data(study), _description(study)
    scores = scores_of(study, results, "test", "dice")
    about_it: dict[str, Any] = {
        "about": about(found),
        "worst": worst_table(scores),
        "cost": _cost(study, results),
        "environment": _environment(results),
        "again": _again(study, folder),
        "description": description,
    }
    facts = [(one.name, one.lines) for one in data.values()]
    compared = None if told is None else (f"{told.title}. {told.note}", told.head, told.rows)
    written = {
        "report.html": _page(study, folder, results, scores, tables, told, data, about_it),
        "report.md": markdown(study.question or study.name, told, tables=tables, data=facts, **about_it),
        "report.tex": latex_of(study.name, compared, tables),
        "summary.csv": csv_of(study, found),
        f"{study.name}.yaml": description,
    }
    for name, text in written.items():
        durable.write_text(folder / name, text)
    return [folder / name for name in written]


def _page(
    study: Study,
    folder: Path,
    results: Results,
    scores: Mapping[tuple[str, ...], Scores],
    tables: Sequence[MetricTable],
    told: Said | None,
    data: Mapping[str, Data],
    about_it: Mapping[str, Any],
) -> str:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("pointillist.study").joinpath("report.html.j2").read_text(encoding="utf-8")
    answer = None if told is None else told.answer
    return environment.from_string(source).render(
        **about_it,
        study=study,
        told=told,
        # Our own drawings, of numbers and labels that matplotlib escapes.
        curve=None if answer is None or not answer.enough else Markup(budget_curve(answer)),
        caption=CAPTION,
        training=Markup(training_curves(study, results) or ""),
        data=list(data.values()),
        networks=_networks(study, data),
        methods=methods(study),
        formulas=formulas(study),
        tables=tables,
        metrics={name: METRICS[name] for name in METRICS_SHOWN},
        pictures=_pictures(study, folder, scores, answer),
        gallery=_gallery(study, folder, scores),
        cost_head=COST,
        worst_note=WORST_NOTE,
        missing=len(missing_runs(study, folder)[0]),
    )


def _networks(study: Study, data: Mapping[str, Data]) -> list[dict[str, Any]]:
    return [
        {
            "net": net,
            "places": listed(net.places),
            "sketch": drawing_uri(draw_model(net.layers)),
            "parameters": count_parameters(net.layers),
            "megabytes": activation_megabytes(net.layers),
        }
        for net in architectures(study, {key: one.size for key, one in data.items()})
    ]


def _data(study: Study) -> dict[str, Data]:
    sets: dict[str, AnyDataset] = {run.data.to_json(): run.data for run in firsts(study).values()}
    found = {}
    for key, one in sets.items():
        facts, shown = survey(one, one.entries)
        first = shown[0]
        size = (len(first.image), first.height, first.width)
        found[key] = Data(
            one.kind, fact_lines(one, facts), photo_uri(contact_sheet(shown, one.colours)), size
        )
    return found


def _pictures(
    study: Study, folder: Path, scores: Mapping[tuple[str, ...], Scores], told: Answer | None
) -> list[tuple[str, str]]:
    """Give a title and a picture: the best, median and worst images of what is most worth looking at."""
    if not scores:
        return []
    runs = firsts(study)
    found = []
    for pair in _pairs(scores, told):
        shown = [Pictured(", ".join(place), runs[place], scores[place]) for place in pair]
        ours, other = shown
        shown = shown if ours.name != other.name and ours.run.data == other.run.data else shown[:1]
        chosen = extremes(shown[0].scores)
        picture = examples(folder, shown, chosen) if chosen else None
        if picture is not None:
            found.append((shown[0].name, photo_uri(picture)))
    return found


def _gallery(study: Study, folder: Path, scores: Mapping[tuple[str, ...], Scores]) -> tuple[str, str] | None:
    """Give a name and a picture: what every place makes of the image that is the median over all places."""
    runs = firsts(study)
    first = next((runs[place].data for place in scores), None)
    same = {place: own for place, own in scores.items() if runs[place].data == first}
    if not 2 < len(same) <= GALLERY:
        return None
    by_place = [own.at(own.seeds[:1], own.names).by_image() for own in same.values()]
    values = np.mean(by_place, 0)
    if np.isnan(values).any():
        return None
    middle = int(np.argsort(values, kind="stable")[len(values) // 2])
    name = next(iter(same.values())).names[middle]
    places = [(", ".join(place), runs[place]) for place in same]
    picture = gallery(folder, places, name, [float(own[middle]) for own in by_place])
    return None if picture is None else (name, photo_uri(picture))


def _pairs(
    scores: Mapping[tuple[str, ...], Scores], told: Answer | None
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    places = list(scores)
    if told is None:
        return [(places[0], places[-1])]
    found = []
    for enough in told.enough[:PICTURED]:
        line = enough.smallest or enough.lines[-1] if enough.lines else None
        if line is not None:
            found.append((tuple(line.place.values()), tuple(enough.reference.place.values())))
    return found


def _cost(study: Study, results: Results) -> list[tuple[str, str, str, str]]:
    """Give for each place, averaged over seeds: annotation per image and in all, and time of training."""
    found = []
    for place, own in results_by_place(study, results).items():
        whole = mean_known([result["annotation"]["train"]["seconds"] for result in own])
        training = statistics.mean(result["environment"]["train_s"] for result in own)
        minutes = "-" if whole is None else f"{whole / 60:.0f} min"
        found.append((", ".join(place), number(seconds_per_image(own), 1), minutes, f"{training:.0f} s"))
    return found


def _environment(results: Results) -> dict[str, str]:
    environments = [result["environment"] for result in results.values()]
    devices = sorted({one["device"] for one in environments})
    commits = sorted({str(one["commit"])[:12] for one in environments})
    versions = sorted({", ".join(map(" ".join, one["versions"].items())) for one in environments})
    pythons = sorted({one["python"] for one in environments})
    return {
        "device": ", ".join(devices),
        "versions": "; ".join(versions),
        "Python": f"{', '.join(pythons)} on {platform.system()}",
        "commit": ", ".join(commits),
        "report by": f"pointillist {version('pointillist')}",
    }


def _description(study: Study) -> str:
    text: str = yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return text


def _again(study: Study, folder: Path) -> list[str]:
    """Give the commands that make the study and this report again, typed where this one was."""
    described, made = folder / f"{study.name}.yaml", folder.parent / study.name
    run = f"pointillist study run {typed(described)} -o {typed(folder.parent)}"
    return [run, f"pointillist report {typed(made)}"]
