"""What would twice the clicks bring: learnt from a person's own clicks, without masks."""

from pathlib import Path

import numpy as np
import pytest

from pointillist.annotate import Boxes, PointsAnnotator
from pointillist.core.annotation import Annotation, read_annotation, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.marks import Box, Points, Tag
from pointillist.datasets import Folder, Synthetic
from pointillist.study.execute import Results
from pointillist.study.forecast import growth, growth_study, thinned
from pointillist.study.forecast_words import growth_in_words
from pointillist.study.report import read_study
from pointillist.study.study import Study
from tests.cli.command import pointillist
from tests.datasets.trees import draw_folder

DATA = Synthetic(size=(24, 32), train=4, val=3, test=2)


def clicked(folder: Path, positive: int = 4, negative: int = 4) -> Path:
    annotator = PointsAnnotator(positive=positive, negative=negative)
    for sample in (*DATA.samples("train"), *DATA.samples("val")):
        write_annotation(folder / f"{sample.name}.json", annotator.annotate(sample, DATA.classes, 0))
    return folder


def counted(annotation: Annotation) -> dict[int, int]:
    return {mark.label: len(mark.at) for mark in annotation.marks if isinstance(mark, Points)}


def results_of(
    study: Study, scores: dict[float, tuple[float, ...]], images: dict[float, np.ndarray] | None = None
) -> Results:
    """Runs that scored so; and how much more on each held-out image, by the number of clicks."""
    found = {}
    for cell in study.runs:
        count = float(cell.place["clicks per image"])
        score, more = scores[count][cell.run.seed], np.zeros(3) if images is None else images[count]
        found[cell.run.id] = {
            "history": [
                {"kept": 1, "held_out/dice": 0.1},
                {"kept": 1, "held_out/dice": score},
                {"kept": 0, "held_out/dice": 0.2},
            ],
            "without_each": (score - (more - more.mean()) / (len(more) - 1)).tolist(),
        }
    return found


def test_the_first_clicks_of_each_class_are_kept_and_at_least_one() -> None:
    marks = (
        Points(label=1, at=((0, 0), (1, 1))),
        Points(label=0, at=((5, 5),)),
        Points(label=1, at=((2, 2), (3, 3), (4, 4)), radius=1),
    )
    whole = Annotation(name="a", height=8, width=8, classes=("a", "b"), annotator="person", marks=marks)
    half = thinned(whole, 0.5)
    assert half.marks == (marks[0], marks[1], Points(label=1, at=((2, 2),), radius=1))
    assert thinned(whole, 0.1).marks == (Points(label=1, at=((0, 0),)), marks[1])
    assert thinned(whole, 1).marks == marks


def test_it_learns_from_a_quarter_half_and_all_and_is_judged_by_all_held_out_clicks(tmp_path: Path) -> None:
    study = growth_study(DATA, clicked(tmp_path / "mine"), tmp_path / "study", 2, "plain")
    assert list(study.axes["clicks per image"]) == ["2", "4", "8"]
    runs = [cell.run for cell in study.cells[::2]]
    for run, expected in zip(runs, (1, 2, 4), strict=True):
        assert run.annotate is None
        assert run.annotations is not None
        for name in DATA.names("train"):
            assert counted(read_annotation(run.annotations / f"{name}.json")) == {0: expected, 1: expected}
        for name in DATA.names("val"):
            assert counted(read_annotation(run.annotations / f"{name}.json")) == {0: 4, 1: 4}


