"""What the documents show is what the program takes, and they leave nothing out."""

import re
from pathlib import Path

import pytest
import yaml

from pointillist.annotate import ANNOTATORS
from pointillist.core.annotation import read_annotation
from pointillist.core.change import split_changes
from pointillist.core.config import validated
from pointillist.datasets import DATASETS
from pointillist.losses import LOSSES
from pointillist.models import MODELS
from pointillist.propagate import PROPAGATORS
from pointillist.study.budget import budget_study
from pointillist.study.study import Study
from pointillist.train.recipe import RECIPES
from tests.cli.command import pointillist

ROOT = Path(__file__).parents[2]
ANNOTATIONS = (ROOT / "docs" / "annotations.md").read_text()


def block(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", ANNOTATIONS, re.DOTALL)
    return str(text)


def test_the_annotation_written_by_hand_reads_and_shows_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "IMD003.json"
    path.write_text(block("json"))
    kinds = {mark.kind for mark in read_annotation(path).marks}
    named = set(re.findall(r"^\| `([a-z-]+)` \|", ANNOTATIONS, re.MULTILINE))
    assert kinds | {"dense"} == named


def test_the_mixture_is_an_annotator(tmp_path: Path) -> None:
    path = tmp_path / "mixed.yaml"
    path.write_text(block("yaml"))
    done = pointillist("simulate", "--size", "24x32", "--annotator", path, "-o", tmp_path / "out")
    assert done.code == 0, done
    assert yaml.safe_load(path.read_text())["kind"] == "mixed"


@pytest.mark.parametrize("table", [DATASETS, ANNOTATORS, PROPAGATORS, LOSSES, MODELS], ids=lambda t: t.noun)
def test_the_readme_names_every_component(table: dict[str, object]) -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name in table if f"`{name}`" not in readme] == []


def test_every_recipe_is_described() -> None:
    text = (ROOT / "docs" / "recipes.md").read_text()
    assert [name for name in RECIPES if f"| `{name}` |" not in text] == []


def test_the_study_reads_and_its_fields_are_all_named(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "studies.md").read_text()
    described = yaml.safe_load("".join(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)))
    assert validated(Study, {**described, "data": {"kind": "toy"}}).cells
    named = set(re.findall(r"^\| `([a-z]+)` \|", text, re.MULTILINE)) | set(described)
    assert named == set(Study.model_fields) - {"format"}


@pytest.mark.parametrize("data", ["ph2", "drive"])
def test_the_studies_of_clicks_are_those_of_the_command_whose_answer_stands_in_the_results(data: str) -> None:
    file = ROOT / "studies" / f"clicks_{data}.yaml"
    study = validated(Study, yaml.safe_load(file.read_text()), file)
    said = (ROOT / "docs" / "results" / f"clicks_{data}.md").read_text()
    command = re.search(rf"`pointillist budget --data {data} --root DIR --clicks ([\d,]+)([^`]*)`", said)
    assert command is not None
    clicks = [(int(count), int(count)) for count in command[1].split(",")]
    seeds = re.search(r"--seeds (\d)", command[2])
    changes = split_changes(re.findall(r"\w+=\S+", command[2]))
    asked = budget_study(
        study.data, clicks, ["random"], int(seeds[1]) if seeds else 3, 0.02, study.name, changes=changes
    )
    assert study == asked


@pytest.mark.parametrize("file", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_studies_read_and_say_what_they_ask(file: Path) -> None:
    study = validated(Study, yaml.safe_load(file.read_text()), file)
    assert study.name == file.stem.replace("_", "-")
    assert study.question.endswith("?")
    assert study.compare is not None
