"""The answer to "how many clicks": from results on disk to a verdict, a curve and sentences."""

import json
import os
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointillist.cli.answer import print_answer
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.text import to_markdown
from pointillist.datasets import Synthetic, Toy
from pointillist.study.answer import Answer, answer
from pointillist.study.budget import budget_study
from pointillist.study.execute import read_results, run_study
from pointillist.study.figure import budget_curve
from pointillist.study.local import Local
from pointillist.study.report_tables import about, metric_tables
from pointillist.study.study import Study
from pointillist.study.summary import summaries
from pointillist.study.table import rows
from pointillist.study.words import sentences, table
from tests.cli.command import pointillist
from tests.datasets.trees import draw_folder

CLICKS = [(1, 1), (2, 2), (5, 5), (10, 10)]


def study(**changes: Any) -> Study:
    given = {
        "strategies": ["random"],
        "seeds": 2,
        "margin": 0.02,
        "name": "toy",
        "recipe": "plain",
        **changes,
    }
    return budget_study(Toy(), given.pop("clicks", CLICKS), **given)


def write_results(folder: Path, described: Study, dice: dict[str, float], images: int = 12) -> None:
    """Leave results as runs do: each image's Dice near what its number of clicks gives."""
    for cell in described.runs:
        label = cell.place["clicks"]
        rng = np.random.default_rng(cell.run.seed)
        matrices = {}
        for number in range(images):
            hits = round(10_000 * (dice[label] + 0.004 * rng.standard_normal()))
            matrices[f"image {number}"] = [[50_000, 10_000 - hits], [10_000 - hits, hits]]
        clicks = 0 if label == "full masks" else sum(map(int, label.split("+")))
        told = {
            "marks": {"points" if clicks else "dense": 10},
            "annotated": 10,
            "labelled_pixels": {"background": 5 * clicks, "disc": 5 * clicks},
        }
        result = {
            "run": cell.run.id,
            "splits": {"test": {"metrics": {}, "matrices": matrices, "groups": dict.fromkeys(matrices, "")}},
            "seconds_per_image": 79.0 if not clicks else 2.0 + clicks,
            "annotation": {"train": told},
        }
        path = folder / "results" / f"{cell.run.id}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result))


def answered(described: Study, folder: Path) -> Answer:
    return answer(described, read_results(described, folder))


