"""`pointillist study`: from a folder of images to a table."""

import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from PIL import Image

from pointillist.core import durable
from pointillist.datasets import Folder
from tests.cli.command import pointillist
from tests.datasets.trees import draw_folder


def test_from_a_folder_to_a_table_and_no_run_twice(tmp_path: Path) -> None:
    root, file = draw_folder(tmp_path / "My Images 7"), tmp_path / "study.yaml"
    new = pointillist("study", "new", root, "-o", file)
    assert new.code == 0, new
    assert f"pointillist study run {file}" in new.out
    assert len(file.read_text().splitlines()) == 10
    described = yaml.safe_load(file.read_text())
    assert described["name"] == "my-images-7"
    assert list(described["axes"]["learnt from"]) == [
        "full masks",
        "1+1 clicks",
        "2+2 clicks",
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
    lines = [line for line in done.out.splitlines() if "my-images-7: " in line]
    assert [line.split(",")[0] for line in lines] == [f"my-images-7: {n} of 5 done" for n in range(6)]
    assert " left" in lines[1], "a log tells how far it is whenever a run ends"
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
    mask = next((root / "masks").iterdir())
    Image.new("L", (7, 9)).save(mask)
    wrong = pointillist("study", "new", root, "-o", tmp_path / "b")
    assert (wrong.code, (tmp_path / "b").exists()) == (2, False)
    assert mask.name in wrong.err
    shutil.rmtree(root / "masks")
    assert "a study needs images with masks" in pointillist("study", "new", root, "-o", tmp_path / "b").err


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("all but one", "some masks of train images must show an object; got no mask."),
        ("all", "some masks of train images must show an object; got background alone."),
    ],
)
def test_masks_that_teach_nothing_are_refused_before_any_run(which: str, words: str, tmp_path: Path) -> None:
    root, file = draw_folder(tmp_path / "mine"), tmp_path / "study.yaml"
    assert pointillist("study", "new", root, "-o", file).code == 0
    data = Folder(root=root)
    lone = next(entry.name for entry in data.entries if entry.split == "test")
    for mask in (root / "masks").iterdir():
        if which == "all":
            with Image.open(mask) as image:
                size = image.size
            Image.new("L", size).save(mask)
        elif mask.stem != lone:
            mask.unlink()
    new = pointillist("study", "new", root, "-o", tmp_path / "b")
    assert (new.code, (tmp_path / "b").exists()) == (2, False)
    assert words in new.err
    run = pointillist("study", "run", file, "-o", tmp_path / "studies")
    assert (run.code, (tmp_path / "studies").exists()) == (2, False)
    assert words in run.err


def test_a_field_of_every_run_is_changed_in_the_command(tmp_path: Path) -> None:
    root, file = draw_folder(tmp_path / "mine"), tmp_path / "study.yaml"
    assert pointillist("study", "new", root, "-o", file).code == 0
    changes = ("seeds=1", "recipe=plain", "changes.epochs=1", "changes.data.size=32")
    run = pointillist("study", "run", file, "-o", tmp_path / "studies", *changes)
    assert run.code == 0, run
    kept = json.loads((tmp_path / "studies" / "mine" / "study.json").read_text())
    assert kept["changes"] == {"epochs": 1, "data.size": 32}
    wrong = pointillist("study", "run", file, "-o", tmp_path / "others", "changes.epoch=1")
    assert wrong.code == 2
    assert "Did you mean 'epochs'" in wrong.err


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


