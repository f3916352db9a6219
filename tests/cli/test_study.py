"""`pointillist study`: from a folder of images to a table."""

import csv
import shutil
from pathlib import Path

import yaml

from tests.cli.command import pointillist
from tests.datasets.trees import draw_folder


def test_from_a_folder_to_a_table_and_no_run_twice(tmp_path: Path) -> None:
    root, file = draw_folder(tmp_path / "My Images 7"), tmp_path / "study.yaml"
    new = pointillist("study", "new", root, "-o", file)
    assert new.code == 0, new
    assert f"pointillist study run {file}" in new.out
    assert len(file.read_text().splitlines()) == 11
    described = yaml.safe_load(file.read_text())
    assert described["name"] == "my-images-7"
    assert list(described["axes"]["learnt from"]) == [
        "full masks",
        "1+1 clicks",
        "5+5 clicks",
        "20+20 clicks",
    ]
    small = {"epochs": 1, "data.size": 32, "model": {"kind": "unet", "widths": [4, 8]}}
    file.write_text(
        yaml.safe_dump({**described, "recipe": "plain", "changes": small, "seeds": 1}, sort_keys=False)
    )
    done = pointillist("study", "run", file, "-o", tmp_path / "studies", "--workers", 2)
    assert done.code == 0, done
    table = tmp_path / "studies" / "my-images-7" / "table.csv"
    assert f"Written: {table}" in done.out
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["learnt from"] for row in rows if row["split"] == "val"] == list(
        described["axes"]["learnt from"]
    )
    before = {path: path.stat().st_mtime_ns for path in table.parent.rglob("model*")}
    assert pointillist("study", "run", file, "-o", tmp_path / "studies").code == 0
    assert {path: path.stat().st_mtime_ns for path in table.parent.rglob("model*")} == before


def test_mistakes_are_told(tmp_path: Path) -> None:
    root, file = draw_folder(tmp_path / "mine"), tmp_path / "study.yaml"
    file.write_text("mine")
    taken = pointillist("study", "new", root, "-o", file)
    assert (taken.code, file.read_text()) == (2, "mine")
    assert "must name a new file" in taken.err
    assert pointillist("study", "run", file).code == 2
    assert "must exist" in pointillist("study", "run", tmp_path / "none.yaml").err
    shutil.rmtree(root / "masks")
    assert "a study needs images with masks" in pointillist("study", "new", root, "-o", tmp_path / "b").err


def test_a_failed_run_is_named_and_the_code_says_so(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    described = {
        "name": "failing",
        "data": {"kind": "synthetic", "size": [24, 32], "train": 2, "val": 1, "test": 1},
        "recipe": "plain",
        "changes": {"epochs": 1, "model": {"kind": "unet", "widths": [4, 8]}},
        "axes": {"rate": {"sane": {}, "insane": {"learning_rate": 1.0, "clip": 1e30, "weight_decay": 1e30}}},
        "seeds": 1,
    }
    file.write_text(yaml.safe_dump(described))
    done = pointillist("study", "run", file, "-o", tmp_path / "studies")
    assert done.code == 1
    assert "Failed: insane, seed 0: " in done.out
    assert "tries them again" in done.out