def changed(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    for path in (folder / "results").iterdir():
        result = json.loads(path.read_text())
        path.write_text(json.dumps({**result, **change(result)}))


TRUTH = {"1+1": 0.80, "2+2": 0.86, "5+5": 0.895, "10+10": 0.902, "full masks": 0.90}


def test_the_least_that_is_as_good_is_found(tmp_path: Path) -> None:
    write_results(tmp_path, study(), TRUTH)
    told = answered(study(), tmp_path)
    assert [line.verdict for line in told.lines] == ["worse", "worse", "as good", "better", None]
    (enough,) = told.enough
    assert enough.smallest is not None
    assert enough.smallest.place["clicks"] == "5+5"
    assert [line.labelled for line in told.lines] == [2, 4, 10, 20, None]
    assert enough.forecast is not None
    assert enough.forecast.count == 40
    assert enough.forecast.low <= enough.forecast.score <= enough.forecast.high
    said = " ".join(sentences(told))
    assert "5+5 is enough" in said
    assert "12.0 s of annotation per image in place of 79.0 s" in said
    assert "<svg" in budget_curve(told)
    assert budget_curve(told) == budget_curve(told)
    assert to_markdown(*table(told)).count("\n") == 1 + len(told.lines)


def test_masks_that_show_nothing_are_told_and_break_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(tmp_path, study(), TRUTH)
    only_background = {f"image {n}": [[70_000 - n, n], [0, 0]] for n in range(12)}
    changed(tmp_path, lambda result: {"splits": _with_matrices(result["splits"], only_background)})
    told = answered(study(), tmp_path)
    print_answer(told)
    said = capsys.readouterr().out
    assert "5 places are without a Dice: no image shows an object." in said
    assert "groups" not in said, "there are twelve images"
    assert "nan" not in said + to_markdown(*table(told))
    results = read_results(study(), tmp_path)
    found = summaries(study(), results)
    assert {one.deviation for one in found if one.metric == "dice"} == {None}
    assert "nan" not in metric_tables(study(), results, found)[0].markdown()


def test_a_stray_pixel_of_a_class_that_no_image_shows_changes_nothing(tmp_path: Path) -> None:
    """Its Dice of 0 would be averaged in for the runs that invent it, and for no other."""

    def with_a_third(matrix: list[list[int]], stray: int) -> list[list[int]]:
        (kept, taken), (missed, found) = matrix
        return [[kept - stray, taken, stray], [missed, found, 0], [0, 0, 0]]

    def told(stray: int) -> Answer:
        write_results(tmp_path, study(), TRUTH)
        for cell in study().runs:
            path = tmp_path / "results" / f"{cell.run.id}.json"
            result = json.loads(path.read_text())
            matrices = result["splits"]["test"]["matrices"]
            pixels = stray * (cell.place["clicks"] == "full masks")
            wide = {name: with_a_third(matrix, pixels) for name, matrix in matrices.items()}
            result["splits"] = _with_matrices(result["splits"], wide)
            path.write_text(json.dumps(result))
        return answered(study(), tmp_path)

    assert told(1).lines == told(0).lines
    assert [line.verdict for line in told(1).lines] == ["worse", "worse", "as good", "better", None]


def test_images_that_only_show_what_was_invented_give_no_verdict(tmp_path: Path) -> None:
    """Twelve images have a Dice in every run, but only four of them show the object."""
    write_results(tmp_path, study(), TRUTH)
    for path in (tmp_path / "results").iterdir():
        result = json.loads(path.read_text())
        matrices = result["splits"]["test"]["matrices"]
        empty = {name: [[69_000, 1000], [0, 0]] for name in list(matrices)[4:]}
        result["splits"] = _with_matrices(result["splits"], {**matrices, **empty})
        path.write_text(json.dumps(result))
    told = answered(study(), tmp_path)
    why = "fewer than 5 independent groups of test images show disc."
    assert sentences(told)[0] == f"no interval can be given, and so no verdict: {why}"
    found = summaries(study(), read_results(study(), tmp_path))
    assert {one.metric for one in found if one.low is None} == {"dice", "iou", "sensitivity"}
    assert about(found).endswith(f" No interval: {why}")


def _with_matrices(splits: dict[str, Any], matrices: dict[str, Any]) -> dict[str, Any]:
    return {name: {**one, "matrices": matrices} for name, one in splits.items()}


def test_a_small_number_that_only_seems_enough_is_not_taken(tmp_path: Path) -> None:
    """The search comes from above: a larger number that is not as good ends it."""
    write_results(tmp_path, study(), {**TRUTH, "10+10": 0.85})
    (enough,) = answered(study(), tmp_path).enough
    assert enough.smallest is None
    said = " ".join(sentences(answered(study(), tmp_path)))
    assert "not reached within the grid: 10+10 is not shown to be within 0.02 Dice of full masks" in said


def test_places_of_equal_cost_are_told_one_by_one(tmp_path: Path) -> None:
    """Networks or losses have no least; nor has what nobody has priced."""
    write_results(tmp_path, study(), TRUTH)
    changed(tmp_path, lambda result: {"seconds_per_image": min(result["seconds_per_image"], 50.0)})
    assert answered(study(), tmp_path).enough[0].priced
    changed(tmp_path, lambda result: {"seconds_per_image": min(result["seconds_per_image"], 10.0)})
    assert not answered(study(), tmp_path).enough[0].priced, "two of them cost the same"
    changed(tmp_path, lambda result: {"seconds_per_image": None})
    told = answered(study(), tmp_path)
    (enough,) = told.enough
    assert not enough.priced
    assert enough.smallest is None
    said = sentences(told)
    assert "1+1 is worse than full masks by more than 0.02" in said[0]
    assert "5+5 is as good as full masks within 0.02" in said[2]


@pytest.mark.parametrize(
    ("dice", "smallest"),
    [
        ({"1+9": 0.80, "9+1": 0.895, "10+10": 0.90}, "9+1"),
        ({"1+9": 0.899, "9+1": 0.895, "10+10": 0.90}, "1+9"),
        ({"1+9": 0.80, "9+1": 0.80, "10+10": 0.90}, "10+10"),
        ({"1+9": 0.80, "9+1": 0.895, "10+10": 0.80}, None),
    ],
)
def test_clicks_divided_otherwise_are_amounts_too(
    tmp_path: Path, dice: dict[str, float], smallest: str | None
) -> None:
    described = study(clicks=[(1, 9), (9, 1), (10, 10)])
    write_results(tmp_path, described, {**dice, "full masks": 0.90})
    (enough,) = answered(described, tmp_path).enough
    assert enough.priced
    assert (enough.smallest.place["clicks"] if enough.smallest else None) == smallest


def test_divisions_that_cost_the_same_share_the_chance_of_error(tmp_path: Path) -> None:
    """Three chances at one price: what just passes alone does not pass as one of them."""
    clicks = [(1, 1), (1, 9), (5, 5), (9, 1)]
    described = study(clicks=clicks)
    write_results(tmp_path, described, {"1+1": 0.8, "1+9": 0.8, "5+5": 0.8, "9+1": 0.89, "full masks": 0.9})
    for cell in described.runs:
        if cell.place["clicks"] == "9+1":
            path = tmp_path / "results" / f"{cell.run.id}.json"
            result = json.loads(path.read_text())
            for number, matrix in enumerate(result["splits"]["test"]["matrices"].values()):
                hits = 8_900 + 20 * (number - 6)
                matrix[:] = [[50_000, 10_000 - hits], [10_000 - hits, hits]]
            path.write_text(json.dumps(result))
    against = answered(described, tmp_path).lines[3].against
    assert against is not None
    assert against.low is not None
    just = study(clicks=clicks, margin=-against.low + 1e-6)
    told = answered(just, tmp_path)
    assert told.lines[3].verdict == "as good"
    assert told.enough[0].smallest is None
    said = " ".join(sentences(told))
    assert "of 1+9, 5+5, 9+1, which cost the same and share the chance of error, none is shown" in said
    alone = answered(study(clicks=[(1, 1), (9, 1)], margin=-against.low + 1e-6), tmp_path)
    assert alone.enough[0].smallest is not None
    assert alone.enough[0].worst == against.low
    (enough,) = answered(study(clicks=clicks, margin=0.03), tmp_path).enough
    assert enough.smallest is not None
    assert enough.smallest.place["clicks"] == "9+1"
    assert enough.worst is not None
    assert against.low - 0.005 < enough.worst < against.low
    said = " ".join(sentences(answered(study(clicks=clicks, margin=0.03), tmp_path)))
    assert f"at worst {enough.worst:+.4f}" in said
    assert "(the 3 of the same cost share the chance of error)" in said


def test_the_same_runs_under_other_labels_are_compared_once(tmp_path: Path) -> None:
    """Clicks that say themselves where they go are one run, whatever strategy stands before them."""
    plain = study(strategies=["random", "centre"]).model_dump(mode="json")
    plain["axes"]["clicks"]["7+7"] = {"annotate": {"kind": "points", "positive": 7, "negative": 7}}
    described = validated(Study, plain)
    write_results(tmp_path, described, {**TRUTH, "7+7": 0.85})
    compared = [line for line in answered(described, tmp_path).lines if line.against]
    assert len(compared) == 10
    least = min(line.against.p for line in compared if line.against and line.against.p)
    assert min(line.p for line in compared if line.p) == pytest.approx(9 * least)


def test_scores_that_follow_no_power_law_are_not_forecast(tmp_path: Path) -> None:
    write_results(tmp_path, study(), {**TRUTH, "2+2": 0.70})
    told = answered(study(), tmp_path)
    said = " ".join(sentences(told))
    assert "no forecast: the best power law misses what was measured by up to 0.10" in said
    assert 'id="forecast' not in budget_curve(told)


def test_numbers_of_clicks_that_hardly_differ_test_no_curve(tmp_path: Path) -> None:
    """Where one image was too small for all its clicks, the same number is labelled a little less."""
    described = study(clicks=[(1, 1), (5, 1), (1, 5), (10, 10)])
    write_results(tmp_path, described, {**TRUTH, "5+1": 0.89, "1+5": 0.89})
    (cell, *_) = (cell for cell in described.runs if cell.place["clicks"] == "1+5")
    path = tmp_path / "results" / f"{cell.run.id}.json"
    result = json.loads(path.read_text())
    result["annotation"]["train"]["labelled_pixels"]["disc"] -= 1
    path.write_text(json.dumps(result))
    told = answered(described, tmp_path)
    assert len({line.labelled for line in told.lines if line.labelled}) == 4
    forecast = told.enough[0].forecast
    assert forecast is not None
    assert forecast.exact
    assert not forecast.told


def test_a_curve_on_the_bounds_of_the_search_is_told_with_care(tmp_path: Path) -> None:
    write_results(tmp_path, study(), {"1+1": 0.5, "2+2": 0.89, "5+5": 0.9, "10+10": 0.9, "full masks": 0.95})
    described = study(margin=0.2)
    write_results(
        tmp_path, described, {"1+1": 0.5, "2+2": 0.89, "5+5": 0.9, "10+10": 0.9, "full masks": 0.95}
    )
    forecast = answered(described, tmp_path).enough[0].forecast
    assert forecast is not None
    assert forecast.law.exponent == 2
    assert "lies on the bounds of what is searched" in " ".join(sentences(answered(described, tmp_path)))
    assert "bounds of what is searched" not in " ".join(sentences(answered(study(), tmp_path)))


def test_what_nobody_has_priced_is_told_beside_the_least(tmp_path: Path) -> None:
    write_results(tmp_path, study(), TRUTH)
    changed(tmp_path, lambda r: {"seconds_per_image": None} if r["seconds_per_image"] == 6.0 else {})
    said = sentences(answered(study(), tmp_path))
    assert "5+5 is enough" in said[0]
    assert "2+2 is worse than full masks" in said[1]


def test_a_reference_without_results_is_told(tmp_path: Path) -> None:
    write_results(tmp_path, study(), TRUTH)
    for cell in study().runs:
        if cell.place["clicks"] == "full masks":
            (tmp_path / "results" / f"{cell.run.id}.json").unlink()
    told = answered(study(), tmp_path)
    assert [row[2] for row in table(told)[1]] == ["reference not run"] * 4
    assert sentences(told) == [
        "the grid is incomplete: 2 of 10 runs have no results.",
        "full masks has no results yet: 4 places are compared with nothing.",
    ]


def test_while_a_place_has_not_been_run_there_is_no_answer(tmp_path: Path) -> None:
    """Neither 'not reached', which that one might reach, nor a least that the search might not get to."""
    write_results(tmp_path, study(), TRUTH)
    for cell in study().runs:
        if cell.place["clicks"] == "10+10" or (cell.place["clicks"] == "2+2" and cell.run.seed == 1):
            (tmp_path / "results" / f"{cell.run.id}.json").unlink()
    told = answered(study(), tmp_path)
    assert told.enough[0].smallest is None
    said = sentences(told)
    assert said[0] == "the grid is incomplete: 3 of 10 runs have no results."
    assert any("no answer yet: 10+10 is not compared with full masks" in one for one in said)
    assert not any("not reached" in one or "enough:" in one or "come within" in one for one in said)
    head, rows = table(told)
    assert [row[head.index("seeds")] for row in rows] == ["2", "1", "2", "2"]
    write_results(tmp_path, study(), TRUTH)
    assert "seeds" not in table(answered(study(), tmp_path))[0], "where all have as many it says nothing"


def test_a_place_that_is_the_references_own_run_is_not_compared(tmp_path: Path) -> None:
    """Full masks are one run wherever clicks would have gone: compared with itself it would be 'as good'."""
    two = study(strategies=["random", "centre"])
    assert two.compare is not None
    to = two.compare.model_copy(update={"to": {"strategy": "random", "clicks": "full masks"}})
    two = two.model_copy(update={"compare": to})
    write_results(tmp_path, two, TRUTH)
    found = {tuple(line.place.values()): line for line in answered(two, tmp_path).lines}
    assert found["random", "full masks"].alone == "reference"
    assert found["centre", "full masks"].alone == "same run as the reference"
    assert found["centre", "full masks"].against is None
    assert found["centre", "5+5"].against is not None


def test_clicks_that_take_longer_than_masks_are_no_answer(tmp_path: Path) -> None:
    write_results(tmp_path, study(), TRUTH)
    few = study(clicks=[(1, 1), (10, 10)])
    changed(tmp_path, lambda result: {"seconds_per_image": min(result["seconds_per_image"], 20.0)})
    (enough,) = answered(few, tmp_path).enough
    assert enough.reference.seconds == 20.0
    assert [(line.seconds, line.verdict) for line in enough.lines] == [(4.0, "worse"), (20.0, "better")]
    assert enough.smallest is None
    quick = {"dense": 3.0}
    kind = lambda result: next(iter(result["annotation"]["train"]["marks"]))  # noqa: E731
    changed(tmp_path, lambda r: {"seconds_per_image": quick.get(kind(r), r["seconds_per_image"])})
    told = answered(few, tmp_path)
    assert not told.enough[0].priced, "nothing is cheaper than the masks"
    assert "10+10 is better than full masks" in sentences(told)[1]


def test_too_few_images_for_an_interval_are_told(tmp_path: Path) -> None:
    write_results(tmp_path, study(), TRUTH, images=4)
    told = answered(study(), tmp_path)
    assert [line.against.low for line in told.lines if line.against] == [None] * 4
    why = "fewer than 5 independent groups of test images show disc."
    assert sentences(told)[0] == f"no interval can be given, and so no verdict: {why}"
    assert not any("not reached" in said or "enough:" in said for said in sentences(told))


def test_only_common_seeds_are_compared_and_that_is_said(tmp_path: Path) -> None:
    write_results(tmp_path, study(), TRUTH)
    for cell in study().runs:
        if cell.place["clicks"] == "full masks" and cell.run.seed == 1:
            (tmp_path / "results" / f"{cell.run.id}.json").unlink()
    assert "over 1 seed in common" in " ".join(sentences(answered(study(), tmp_path)))
    for cell in study().runs:
        if cell.place["clicks"] == "5+5" and cell.run.seed == 0:
            (tmp_path / "results" / f"{cell.run.id}.json").unlink()
    told = answered(study(), tmp_path)
    assert {line.place["clicks"]: line.alone for line in told.lines}["5+5"] == "nothing in common"
    assert "1 place is not compared" in sentences(told)[1]


@pytest.mark.parametrize(("masks", "waits"), [(79.0, True), (20.0, False)])
def test_a_dearer_place_without_a_seed_in_common_ends_the_search(
    tmp_path: Path, masks: float, waits: bool
) -> None:
    """Unless it costs more than the masks, so that the search would not go there."""
    write_results(tmp_path, study(), {**TRUTH, "10+10": 0.80})
    for cell in study().runs:
        if (cell.place["clicks"], cell.run.seed) in (("10+10", 0), ("full masks", 1)):
            (tmp_path / "results" / f"{cell.run.id}.json").unlink()
    changed(tmp_path, lambda r: {"seconds_per_image": masks} if r["seconds_per_image"] == 79 else {})
    told = answered(study(), tmp_path)
    assert told.lines[3].alone == "nothing in common"
    said = " ".join(sentences(told))
    assert ("no answer yet: 10+10 is not compared with full masks" in said) == waits
    assert ("5+5 is enough" in said) == (not waits)


def test_a_score_that_nobody_has_breaks_nothing(tmp_path: Path) -> None:
    """No image shows the class and none was predicted: Dice is undefined in all of one place."""
    write_results(tmp_path, study(), TRUTH)
    for cell in study().runs:
        if cell.place["clicks"] == "2+2":
            path = tmp_path / "results" / f"{cell.run.id}.json"
            result = json.loads(path.read_text())
            matrices = result["splits"]["test"]["matrices"]
            result["splits"]["test"]["matrices"] = {key: [[70_000, 0], [0, 0]] for key in matrices}
            path.write_text(json.dumps(result))
    told = answered(study(), tmp_path)
    assert np.isnan(told.lines[1].mean)
    assert told.enough[0].smallest is not None
    forecast = told.enough[0].forecast
    assert forecast is not None
    assert forecast.exact, "the other three numbers fix a curve"
    assert "three parameters exactly, so that it foretells nothing" in " ".join(sentences(told))
    assert 'id="forecast' not in budget_curve(told)
    assert "<svg" in budget_curve(told)


def test_odd_labels_are_shown_as_they_are(tmp_path: Path) -> None:
    plain = study(clicks=[(1, 1)]).model_dump(mode="json")
    plain["axes"]["strategy"] = {"_for $5 or $9": plain["axes"]["strategy"]["random"]}
    odd = validated(Study, plain)
    write_results(tmp_path, odd, TRUTH)
    assert "_for $5 or $9" in budget_curve(answered(odd, tmp_path))


def test_strategies_share_the_full_masks_and_are_answered_one_by_one(tmp_path: Path) -> None:
    two = study(strategies=["random", "centre"])
    assert len(two.cells) == 20
    assert len(two.runs) == 18
    write_results(tmp_path, two, TRUTH)
    told = answered(two, tmp_path)
    assert [enough.along["strategy"] for enough in told.enough] == ["random", "centre"]
    assert all(enough.smallest for enough in told.enough)
    (said,) = (one for one in sentences(told) if "searches" in one)
    assert said.startswith(
        "where seeds are many, each of the 2 searches calls too few enough with a chance of about 2.5%"
    )
    assert "up to 5.0%; where they are few, more often" in said
    one = study(strategies=["random", "centre"], seeds=1)
    (said,) = (one for one in sentences(answered(one, tmp_path)) if "searches" in one)
    assert said == "each of the 2 searches may call too few enough: one seed can't tell how often."


def test_a_margin_holds_once_there_are_results(tmp_path: Path) -> None:
    small = {
        "epochs": 1,
        "data.train": 2,
        "data.val": 1,
        "data.test": 1,
        "model": {"kind": "unet", "widths": [4]},
    }
    first = study(changes=small, clicks=[(1, 1)], seeds=1)
    assert run_study(first, tmp_path, Local(1), lambda cell, news: None) == []
    wider = study(changes=small, clicks=[(1, 1)], seeds=1, margin=0.05)
    with pytest.raises(InputError, match="must stay as it was declared"):
        run_study(wider, tmp_path, Local(1), lambda cell, news: None)
    more = study(changes=small, clicks=[(1, 1), (2, 2)], seeds=1)
    assert run_study(more, tmp_path, Local(1), lambda cell, news: None) == []


def test_what_can_not_be_answered_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must have results on the test split"):
        answered(study(), tmp_path)
    plain = study().model_copy(update={"compare": None})
    with pytest.raises(InputError, match="what its places are compared with"):
        answered(plain, tmp_path)
    with pytest.raises(InputError, match="different pairs"):
        study(clicks=[(1, 1), (1, 1)])
    with pytest.raises(InputError, match=r"compare\.to must name a label of 'clicks'"):
        validated(Study, {**study().model_dump(mode="json"), "compare": {"to": {"clicks": "masks"}}})


def test_the_command_answers_and_goes_on(tmp_path: Path) -> None:
    command = ["budget", "--data", "synthetic", "--recipe", "plain", "--clicks", "1,4", "--seeds", 1]
    small = ["data.train=4", "data.val=2", "data.test=6", "data.size=[24,32]", "epochs=1"]
    model = "model={kind: unet, widths: [4, 8]}"
    first = pointillist(*command, "-o", tmp_path, *small, model)
    assert first.code == 0
    assert "3 of 3 done" in first.out
    assert "full masks" in (tmp_path / "budget-synthetic" / "budget.md").read_text()
    again = pointillist(*command, "-o", tmp_path, *small, model)
    assert "3 of 3 done" in again.out
    changed = pointillist(*command, "-o", tmp_path, "--margin", 0.1, *small, model)
    assert changed.code == 2
    assert "declared before the runs" in changed.err


def test_a_folder_that_lacks_the_training_images_is_measured_there_and_trains_nothing(tmp_path: Path) -> None:
    """Until now the command measured validation and test images alone."""
    changes = {"data.train": 4, "data.val": 2, "data.test": 6, "data.size": [24, 32], "epochs": 1}
    changes["model"] = {"kind": "unet", "widths": [4]}
    now = budget_study(Synthetic(), [(1, 1)], ["random"], 1, 0.02, "budget-synthetic", "plain", changes)
    before = validated(Study, {**now.model_dump(mode="json"), "splits": ["val", "test"]})
    folder = tmp_path / "budget-synthetic"
    assert run_study(before, folder, Local(2), lambda cell, news: None) == []
    weights = {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    test = [row for row in rows(before, folder) if row["split"] == "test"]
    small = [f"{path}={json.dumps(value)}" for path, value in changes.items()]
    command = ["budget", "--data", "synthetic", "--recipe", "plain", "--clicks", 1, "--seeds", 1]
    done = pointillist(*command, "-o", tmp_path, *small)
    assert done.code == 0, done
    assert "Trained already, and only measured: 2 of 2 missing runs." in done.out
    measured = rows(now, folder)
    assert [row["split"] for row in measured] == ["train", "val", "test"] * 2
    assert [row for row in measured if row["split"] == "test"] == test
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")} == weights
    assert "only measured" not in pointillist(*command, "-o", tmp_path, *small).out


def test_each_folder_has_a_study_of_its_own_and_one_is_never_written_over_another(tmp_path: Path) -> None:
    first, second = draw_folder(tmp_path / "first"), draw_folder(tmp_path / "second")
    small = ["--size", 16, "--clicks", 1, "--seeds", 1, "--recipe", "plain", "-o", tmp_path / "out"]
    model = ("epochs=1", "model={kind: unet, widths: [4]}")
    for root in (first, second):
        done = pointillist("budget", "--data", "folder", "--root", root, *small, *model)
        assert done.code == 0, done
    names = ["budget-folder-first", "budget-folder-second"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    kept = {path: path.read_bytes() for path in (tmp_path / "out" / names[0]).glob("*.*")}
    typed = os.path.relpath(first)
    again = pointillist("budget", "--data", "folder", "--root", typed, *small, *model)
    assert again.code == 0, again.err
    assert "2 of 2 done" in again.out, "the same place, typed in another way"
    other = ("budget", "--data", "folder", "--root", second, "--name", names[0], *small, *model)
    refused = pointillist(*other)
    assert refused.code == 2
    assert f"holds results from {{kind: folder, root: {first}" in refused.err
    assert {path: path.read_bytes() for path in kept} == kept


@pytest.mark.parametrize("clicks", ["", "five", "1,,2", "1+2+3"])
def test_bad_clicks_are_told(clicks: str) -> None:
    told = pointillist("budget", "--data", "toy", "--clicks", clicks)
    assert told.code == 2
    assert "--clicks must be numbers or pairs" in told.err


def test_the_curve_shows_the_tables_intervals_and_the_forecasts(tmp_path: Path) -> None:
    write_results(tmp_path, study(), TRUTH)
    drawn = budget_curve(answered(study(), tmp_path))
    assert drawn.count('id="interval') == 4, "one bar for each number of clicks"
    assert drawn.count('id="forecast') == 1
    assert "full masks less the margin of 0.02" in drawn
    write_results(tmp_path, study(), TRUTH, images=4)
    assert 'id="interval' not in budget_curve(answered(study(), tmp_path)), "too few images for any"


def test_a_forecast_does_not_claim_more_than_its_interval(tmp_path: Path) -> None:
    """No curve through the means comes within the margin, but other images might say otherwise."""
    write_results(tmp_path, study(), dict.fromkeys(TRUTH, 0.80) | {"full masks": 0.90})
    assert "no number would come within" in " ".join(sentences(answered(study(), tmp_path)))
    for path in (tmp_path / "results").iterdir():
        result = json.loads(path.read_text())
        matrices = result["splits"]["test"]["matrices"]
        for number, name in enumerate(matrices):
            hits = 8_000 + 1_900 * (-1) ** number if result["seconds_per_image"] < 79 else 9_000
            matrices[name] = [[50_000, 10_000 - hits], [10_000 - hits, hits]]
        path.write_text(json.dumps(result))
    (enough,) = answered(study(), tmp_path).enough
    assert enough.forecast is not None
    assert enough.forecast.low < 0.88 < enough.forecast.high, "the target lies inside its interval"
    said = " ".join(sentences(answered(study(), tmp_path)))
    assert "how many would come within the margin of full masks can't be told" in said
    assert "no number would" not in said


def test_one_seed_is_said_and_effects_want_many_images(tmp_path: Path) -> None:
    one = study(seeds=1)
    write_results(tmp_path, one, TRUTH)
    told = answered(one, tmp_path)
    assert "what other seeds would give is not counted" in sentences(told)[0]
    assert "p over images (Holm)" in table(told)[0], "of these very seeds"
    assert {row[-2] for row in table(told)[1][:4]} == {"-"}, "twelve images are too few for an effect"


@pytest.mark.parametrize(("spread", "seeds", "asked"), [(0, 3, False), (150, 3, True), (150, 10, False)])
def test_more_seeds_are_asked_for_where_a_few_make_most_of_the_doubt(
    tmp_path: Path, spread: int, seeds: int, asked: bool
) -> None:
    described = study(clicks=[(5, 5), (10, 10)], seeds=seeds)
    write_results(tmp_path, described, TRUTH)
    for cell in described.runs:
        path = tmp_path / "results" / f"{cell.run.id}.json"
        if cell.place["clicks"] == "5+5":
            result = json.loads(path.read_text())
            off = spread * (cell.run.seed % 3 - 1)
            for number, matrix in enumerate(result["splits"]["test"]["matrices"].values()):
                hits = 8_950 + 40 * (number - 6) + off
                matrix[:] = [[50_000, 10_000 - hits], [10_000 - hits, hits]]
            path.write_text(json.dumps(result))
    mind = [said for said in sentences(answered(described, tmp_path)) if said.startswith("Mind:")]
    assert bool(mind) == asked
    if asked:
        assert "in 1 of 2 comparisons half of the doubt or more lies between the seeds" in mind[0]


def test_beside_places_without_a_price_nothing_is_called_not_reached(tmp_path: Path) -> None:
    write_results(tmp_path, study(), {**TRUTH, "10+10": 0.85, "5+5": 0.91})
    changed(tmp_path, lambda r: {"seconds_per_image": None} if r["seconds_per_image"] == 12.0 else {})
    said = sentences(answered(study(), tmp_path))
    assert not any("not reached" in one for one in said)
    assert any("5+5 is better than full masks" in one for one in said)
    assert any("10+10 is worse than full masks" in one for one in said)


def test_labels_of_other_scripts_are_text_in_the_curve(tmp_path: Path) -> None:
    plain = study(clicks=[(1, 1)]).model_dump(mode="json")
    plain["axes"]["strategy"] = {"北京 Übung": plain["axes"]["strategy"]["random"]}
    other = validated(Study, plain)
    write_results(tmp_path, other, TRUTH)
    assert "北京 Übung" in budget_curve(answered(other, tmp_path))


def test_labels_that_differ_in_the_last_letter_alone_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal of eighty columns, and in the curve's legend."""
    rate = "cosine_annealing_with_linear_warmup_over_the_first_epochs_lr_1e-"
    decay = "a weight decay that is decoupled from the gradient, as in AdamW, "
    placed = {"annotate": {"kind": "points", "strategy": "random"}}
    strategies = {f"{rate}{n}": {**placed, "learning_rate": 10.0**-n} for n in (3, 4)}
    decays = {f"{decay}{n}": {"weight_decay": 10.0**-n} for n in (3, 4)}
    axes = {"strategy": strategies, "decay": decays, "clicks": study(clicks=[(1, 1)]).axes["clicks"]}
    long = validated(Study, {**study(seeds=1).model_dump(mode="json"), "axes": axes})
    write_results(tmp_path, long, TRUTH)
    told = answered(long, tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    print_answer(told)
    printed = capsys.readouterr().out.partition("With one seed")[0]
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed
    columns = "".join(line.strip().split("  ")[0].replace(" ", "") for line in printed.splitlines())
    for label in (*strategies, *decays):
        assert columns.count(label.replace(" ", "")) == 4, label
    drawn = budget_curve(told)
    shown = re.findall(r"<text [^>]*>([^<]+)</text>", drawn)
    assert max(map(len, shown)) <= 6.4 * 14.5, "nothing is written beyond the figure"
    written = " ".join(shown).replace(" ", "")
    for pair in product(strategies, decays):
        assert ", ".join(pair).replace(" ", "") in written
    write_results(tmp_path / "short", study(), TRUTH)
    short = budget_curve(answered(study(), tmp_path / "short"))
    tall, usual = (float(one.partition('height="')[2].partition("pt")[0]) for one in (drawn, short))
    assert tall > usual + 30, "the curves keep their room"
