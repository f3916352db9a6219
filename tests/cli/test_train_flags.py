"""Flags that say what is drawn and how it is learnt: the run they describe, and the mistakes they refuse."""

import json
from pathlib import Path

import numpy as np
import pytest

from pointillist.annotate import (
    Annotator,
    Boxes,
    ExtremePointsAnnotator,
    Full,
    Mistakes,
    PointsAnnotator,
    Scribbles,
    Several,
    SizeRanges,
    Tags,
)
from pointillist.core.annotation import read_annotation
from pointillist.core.config import read_yaml, validated
from pointillist.data.draw import draw_image, write_picture
from pointillist.datasets import Synthetic
from pointillist.train.bounds import SizeBounds
from pointillist.train.recipe import RECIPES
from pointillist.train.run import Run
from pointillist.train.supervise import annotation_of
from tests.cli.command import TINY, Done, pointillist
from tests.datasets.trees import draw_folder

SMALL = ("--data", "synthetic", "--size", "24x32")
DATA = Synthetic(size=(24, 32))
CLICKS = PointsAnnotator(positive=2, negative=2)
DRAWN: dict[str, tuple[tuple[str | int, ...], Annotator]] = {
    "nothing": ((), Full()),
    "clicks": (("--clicks", 2), CLICKS),
    "background": (("--negative-clicks", 3), PointsAnnotator(positive=0, negative=3)),
    "scribbles": (("--scribbles", "0.4"), Scribbles(length=0.4)),
    "boxes": (("--boxes",), Boxes()),
    "extreme points": (("--extreme-points", "--jitter", 2), ExtremePointsAnnotator(jitter=2)),
    "tags": (("--tags",), Tags()),
    "sizes": (("--sizes",), SizeRanges()),
    "several": (("--sizes", "--clicks", 2, "--boxes"), Several(of=(CLICKS, Boxes(), SizeRanges()))),
    "mistakes": (
        ("--clicks", 2, "--tags", "--mistakes", "0.1"),
        Mistakes(of=Several(of=(CLICKS, Tags())), rate=0.1),
    ),
    "text": (("--annotator", '{"kind": "boxes", "margin": 3}'), Boxes(margin=3)),
}


def shown(*arguments: str | Path | int) -> Run:
    done = pointillist("train", *SMALL, *arguments, "--show")
    assert done.code == 0, done
    return validated(Run, done.out, text=True)


@pytest.mark.parametrize("name", DRAWN)
def test_flags_say_what_is_drawn(name: str) -> None:
    flags, annotator = DRAWN[name]
    assert shown(*flags).annotate == annotator


def test_an_annotator_can_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mixed.yaml"
    path.write_text("kind: mixed\nof:\n- [{kind: full}, 0.1]\n- [{kind: points}, 0.5]\n")
    annotator = shown("--annotator", path).annotate
    assert annotator is not None
    assert annotator.in_words() == "0.1 full masks, 0.5 5+5 clicks, 0.4 nothing"


def test_simulated_files_hold_what_training_with_the_same_flags_draws(tmp_path: Path) -> None:
    flags = ("--boxes", "--clicks", 2, "--seed", 5)
    done = pointillist("simulate", *SMALL, *flags, "-o", tmp_path / "drawn")
    assert done.code == 0, done
    assert f"--size 24x32 --annotations {tmp_path / 'drawn'}" in done.out
    run = shown(*flags)
    for entry in DATA.entries:
        drawn = read_annotation(tmp_path / "drawn" / f"{entry.name}.json")
        assert drawn == annotation_of(run, DATA.read(entry.name))