def test_the_curve_goes_on(tmp_path: Path) -> None:
    study = growth_study(DATA, clicked(tmp_path / "mine"), tmp_path / "study", 2, "plain")
    truth = {n: 0.95 - 0.3 / n for n in (2.0, 4.0, 8.0)}
    found = growth(study, results_of(study, {n: (s - 0.01, s + 0.01) for n, s in truth.items()}))
    assert found.counts == (2, 4, 8)
    np.testing.assert_allclose(found.means, list(truth.values()))
    assert found.gain == pytest.approx(0.3 / 16, abs=1e-4)
    assert found.low < found.gain < found.high
    assert "twice as many would bring about +0.019" in growth_in_words(found)
    assert growth_in_words(found).endswith(
        "exactly and can't test: they are worth it. It is no measure against masks."
    )
    flat = growth(study, results_of(study, dict.fromkeys(truth, (0.9, 0.9))))
    assert flat.gain == pytest.approx(0, abs=1e-6)
    assert "they are hardly worth it" in growth_in_words(flat)
    blank = growth(study, results_of(study, dict.fromkeys(truth, (0.0, 0.0))))
    assert "hardly anything has been learnt" in growth_in_words(blank)
    with pytest.raises(InputError, match="every number of clicks must have been run; got 0 of 3"):
        growth(study, {})


def test_held_out_images_widen_the_interval_where_they_disagree_on_what_clicks_bring(tmp_path: Path) -> None:
    study = growth_study(DATA, clicked(tmp_path / "mine"), tmp_path / "study", 2, "plain")
    scores = {n: (0.9 - 0.3 / n,) * 2 for n in (2.0, 4.0, 8.0)}
    rng = np.random.default_rng(0)
    alike = rng.normal(0, 0.05, 20)
    # Hard and easy images, the same with every number of clicks: the interval knows no doubt.
    same = growth(study, results_of(study, scores, dict.fromkeys(scores, alike)))
    assert same.high - same.low < 1e-3
    apart = {n: rng.normal(0, 0.05, 20) for n in scores}
    found = growth(study, results_of(study, scores, apart))
    assert found.gain == pytest.approx(same.gain)
    assert found.high - found.low > 0.01
    assert found.low < found.gain < found.high
    assert "so few held-out images can't tell" in growth_in_words(found)
    old = {
        run: {key: value for key, value in one.items() if key != "without_each"}
        for run, one in results_of(study, scores).items()
    }
    with pytest.raises(InputError, match="an earlier version"):
        growth(study, old)
    otherwise = {run: {**one, "without_each": []} for run, one in old.items()}
    with pytest.raises(InputError, match="judged by nothing but clicks, on 3 held-out images or more"):
        growth(study, otherwise)


def test_what_all_left_out_images_share_moves_no_forecast(tmp_path: Path) -> None:
    """Scores are smoothed, those without an image are not: how far they lie apart says nothing of images."""
    study = growth_study(DATA, clicked(tmp_path / "mine"), tmp_path / "study", 2, "plain")
    results = results_of(study, {n: (0.95 - 0.3 / n,) * 2 for n in (2.0, 4.0, 8.0)})
    before = growth(study, results)
    for cell in study.runs:
        if cell.place["clicks per image"] == "4":
            result = results[cell.run.id]
            results[cell.run.id] = {**result, "without_each": [one - 0.05 for one in result["without_each"]]}
    found = growth(study, results)
    assert found.low <= found.gain <= found.high
    assert (found.low, found.high) == pytest.approx((before.low, before.high))


def test_what_can_not_be_forecast_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"several clicks; got 2, 4 per image"):
        growth_study(DATA, clicked(tmp_path / "few", 2, 2), tmp_path / "study", 1, "plain")
    with pytest.raises(InputError, match="--annotations must be a folder; got nothing there"):
        growth_study(DATA, tmp_path / "none", tmp_path / "study", 1, "plain")
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="got 0 and 0 images with clicks"):
        growth_study(DATA, tmp_path / "none", tmp_path / "study", 1, "plain")
    for sample in DATA.samples("train"):
        write_annotation(tmp_path / "few" / f"{sample.name}.json", Boxes().annotate(sample, DATA.classes, 0))
    with pytest.raises(InputError, match="must be clicks only; got box"):
        growth_study(DATA, tmp_path / "few", tmp_path / "study", 1, "plain")


