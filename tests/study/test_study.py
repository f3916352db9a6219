"""A grid of runs: what it describes, and that nothing stops it from ending the same."""

import contextlib
import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.datasets import Folder
from pointillist.models import Unet
from pointillist.study import execute, promise
from pointillist.study.engine import Outcome, Started
from pointillist.study.execute import run_study
from pointillist.study.local import Local
from pointillist.study.report import write_report
from pointillist.study.study import Cell, Study
from pointillist.study.table import rows, write_table
from pointillist.train.remembered import REMEMBERED
from tests.cli.command import pointillist
from tests.datasets.trees import draw_folder

LEARNT_FROM = {
    "full masks": {"annotate": {"kind": "full"}},
    "clicks": {"annotate": {"kind": "points"}, "annotate.positive": 2},
}


def small(**changes: Any) -> Study:
    fields = {
        "name": "small",
        "data": {"kind": "synthetic", "size": (24, 32), "train": 4, "val": 2, "test": 2},
        "recipe": "plain",
        "changes": {"epochs": 2, "model": {"kind": "unet", "widths": (4, 8)}},
        "axes": {"learnt from": LEARNT_FROM},
        "seeds": 2,
    }
    return validated(Study, {**fields, **changes})


def carried_out(study: Study, folder: Path) -> list[tuple[str, str | None]]:
    told = []

    def watch(cell: Cell, news: Started | Outcome) -> None:
        if isinstance(news, Outcome):
            told.append((cell.run.id, news.error))

    run_study(study, folder, Local(2), watch)
    return told


def test_ids_are_distinct_and_stable_and_json_comes_back() -> None:
    cells = small().cells
    assert len({cell.run.id for cell in cells}) == len(cells) == 4
    again = validated(Study, small().model_dump_json(), text=True)
    assert again == small()
    assert [cell.run.id for cell in again.cells] == [cell.run.id for cell in cells]


def test_a_cell_is_the_run_that_train_would_do_with_its_changes() -> None:
    (cell, *_) = small(axes={"learnt from": {"clicks": LEARNT_FROM["clicks"]}}).cells
    shown = pointillist(
        *("train", "--data", "synthetic", "--size", "24x32", "--clicks", 2, "--recipe", "plain", "--show"),
        *("data.train=4", "data.val=2", "data.test=2", "epochs=2", "annotate.negative=5"),
        "model={kind: unet, widths: [4, 8]}",
    )
    assert validated(type(cell.run), shown.out, text=True) == cell.run


def test_the_data_may_be_an_axis_and_brings_its_own_defaults() -> None:
    study = small(axes={"data": {"discs": {"data": {"kind": "toy"}}, "lesions": {}}}, changes={})
    discs, lesions = (cell.run for cell in study.cells[::2])
    assert discs.data.kind == "toy"
    assert discs.epochs == discs.data.epochs
    assert lesions.data == study.data