def test_results_of_other_settings_are_counted_and_too_few_test_images_told_before(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    described = {
        "name": "few",
        "data": {"kind": "synthetic", "size": [24, 32], "train": 2, "val": 1, "test": 1},
        "recipe": "plain",
        "changes": {"epochs": 1, "model": {"kind": "unet", "widths": [4, 8]}},
        "axes": {"learnt from": {"full masks": {}, "clicks": {"annotate": {"kind": "points"}}}},
        "compare": {"to": {"learnt from": "full masks"}},
        "seeds": 1,
    }
    file.write_text(yaml.safe_dump(described))
    first = pointillist("study", "run", file, "-o", tmp_path)
    assert first.code == 0
    assert "other settings" not in first.out
    before, _, _ = first.out.partition("of 2 done")
    assert "the test images make 1 independent group; below 5 no interval" in before
    again = pointillist("study", "run", file, "-o", tmp_path, "changes.epochs=2")
    assert "Mind: 2 results of other settings" in again.out
    other = pointillist("study", "run", file, "-o", tmp_path, "compare.margin=0.05")
    assert other.code == 2
    assert "margin: 0.02}; got {" in other.err, "what was promised, though it is the default"
    assert "margin: 0.05}" in other.err


def test_damaged_and_missing_results_are_told(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    described = {
        "name": "lost",
        "question": "Is <b>this</b> read as it is?",
        "data": {"kind": "synthetic", "size": [24, 32], "train": 2, "val": 1, "test": 1},
        "recipe": "plain",
        "changes": {"epochs": 1, "model": {"kind": "unet", "widths": [4, 8]}},
        "axes": {"learnt from": {"full masks": {}, "clicks": {"annotate": {"kind": "points"}}}},
        "seeds": 1,
    }
    file.write_text(yaml.safe_dump(described))
    assert pointillist("study", "run", file, "-o", tmp_path).code == 0
    whole, torn = sorted((tmp_path / "lost" / "results").iterdir())
    before = torn.read_bytes()
    torn.write_bytes(before[:300])
    again = pointillist("study", "run", file, "-o", tmp_path)
    assert again.code == 0
    assert f"Damaged: {torn}." in again.out.replace("\n", " ")
    assert torn.read_bytes() == before
    whole.unlink()
    report = pointillist("report", tmp_path / "lost")
    assert report.code == 0
    assert "Mind: 1 of 2 runs have no results yet" in report.out
    assert (tmp_path / "lost" / "report.md").read_text().startswith("# Is &lt;b>this&lt;/b> read")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full, and must have room"),
        (errno.EROFS, "the folder must be writable; got [Errno 30] Read-only file system"),
    ],
)
def test_a_disk_that_takes_nothing_is_told_for_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def refuse(path: Path, data: bytes) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(durable, "write_bytes", refuse)
    root = draw_folder(tmp_path / "mine")
    done = pointillist("study", "new", root, "-o", tmp_path / "study.yaml")
    assert (done.code, words in " ".join(done.err.split())) == (74, True), done
    assert ("Free some space" in done.err) == (number == errno.ENOSPC)


@pytest.mark.parametrize(
    ("signum", "everyone", "engine", "code"),
    [
        (signal.SIGINT, True, "local", 130),
        (signal.SIGTERM, False, "local", 143),
        (signal.SIGTERM, True, "local", 143),
        (signal.SIGUSR1, False, "local", 138),
        (signal.SIGTERM, False, "ray", 143),
    ],
)
def test_asked_to_stop_it_ends_its_runs_and_says_that_the_same_command_goes_on(
    tmp_path: Path, signum: signal.Signals, everyone: bool, engine: str, code: int
) -> None:
    """By Ctrl+C in a terminal, or by what ends a job: all processes get the signal, or the driver alone."""
    file = tmp_path / "study.yaml"
    described = {
        "name": "long",
        "data": {"kind": "synthetic", "size": [24, 32], "train": 2, "val": 1, "test": 1},
        "recipe": "plain",
        "changes": {"epochs": 100_000, "model": {"kind": "unet", "widths": [4]}},
        "axes": {"rate": {"slow": {"learning_rate": 1e-4}, "fast": {}}},
        "seeds": 1,
    }
    file.write_text(yaml.safe_dump(described))
    # Where tests run in a shell's background, SIGINT is ignored, which a process hands on to its children.
    begin = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    begin += "; from pointillist.cli import main; main()"
    command = [sys.executable, "-c", begin, "study", "run", str(file), "-o", str(tmp_path)]
    command += ["--workers", "2", "--engine", engine]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as driver:
        deadline = time.monotonic() + 120
        # One trains, the other may still be importing: neither has anything to say of its own.
        while not list(tmp_path.rglob("run.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        (os.killpg if everyone else os.kill)(driver.pid, signum)
        try:
            said, wrong = driver.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(driver.pid, signal.SIGKILL)
            raise
    assert driver.returncode == code
    assert "long: 0 of 2 done, 0 running" in said
    kept = "runs that were cut are kept as last saved. The same command goes on."
    assert said.splitlines()[-1] == f"long: 0 of 2 done; {kept}"
    assert wrong.strip() == ("" if signum == signal.SIGINT else f"Stopped by {signum.name}.")
    assert ended(driver.pid), "no process of it is left"


def ended(group: int) -> bool:
    """Wait until a group of processes has ended."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