def test_simulate_tells_images_on_which_nothing_is_drawn_or_can_be(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for number, sample in enumerate(DATA.samples("train")):
        assert sample.mask is not None
        name = f"{sample.name}.png"
        write_picture(root / "images" / name, draw_image(sample.image))
        if number >= 3:
            write_picture(root / "masks" / name, np.repeat(sample.mask[:, :, None] * 255, 3, 2))
    done = pointillist(
        "simulate", "--data", "folder", "--root", root, "-o", tmp_path / "drawn",
        "--annotator", "{kind: mixed, of: [[{kind: tags}, 0.5]]}",
    )  # fmt: skip
    assert done.code == 0, done
    files = [read_annotation(path) for path in (tmp_path / "drawn").glob("*.json")]
    assert len(files) == DATA.train - 3
    silent = sum(not annotation.marks for annotation in files)
    assert 0 < silent < len(files)
    assert f"On {silent} of them nothing is drawn" in done.out
    assert "3 more images have no mask" in done.out


def test_simulate_names_all_masks_that_are_damaged_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for sample in DATA.samples("train"):
        assert sample.mask is not None
        write_picture(root / "images" / f"{sample.name}.png", draw_image(sample.image))
        write_picture(root / "masks" / f"{sample.name}.png", np.repeat(sample.mask[:, :, None] * 255, 3, 2))
    names = [f"{name}.png" for name in DATA.names("train")]
    for name in names[-2:]:
        (root / "masks" / name).write_bytes((root / "masks" / name).read_bytes()[:60])
    flags = ("simulate", "--data", "folder", "--root", root, "--clicks", 1, "-o", tmp_path / "drawn")
    refused = pointillist(*flags)
    assert refused.code == 2, refused
    assert all(name in refused.err for name in names[-2:])
    assert not (tmp_path / "drawn").exists()
    for name in names[-2:]:
        (root / "masks" / name).unlink()
    assert pointillist(*flags).code == 0, "what was refused must not bar the way"


def test_masks_stand_in_for_missing_files_when_asked(tmp_path: Path) -> None:
    done = pointillist("simulate", *SMALL, "--clicks", 1, "-o", tmp_path)
    assert done.code == 0, done
    name, other = DATA.names("train")[:2]
    (tmp_path / f"{name}.json").unlink()
    run = shown("--annotations", tmp_path, "--use-masks")
    annotation, clicks = annotation_of(run, DATA.read(name)), annotation_of(run, DATA.read(other))
    assert annotation is not None
    assert clicks is not None
    assert [mark.kind for mark in annotation.marks] == ["dense"]
    assert {mark.kind for mark in clicks.marks} == {"points"}
    assert annotation_of(shown("--annotations", tmp_path), DATA.read(name)) is None


def test_a_stated_size_range_is_learnt_from() -> None:
    run = shown("--clicks", 2, "--size-range", "0.05", "0.4")
    assert run.sizes == SizeBounds(low=(0.05,), high=(0.4,))
    assert "size" in [term.loss.kind for term in run.supervise]
    assert "size" not in [term.loss.kind for term in shown("--clicks", 2).supervise]


def recipe_lines(done: Done) -> list[str]:
    return [line for line in (done.out + done.err).splitlines() if line.startswith(("Recipe", "because"))]


def test_a_recipe_is_told_in_two_lines_and_then_changed(tmp_path: Path) -> None:
    flags = ("train", *SMALL, "--clicks", 2, "--epochs", 1, "-o", tmp_path, *TINY, "supervise.0.weight=0.5")
    done = pointillist(*flags)
    assert done.code == 0, done
    assert recipe_lines(done) == done.out.splitlines()[:2]
    assert done.out.startswith("Recipe plain: a plain U-Net")
    (folder,) = tmp_path.iterdir()
    run = json.loads((folder / "run.json").read_text())
    assert run["supervise"][0]["weight"] == 0.5
    assert run["epochs"] == 1
    assert run["model"]["widths"] == [4, 8]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_written_run_is_the_run(tmp_path: Path, recipe: str) -> None:
    path = tmp_path / "lr=1e-5.yaml"
    flags = ("--clicks", 2, "--boxes", "--recipe", recipe, "learning_rate=1e-05", "weight_decay=1e-20")
    run = shown(*flags)
    done = pointillist("train", *SMALL, *flags, "--write", path)
    assert done.code == 0, done
    assert f"Next:    pointillist train {path}" in done.out
    assert validated(Run, read_yaml(path)).id == run.id
    again = pointillist("train", path, "--show")
    assert validated(Run, again.out, text=True) == run
    assert recipe_lines(again) == []
    assert "beside lr=1e-5.yaml; got --recipe" in pointillist("train", path, "--recipe", "auto").err


def test_writing_a_run_loses_no_file(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("# my notes")
    done = pointillist("train", *SMALL, "--write", path)
    assert done.code == 2
    assert "--write must name a new file" in done.err
    assert path.read_text() == "# my notes"


WRONG = {
    "recipe": (["--recipe", "autto"], "Did you mean 'auto'"),
    "density and boxes": (["--density", "0.1", "--boxes"], "exclude each other; got --density and boxes"),
    "jitter on boxes": (["--boxes", "--jitter", "2"], "--jitter needs clicks or extreme points"),
    "no scribble": (["--scribbles", "0"], "greater than 0"),
    "annotator beside flags": (["--annotator", "{kind: boxes}", "--tags"], "beside --annotator; got --tags"),
    "annotator's kind": (["--annotator", "{kind: boxez}"], "Did you mean 'boxes'"),
    "annotator's field": (
        ["--annotator", "{kind: boxes, marge: 3}"],
        "--annotator: marge must be a known field",
    ),
    "annotator without kind": (["--annotator", "{margin: 3}"], "Name its kind"),
    "annotator is no YAML": (["--annotator", "{kind: "], "must be YAML or JSON"),
    "annotator's file is missing": (["--annotator", "boxes"], "the file must exist"),
    "files and boxes": (["--annotations", ".", "--boxes"], "beside --annotations; got --boxes"),
    "masks beside nothing": (["--clicks", "1", "--use-masks"], "--use-masks needs"),
    "sizes the wrong way": (["--size-range", "0.5", "0.1"], "the lower first; got 0.5 0.1"),
    "sizes in percent": (["--size-range", "5", "40"], "two shares from 0 to 1, the lower first; got 5 40"),
    "one size": (["--size-range", "0.5"], "requires 2 arguments"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_gets_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    arguments, words = WRONG[name]
    monkeypatch.chdir(tmp_path)
    done = pointillist("train", *SMALL, *arguments)
    assert done.code == 2, done
    assert words in done.err, done
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_size_range_needs_one_foreground_class_and_training_needs_images(tmp_path: Path) -> None:
    sample = next(DATA.samples("train"))
    write_picture(tmp_path / "test" / "images" / "a.png", draw_image(sample.image))
    (tmp_path / "pointillist.yaml").write_text("classes: [background, road, building]\n")
    done = pointillist("train", "--data", "folder", "--root", tmp_path)
    assert done.code == 2, done
    assert "the data must hold training images" in done.err
    write_picture(tmp_path / "train" / "images" / "b.png", draw_image(sample.image))
    done = pointillist("train", "--data", "folder", "--root", tmp_path, "--size-range", "0.1", "0.2")
    assert done.code == 2, done
    assert "a single foreground class; got road, building" in done.err


@pytest.mark.parametrize("recipe", ["auto", "plain"])
def test_all_files_that_can_not_be_read_are_named_before_anything_is_done(
    tmp_path: Path, recipe: str
) -> None:
    root = draw_folder(tmp_path / "mine")
    whole = sorted((root / "images").iterdir())
    short, empty, text = whole[3], whole[12], whole[-1]
    short.write_bytes(short.read_bytes()[:300])
    empty.write_bytes(b"")
    text.write_text("not an image")
    mask = next((root / "masks").glob(f"{whole[6].stem}*"))
    mask.write_bytes(mask.read_bytes()[:40])
    train = ("train", "--data", "folder", "--root", root, "--recipe", recipe, "-o", tmp_path / "runs")
    spread = ("propagate.kind=geodesic", 'supervise=[{"loss": {"kind": "soft-cross-entropy"}}]')
    for changes in ((), spread):
        told = pointillist(*train, *changes)
        assert told.code == 2
        assert [name for file in (short, empty, text, mask) if (name := str(file)) not in told.err] == []
        assert told.err.count("; got ") == 4, told.err
        assert not (tmp_path / "runs").exists(), "no label was spread either"