def test_later_axes_win_over_parts_that_earlier_ones_changed() -> None:
    axes = {"width": {"narrow": {"model.widths": [2, 4]}}, "model": {"own": {"model": {"kind": "unet"}}}}
    (cell, *_) = small(axes=axes).cells
    assert cell.run.model == Unet()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axes": {}}, "axes"),
        ({"axes": {"a": {}}}, "must have a label"),
        ({"axes": {"seed": {"x": {}}}}, "must not be named 'seed'"),
        ({"axes": {"dice_per_image": {"x": {}}}}, "must not be named 'dice_per_image'"),
        ({"recipe": "plian"}, "recipe: must be a known recipe; got 'plian'. Did you mean 'plain'"),
        ({"name": "My Study"}, r"^name: must be small .*; got 'My Study'. Write it like my-study\.$"),
        ({"seeds": 0}, "seeds"),
        ({"axes": {"a": {"x": {"epohcs": 3}}}}, "^a x: epohcs must be .* Did you mean 'epochs'"),
        ({"changes": {"epohcs": 3}}, "^changes: epohcs must be .* Did you mean 'epochs'"),
        (
            {"axes": {"a": {"x": {"annotate": {"kind": "poins"}}}}},
            "^a x: annotate.kind .*Did you mean 'points'",
        ),
        ({"data": {"kind": "toyy"}}, r"^data.kind must be a known one; got 'toyy'. Did you mean 'toy'"),
        ({"changes": {"seed": 7}}, "^the field seed must be left to the study; got a change to it"),
        ({"axes": {"a": {"x": {"seed": 1}, "y": {"seed": 2}}}}, "^the field seed must be left"),
        (
            {"compare": {"to": {"lernt from": "a"}}},
            "must name an axis; got 'lernt from'. Did you mean 'learnt",
        ),
        (
            {"compare": {"to": {"learnt from": "full mask"}}},
            "of 'learnt from'; got 'full mask'. Did you mean",
        ),
        (
            {"compare": {"to": {"learnt from": "clicks"}}, "splits": ["val"]},
            "must measure the test images; got val",
        ),
        ({"axes": {"a": {"x": {}, "y": {}}}}, "'a' must make runs of its own; got the same for x and y"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as told:
        _ = small(**changes).cells
    assert len(str(told.value)) < 400, "no heap of all that was given"


def test_what_has_ended_is_not_run_again_and_a_study_may_grow(tmp_path: Path) -> None:
    assert len(carried_out(small(seeds=1), tmp_path)) == 2
    first = write_table(small(seeds=1), tmp_path).read_text()
    assert carried_out(small(seeds=1), tmp_path) == []
    assert write_table(small(seeds=1), tmp_path).read_text() == first
    assert len(carried_out(small(), tmp_path)) == 2
    table = rows(small(), tmp_path)
    assert [row["seed"] for row in table if row["split"] == "test"] == [0, 1, 0, 1]
    assert np.isfinite([row["dice_per_image"] for row in table]).all()


def test_a_split_that_is_added_is_measured_without_training_again(tmp_path: Path) -> None:
    few = small(seeds=1, splits=["test"])
    carried_out(few, tmp_path)
    states = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    more = small(seeds=1, splits=["val", "test"])
    assert len(carried_out(more, tmp_path)) == 2
    assert {row["split"] for row in rows(more, tmp_path)} == {"val", "test"}
    weights = [path for path in states if "model" in path.parts]
    assert weights
    assert all(path.stat().st_mtime_ns == states[path] for path in weights)
    assert carried_out(more, tmp_path) == []


def test_labels_are_spread_once_for_all_runs_that_have_the_same(tmp_path: Path) -> None:
    soft = {"loss": {"kind": "soft-cross-entropy"}}
    axes = {"weight": {"whole": {"supervise": [soft]}, "half": {"supervise": [{**soft, "weight": 0.5}]}}}
    spread = {"propagate": {"kind": "geodesic"}, "annotate": {"kind": "points"}}
    study = small(axes=axes, changes={**small().changes, **spread}, seeds=1)
    assert [error for _, error in carried_out(study, tmp_path)] == [None, None]
    assert len(list((tmp_path / "propagated").rglob("*.safetensors"))) == len(study.data.names("train"))
    assert not list((tmp_path / "runs").rglob("propagated"))


def test_a_run_that_fails_is_recorded_and_tried_again(tmp_path: Path) -> None:
    axes = {"rate": {"sane": {}, "insane": {"learning_rate": 1.0, "clip": 1e30, "weight_decay": 1e30}}}
    study = small(axes=axes, seeds=1)
    told = dict(carried_out(study, tmp_path))
    (failed,) = [run for run, error in told.items() if error]
    assert "NonFiniteError" in (tmp_path / "failures" / f"{failed}.json").read_text()
    assert [row["rate"] for row in rows(study, tmp_path)] == ["sane"] * 3
    assert list(dict(carried_out(study, tmp_path))) == [failed]


FULL = {"learnt from": {"full masks": LEARNT_FROM["full masks"]}}


def test_data_that_have_changed_are_never_mixed_with_results_of_the_old(tmp_path: Path) -> None:
    root, folder = draw_folder(tmp_path / "mine"), tmp_path / "study"
    data = {"kind": "folder", "root": str(root), "size": 16}
    tiny = {"data": data, "axes": FULL, "changes": {"epochs": 1, "model": {"kind": "unet", "widths": (4,)}}}
    assert [error for _, error in carried_out(small(**tiny, seeds=1), folder)] == [None]
    before = sorted((folder / "runs").iterdir())
    mask = next(iter(sorted((root / "masks").iterdir())))
    was = mask.read_bytes()
    Image.fromarray(255 - np.asarray(Image.open(mask))).save(mask)
    with pytest.raises(InputError, match="must be those that the study's results were made with"):
        carried_out(small(**tiny, seeds=2), folder)
    with pytest.raises(InputError, match="must be those that the study's results were made with"):
        write_report(folder)
    mask.write_bytes(was)
    assert write_report(folder)
    image = next(iter(sorted((root / "images").iterdir())))
    (root / "images" / f"patient9-9{image.suffix}").write_bytes(image.read_bytes())
    with pytest.raises(InputError, match="must be those that the study's results were made with"):
        carried_out(small(**tiny, seeds=2), folder)
    assert sorted((folder / "runs").iterdir()) == before, "refused before anything was run"
    (root / "images" / f"patient9-9{image.suffix}").unlink()
    assert [error for _, error in carried_out(small(**tiny, seeds=2), folder)] == [None]


def test_a_run_whose_data_changed_since_the_study_began_is_refused(tmp_path: Path) -> None:
    study = small(seeds=1, axes=FULL)
    payload = execute._payload(study, study.cells[0], tmp_path, "another hash", 1)
    with pytest.raises(InputError, match="the data must be those that the study began with"):
        execute.measure(payload)
    assert not list(tmp_path.iterdir())


def test_images_are_hashed_once_in_a_process_and_anew_when_a_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, read = draw_folder(tmp_path / "mine"), []
    of_folder = Folder.read
    monkeypatch.setattr(Folder, "read", lambda self, name: (read.append(name), of_folder(self, name))[1])

    def hashed() -> tuple[str, bool]:
        study = small(seeds=1, axes=FULL, data={"kind": "folder", "root": str(root), "size": 16})
        run, before = study.cells[0].run, len(read)
        return promise.data_sha256(run), len(read) > before

    first, looked = hashed()
    assert looked
    assert hashed() == (first, False)
    mask = next(iter(sorted((root / "masks").iterdir())))
    Image.fromarray(255 - np.asarray(Image.open(mask))).save(mask)
    second, looked = hashed()
    assert looked
    assert second != first
    (root / "images" / "elsewhere").symlink_to(tmp_path)
    assert [looked for _, looked in (hashed(), hashed())] == [True, True], "a link may lead to other files"


def test_images_are_decoded_once_for_all_runs_of_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, read = draw_folder(tmp_path / "mine"), []
    data = {"kind": "folder", "root": str(root), "size": 16}
    tiny = {"data": data, "axes": FULL, "changes": {"epochs": 1, "model": {"kind": "unet", "widths": (4,)}}}
    study = small(**tiny, seeds=2)
    of_folder = Folder.read
    monkeypatch.setattr(Folder, "read", lambda self, name: (read.append(name), of_folder(self, name))[1])
    folder, counts = tmp_path / "together", []
    for cell in study.runs:
        hashed = promise.data_hashes(study)[cell.run.id]
        before = len(read)
        execute.measure({**execute._payload(study, cell, folder, hashed, 1), "tries": 1})
        counts.append(len(read) - before)
    assert counts == [len(study.runs[0].run.data.entries), 0]
    for name in sorted(set(read)):
        kept, anew = REMEMBERED.read(study.data, name), study.data.read(name)
        np.testing.assert_array_equal(kept.image, anew.image, err_msg="changed by whom it was lent to")
        np.testing.assert_array_equal(kept.mask, anew.mask)
    REMEMBERED.turn_to(study.data, None)
    assert [error for _, error in carried_out(study, tmp_path / "apart")] == [None, None]
    for cell in study.runs:
        one, other = (
            execute.read_results(study, tmp_path / name)[cell.run.id] for name in ("together", "apart")
        )
        assert one["splits"] == other["splits"]


def _wait_for_progress(folder: Path) -> None:
    """Wait until a run has written something: killed before, nothing would be tried."""

    def written() -> set[tuple[Path, int]]:
        found = set()
        for path in folder.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                found.add((path, path.stat().st_mtime_ns))
        return found

    before, deadline = written(), time.monotonic() + 120
    while written() <= before and time.monotonic() < deadline:
        time.sleep(0.05)


def test_f14_killed_at_any_instant_it_ends_with_the_same_table(tmp_path: Path) -> None:
    """SIGKILL of the driver or of a worker, six times, each after something new was written."""
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(small().model_dump(mode="json")))
    command = [sys.executable, "-m", "pointillist", "study", "run", str(file), "--workers", "2", "-o"]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    rng = np.random.default_rng(0)
    for _ in range(6):
        driver = subprocess.Popen(
            [*command, str(tmp_path / "cut")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _wait_for_progress(tmp_path / "cut")
        time.sleep(rng.uniform(0, 0.5))
        workers = Path(f"/proc/{driver.pid}/task/{driver.pid}/children")
        found = workers.read_text().split() if workers.exists() else []
        victim = int(rng.choice(found)) if found and rng.random() < 0.5 else driver.pid
        os.kill(victim, signal.SIGKILL)
        if victim != driver.pid:
            time.sleep(0.5)
            driver.kill()
        driver.wait()
    subprocess.run([*command, str(tmp_path / "cut")], check=True, capture_output=True)
    tables = [(tmp_path / kind / "small" / "table.csv").read_text() for kind in ("whole", "cut")]
    assert tables[0] == tables[1]
    assert len(list(csv.DictReader(tables[0].splitlines()))) == 4 * 3


def test_a_split_without_masks_has_no_rows(tmp_path: Path) -> None:
    root = draw_folder(tmp_path / "mine")
    data = {"kind": "folder", "root": str(root), "size": 32}
    names = Folder(root=root).names("test")
    for mask in (root / "masks").iterdir():
        if mask.stem in names:
            mask.unlink()
    study = small(data=data, seeds=1, axes={"learnt from": {"full masks": LEARNT_FROM["full masks"]}})
    assert [error for _, error in carried_out(study, tmp_path / "study")] == [None]
    assert [row["split"] for row in rows(study, tmp_path / "study")] == ["train", "val"]
    assert carried_out(study, tmp_path / "study") == [], "what has no masks is not missing"
