"""A report: one page that needs nothing else, with what was asked of it."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from pointillist.core.errors import InputError
from pointillist.datasets import Folder, Synthetic
from pointillist.study.budget import budget_study
from pointillist.study.execute import read_results, run_study
from pointillist.study.local import Local
from pointillist.study.report import write_report
from pointillist.study.report_tables import metric_tables
from pointillist.study.scores import Scores
from pointillist.study.study import Study
from pointillist.study.table import rows
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
    (val, test) = metric_tables(study, read_results(study, folder))
    assert (val.split, test.split, test.images) == ("val", "test", 6)
    dice = [float(re.split("[ ±]", row[4])[0]) for row in test.rows]
    means = []
    for label in study.axes["clicks"]:
        own = [
            r["dice_per_image"] for r in rows(study, folder) if r["clicks"] == label and r["split"] == "test"
        ]
        means.append(np.mean(own))
    assert dice == pytest.approx(means, abs=6e-4)
    assert (folder / "report.md").read_text().count("| full masks |") == 3
    assert (folder / "report.tex").read_text().count(r"\begin{tabular}") == 2


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


def test_worst_median_and_best_are_by_the_score() -> None:
    from pointillist.study.report_pictures import extremes

    values = np.array([[[0.2], [np.nan], [0.9], [0.5]]])
    names = ("a", "b", "c", "d")
    assert extremes(Scores(values, (0,), names, names)) == [("best", "c"), ("median", "d"), ("worst", "a")]
