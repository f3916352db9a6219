"""A report: one page that needs nothing else, with what was asked of it."""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from pointillist.core import durable
from pointillist.core.config import read_yaml, validated
from pointillist.core.errors import InputError
from pointillist.datasets import Folder, Synthetic
from pointillist.study.budget import budget_study
from pointillist.study.execute import read_results, run_study
from pointillist.study.local import Local
from pointillist.study.report import read_study, write_report
from pointillist.study.report_curves import training_curves
from pointillist.study.report_methods import methods
from pointillist.study.report_pictures import extremes, worst_table
from pointillist.study.report_tables import metric_tables
from pointillist.study.scores import Scores, scores_of
from pointillist.study.study import Study
from pointillist.study.summary import METRICS_SHOWN, csv_of, summaries
from pointillist.study.table import rows, write_table
from tests.cli.command import pointillist

VOID = {"meta", "link", "img", "br", "hr", "input", "path", "use", "line", "rect", "circle"}


class Page(HTMLParser):
    """Reads a page as a browser does: what it would fetch, and whether its parts close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.without_text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        for name in ("src", "href", "xlink:href", "action", "data"):
            value = told.get(name) or ""
            if value.startswith("#"):
                self.anchors.append(value[1:])
            elif value and not value.startswith(("data:image/png;base64,", "data:image/webp;base64,")):
                self.fetched.append(value)
        if told.get("id"):
            self.ids.append(told["id"] or "")
        if tag == "img" and not told.get("alt"):
            self.without_text.append(tag)
        if tag == "script":
            self.fetched.append("a script")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("study")
    data = Synthetic(size=(24, 32), train=4, val=2, test=6)
    changes = {"epochs": 2, "model": {"kind": "unet", "widths": [4, 8]}}
    study = budget_study(data, [(1, 1), (2, 2), (4, 4)], ["random"], 2, 0.02, "tiny", "plain", changes)
    assert run_study(study, home, Local(2), lambda cell, news: None) == []
    write_report(home)
    return home


def test_the_page_needs_nothing_else_and_its_parts_close(folder: Path) -> None:
    page = Page((folder / "report.html").read_text())
    assert page.open == []
    assert page.fetched == []
    assert page.without_text == []
    assert {"answer", "results", "images", "data", "methods", "networks", "cost", "again"} <= set(page.ids)
    assert set(page.anchors) <= set(page.ids)


def test_it_tells_what_was_asked_and_what_came_out(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    study = Study.model_validate_json((folder / "study.json").read_text())
    assert study.question in text
    for part in (
        "1+1",
        "full masks",
        "not reached within the grid",
        "cross-entropy",
        "torch",
        "share of lesion",
    ):
        assert part in text
    assert text.count("data:image/png") == 1, "a network"
    assert text.count("data:image/webp") == 3, "a contact sheet, a row of examples, a gallery"
    assert "<svg" in text
    results = read_results(study, folder)
    train, val, test = metric_tables(study, results, summaries(study, results))
    assert (train.split, val.split, test.split, test.images) == ("train", "val", "test", 6)
    dice = [float(re.split("[ ±]", row[4])[0]) for row in test.rows]
    means = []
    for label in study.axes["clicks"]:
        own = [
            r["dice_per_image"] for r in rows(study, folder) if r["clicks"] == label and r["split"] == "test"
        ]
        means.append(np.mean(own))
    assert dice == pytest.approx(means, abs=6e-4)
    assert (folder / "report.md").read_text().count("| full masks |") == 4
    assert (folder / "report.tex").read_text().count(r"\begin{tabular}") == 4


def test_a_label_that_looks_like_a_formula_is_none_in_a_spreadsheet(tmp_path: Path) -> None:
    axes = {"=axis": {"=1+1": {"epochs": 1}, "-2": {"epochs": 2}, "3+3": {"epochs": 3}}}
    study = Study(name="signs", data=Synthetic(), recipe="plain", axes=axes, seeds=1, splits=("test",))
    matrices = {f"image {number}": [[5, 1], [2, 8]] for number in range(6)}
    result = {
        "splits": {
            "test": {"metrics": {"dice": 0.5}, "matrices": matrices, "groups": dict.fromkeys(matrices, "")}
        },
        "seconds_per_image": None,
        "annotation": {"train": {"marks": {}, "annotated": 0, "labelled_pixels": {}}},
    }
    for one in study.runs:
        durable.write_json(tmp_path / "results" / f"{one.run.id}.json", result)
    summary = csv_of(study, summaries(study, read_results(study, tmp_path)))
    for text, first in ((write_table(study, tmp_path).read_text(), 0), (summary, 1)):
        head, *found = csv.reader(text.splitlines())
        assert head[first] == "'=axis"
        assert list(dict.fromkeys(row[first] for row in found)) == ["'=1+1", "'-2", "3+3"]
        assert not any(part.startswith(("=", "-", "+", "@")) for row in found for part in row)


def test_tables_for_other_programs(folder: Path) -> None:
    """Numbers as numbers, and in LaTeX what a paper needs: captions, labels, words to the left."""
    found = list(csv.DictReader((folder / "summary.csv").read_text().splitlines()))
    assert len(found) == 3 * 4 * len(METRICS_SHOWN)
    study = Study.model_validate_json((folder / "study.json").read_text())
    expected = [
        row["dice_per_image"]
        for row in rows(study, folder)
        if (row["split"], row["clicks"]) == ("test", "2+2")
    ]
    (own,) = [
        row
        for row in found
        if (row["split"], row["clicks"], row["metric"]) == ("test", "2+2", "dice_per_image")
    ]
    assert float(own["mean"]) == pytest.approx(np.mean(expected))
    assert float(own["sd"]) == pytest.approx(np.std(expected, ddof=1))
    assert float(own["low"]) <= float(own["mean"]) <= float(own["high"])
    assert (own["seeds"], own["images"]) == ("2", "6")
    tex = (folder / "report.tex").read_text()
    assert tex.count(r"\caption{") == tex.count(r"\label{tab:tiny-") == 4
    assert r"\begin{tabular}{lllrrrrrr}" in tex, "strategy, clicks and verdict are words"
    told = (folder / "report.md").read_text()
    for part in ("## Data", "| images | 4 | 2 | 6 |", "## Cost", "| versions | numpy", "pointillist-study-1"):
        assert part in told


def test_the_commands_that_it_prints_make_it_again(folder: Path) -> None:
    (lines,) = re.findall(r"```\n(pointillist study run .*?)\n```", (folder / "report.md").read_text(), re.S)
    run, report = (line.split() for line in lines.splitlines())
    assert Path(run[3]).read_text() in (folder / "report.md").read_text()
    assert validated(Study, read_yaml(Path(run[3]))) == read_study(folder)
    assert run[4:] == ["-o", str(folder.parent)]
    assert report == ["pointillist", "report", str(folder.parent / "tiny")]
    assert lines.splitlines()[0] in (folder / "report.html").read_text()


def test_closed_parts_are_printed(folder: Path) -> None:
    printed = (folder / "report.html").read_text().split("@media print")[1].split("</style>")[0]
    assert "details::details-content { content-visibility: visible" in printed


def test_hostile_names_are_text(folder: Path, tmp_path: Path) -> None:
    text = (folder / "study.json").read_text()
    hostile = text.replace("How many clicks", "<script>alert(1)</script> How many")
    (tmp_path / "study.json").write_text(hostile)
    (tmp_path / "results").symlink_to(folder / "results")
    write_report(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "no picture can be drawn" in page, "the runs' weights are elsewhere"


def test_the_command_and_its_refusals(folder: Path, tmp_path: Path) -> None:
    assert "report.html" in pointillist("report", folder).out
    told = pointillist("report", tmp_path)
    assert told.code == 2
    assert "must hold study.json" in told.err
    (tmp_path / "study.json").write_text((folder / "study.json").read_text())
    with pytest.raises(InputError, match="a study must have results"):
        write_report(tmp_path)


def test_data_that_can_not_be_found_from_here_are_told_with_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Folder(root=Path("mine"))
    axes = {"learnt from": {"full masks": {"annotate": {"kind": "full"}}}}
    (tmp_path / "study.json").write_text(Study(name="clicks", data=data, axes=axes).model_dump_json())
    monkeypatch.chdir(tmp_path)
    must = f"the data of the study clicks must lie in mine; got nothing there, seen from {tmp_path}"
    with pytest.raises(InputError, match=f"{must}. Type the command where the study was run"):
        write_report(tmp_path)


def test_an_emptied_description_says_what_writes_it_anew(tmp_path: Path) -> None:
    (tmp_path / "study.json").touch()
    with pytest.raises(InputError, match="Run the study again from its own file"):
        write_report(tmp_path)


def test_the_worst_median_and_best_are_by_the_mean_over_seeds() -> None:
    values = np.array([[[0.2], [np.nan], [0.9], [0.5]], [[0.6], [np.nan], [0.7], [0.1]]])
    names = ("a", "b", "c", "d")
    own = Scores(values, (0, 1), names, names)
    assert extremes(own) == [("best", "c"), ("median", "a"), ("worst", "d")]
    many = np.arange(8)[None, :, None] / 10
    names = tuple("abcdefgh")
    assert extremes(Scores(many, (0,), names, names)) == [
        ("best", "h"),
        ("median", "d"),
        ("worst", "a"),
        ("second worst", "b"),
        ("third worst", "c"),
    ]
    head, listed = worst_table({("5+5",): own})
    assert listed == [["5+5", "d (0.300)", "a (0.400)", "c (0.800)", "", ""]]
    assert len(head) == len(listed[0])


def test_curves_of_training_are_of_losses_and_scores_and_none_of_one_epoch(folder: Path) -> None:
    study = read_study(folder)
    results = read_results(study, folder)
    drawn = training_curves(study, results)
    assert drawn is not None
    assert "training loss" in drawn
    assert "Dice by held-out annotations" in drawn
    short = {run: {**one, "history": one["history"][:1]} for run, one in results.items()}
    assert training_curves(study, short) is None
    assert "2 epochs" in (folder / "report.html").read_text()
    assert methods(validated(Study, {**study.model_dump(), "changes": {**study.changes, "epochs": 1}}))[
        0
    ].schedule.startswith("1 epoch, ")


def test_the_worst_images_are_named(folder: Path) -> None:
    study = read_study(folder)
    scores = scores_of(study, read_results(study, folder), "test", "dice")
    for text in ((folder / "report.md").read_text(), (folder / "report.html").read_text()):
        for own in scores.values():
            assert own.names[int(np.argmin(own.by_image()))] in text
