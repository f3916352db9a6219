"""`pointillist recipes`: what there is, and what auto would take on some data."""

from pathlib import Path

from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.marks import Points
from pointillist.datasets import Synthetic
from pointillist.train.recipe import RECIPES
from tests.cli.command import pointillist

DATA = ("--data", "synthetic", "--size", "24x32")


def test_every_recipe_is_listed_with_what_is_installed() -> None:
    done = pointillist("recipes", columns=80)
    assert done.code == 0, done
    for name in (*RECIPES, "pretrained", "timm", "sam"):
        assert any(line.strip().startswith(f"{name} ") for line in done.out.splitlines()), name
    assert max(len(line.rstrip()) for line in done.out.splitlines()) <= 80


def test_given_data_it_says_what_training_then_does() -> None:
    told = pointillist("recipes", *DATA, "--clicks", 2)
    assert told.code == 0, told
    what, why = told.out.splitlines()
    assert what.startswith("Recipe auto: ")
    assert why.startswith("because of clicks on ")
    trained = pointillist("train", *DATA, "--clicks", 2, "--show")
    assert trained.err == told.out


def test_its_choice_rests_on_the_annotations(tmp_path: Path) -> None:
    whys = {
        flags: pointillist("recipes", *DATA, *flags).out
        for flags in ((), ("--boxes",), ("--tags",), ("--clicks", "2", "--sizes"))
    }
    assert len(set(whys.values())) == len(whys), whys
    done = pointillist("recipes", *DATA, "--annotations", tmp_path)
    assert done.code == 0, done
    assert "nothing on" in done.out
    assert pointillist("recipes", "--data", "ph3").code == 2


def test_it_says_on_how_many_images_there_is_something(tmp_path: Path) -> None:
    data = Synthetic(size=(24, 32))
    sample = data.read(data.names("train")[0])
    marks = (Points(label=1, at=((2.0, 2.0),)),)
    size = {"height": sample.height, "width": sample.width}
    annotation = Annotation(name=sample.name, **size, classes=data.classes, marks=marks)
    write_annotation(tmp_path / f"{sample.name}.json", annotation)
    done = pointillist("recipes", *DATA, "--annotations", tmp_path)
    assert "because of clicks on 1 of 48 images" in done.out, done