@pytest.mark.parametrize("mark", [Tag(label=1, present=True), Box(label=1, top=2, left=2, bottom=9, right=9)])
def test_a_held_out_image_that_clicks_alone_do_not_judge_is_told_before_any_run(
    tmp_path: Path, mark: Tag | Box
) -> None:
    mine = clicked(tmp_path / "mine")
    name = DATA.names("val")[1]
    drawn = read_annotation(mine / f"{name}.json")
    write_annotation(mine / f"{name}.json", drawn.model_copy(update={"marks": (*drawn.marks, mark)}))
    with pytest.raises(InputError, match=f"annotation of {name} must be clicks only; got {mark.kind}"):
        growth_study(DATA, mine, tmp_path / "study", 1, "plain")
    with pytest.raises(InputError, match="must be judged by held-out clicks; got select: last"):
        growth_study(DATA, clicked(mine), tmp_path / "study", 1, "plain", {"select": "last"})


def test_clicks_outside_the_region_of_interest_judge_nothing(tmp_path: Path) -> None:
    data = Folder(root=draw_folder(tmp_path / "tree"))
    outside = Points(label=1, at=((0, 0), (39, 0)))
    clicks = (Points(label=1, at=((20, 20), (20, 21), (20, 22), (20, 23))), Points(label=0, at=((20, 12),)))
    held_out = [data.read(name) for name in data.names("val")]
    for sample in (*held_out, *data.samples("train")):
        whole = Annotation(
            name=sample.name,
            height=sample.height,
            width=sample.width,
            classes=data.classes,
            annotator="person",
            marks=clicks if sample.region is None else (outside, clicks[1]),
        )
        write_annotation(tmp_path / "mine" / f"{sample.name}.json", whole)
    study = growth_study(data, tmp_path / "mine", tmp_path / "study", 1, "plain")
    folder = study.cells[0].run.annotations
    assert folder is not None
    for sample in held_out:
        marks = read_annotation(folder / f"{sample.name}.json").marks
        assert marks == (clicks if sample.region is None else (clicks[1],)), "no more than a tag is left"
    path = tmp_path / "mine" / f"{next(s.name for s in held_out if s.region is not None)}.json"
    write_annotation(path, read_annotation(path).model_copy(update={"marks": (outside,)}))
    with pytest.raises(InputError, match="got 18 and 2 images with clicks"):
        growth_study(data, tmp_path / "mine", tmp_path / "study", 1, "plain")


def test_the_command_needs_no_masks_and_goes_on(tmp_path: Path) -> None:
    data = ["--data", "synthetic", "--size", "24x32", "--annotations", clicked(tmp_path / "mine")]
    small = ["epochs=1", "data.train=4", "data.val=3", "data.test=2", "model={kind: unet, widths: [4]}"]
    command = ["budget", *data, "--recipe", "plain", "--seeds", 1, "--workers", 1, "-o", tmp_path, *small]
    said = pointillist(*command)
    assert said.code == 0, said.err
    assert "twice as many would bring about" in " ".join(said.out.split())
    assert "clicks per image" in (tmp_path / "forecast-synthetic" / "budget.md").read_text()
    before = {
        path: path.stat().st_mtime_ns for path in (tmp_path / "forecast-synthetic" / "results").iterdir()
    }
    assert len(before) == 3
    assert pointillist(*command).code == 0
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    reported = pointillist("report", tmp_path / "forecast-synthetic")
    assert reported.code == 0, reported.err
    for name in ("report.md", "report.html"):
        text = (tmp_path / "forecast-synthetic" / name).read_text()
        assert "twice as many would bring about" in text
        assert "Dice by held-out clicks" in text
        assert "by other held-out images alone" in text, "there is one seed"
    clicked(tmp_path / "mine", 6, 6)
    more = pointillist(*command)
    assert more.code == 0, more.err
    assert "Mind: 3 results of other settings" in " ".join(more.out.split())
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    counts = read_study(tmp_path / "forecast-synthetic").axes["clicks per image"]
    assert list(counts) == ["4", "6", "12"], "those of now"
    refused = pointillist(*command, "--clicks", "1,2")
    assert refused.code != 0
    assert "beside clicks of your own; got --clicks" in " ".join(refused.err.split())
