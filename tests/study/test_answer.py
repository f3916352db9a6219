"""The answer to "how many clicks": from results on disk to a verdict, a curve and sentences."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.text import to_markdown
from pointillist.datasets import Toy
from pointillist.study.answer import Answer, answer
from pointillist.study.budget import budget_study
from pointillist.study.execute import read_results, run_study
from pointillist.study.figure import budget_curve
from pointillist.study.local import Local
from pointillist.study.study import Study
from pointillist.study.words import sentences, table
from tests.cli.command import pointillist

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


TRUTH = {"1+1": 0.80, "2+2": 0.86, "5+5": 0.895, "10+10": 0.902, "full masks": 0.90}


def test_the_least_that_is_as_good_is_found(tmp_path: Path) -> None:
    write_results(tmp_path, study(), TRUTH)
    told = answered(study(), tmp_path)
    assert [line.verdict for line in told.lines] == ["worse", "worse", "as good", "as good", None]
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


def test_a_small_number_that_only_seems_enough_is_not_taken(tmp_path: Path) -> None:
    """The search comes from above: a larger number that is not as good ends it."""
    write_results(tmp_path, study(), {**TRUTH, "10+10": 0.85})
    (enough,) = answered(study(), tmp_path).enough
    assert enough.smallest is None
    said = " ".join(sentences(answered(study(), tmp_path)))
    assert "not reached within the grid" in said


def test_places_of_equal_cost_are_told_one_by_one(tmp_path: Path) -> None:
    """Networks or losses have no least; nor has what nobody has priced."""
    write_results(tmp_path, study(), TRUTH)
    for path in (tmp_path / "results").iterdir():
        path.write_text(json.dumps({**json.loads(path.read_text()), "seconds_per_image": None}))
    told = answered(study(), tmp_path)
    (enough,) = told.enough
    assert not enough.priced
    assert enough.smallest is None
    said = sentences(told)
    assert "1+1 is worse than full masks by more than 0.02" in said[0]
    assert "5+5 is as good as full masks within 0.02" in said[2]


def test_a_reference_without_results_is_told(tmp_path: Path) -> None:
    write_results(tmp_path, study(), TRUTH)
    for cell in study().runs:
        if cell.place["clicks"] == "full masks":
            (tmp_path / "results" / f"{cell.run.id}.json").unlink()
    rows = table(answered(study(), tmp_path))[1]
    assert [row[-1] for row in rows] == ["reference not run"] * 4


def test_strategies_share_the_full_masks_and_are_answered_one_by_one(tmp_path: Path) -> None:
    two = study(strategies=["random", "centre"])
    assert len(two.cells) == 20
    assert len(two.runs) == 18
    write_results(tmp_path, two, TRUTH)
    told = answered(two, tmp_path)
    assert [enough.along["strategy"] for enough in told.enough] == ["random", "centre"]
    assert all(enough.smallest for enough in told.enough)


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
    with pytest.raises(InputError, match=r"compare\.to must name an axis and a label of it"):
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


@pytest.mark.parametrize("clicks", ["", "five", "1,,2", "1+2+3"])
def test_bad_clicks_are_told(clicks: str) -> None:
    told = pointillist("budget", "--data", "toy", "--clicks", clicks)
    assert told.code == 2
    assert "--clicks must be numbers or pairs" in told.err
