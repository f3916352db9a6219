"""The command line as a user types it: it works end to end, and every mistake gets one clear message."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from safetensors.torch import load_file

from pointillist.data.draw import draw_image, write_picture
from pointillist.datasets import Synthetic
from pointillist.train.store import read_checkpoint
from tests.cli.command import TINY, launched, pointillist
from tests.datasets.trees import draw_drive, draw_folder, draw_massachusetts, draw_ph2


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of images, and a run trained on it with clicks."""
    root = draw_folder(tmp_path_factory.mktemp("data"))
    out = tmp_path_factory.mktemp("runs")
    done = pointillist(
        "train", "--data", "folder", "--root", root, "--clicks", 3, "--epochs", 3, "-o", out, *TINY
    )
    assert done.code == 0, done
    (run,) = out.glob("folder-*")
    assert str(run) in done.out
    assert f"Next:    pointillist evaluate {run}" in done.out
    return root, run


def test_demo(tmp_path: Path) -> None:
    done = launched("demo", "--epochs", 1, "-o", tmp_path / "demo", cwd=tmp_path)
    assert done.code == 0, done
    for word in ("Dice", "IoU", "Acc.", "Sens.", "Spec.", "5+5 clicks", "full masks", "train", "val", "test"):
        assert word in done.out
    assert re.search(r"5\+5 clicks +12\.0", done.out)  # 2 x 2.4 s + 8 x 0.9 s
    picture = pixels(tmp_path / "demo" / "demo.png")
    assert picture.shape[1] > 1000
    assert "Next:    pointillist evaluate" in done.out


@pytest.mark.parametrize(
    "library", ["matplotlib", "scipy.stats", "sklearn", "pandas", "ray", "fastapi", "cv2"]
)
def test_a_command_waits_for_no_library_that_it_does_not_need(library: str, imported: set[str]) -> None:
    assert "torch" in imported
    assert library not in imported


@pytest.fixture(scope="module")
def imported() -> set[str]:
    done = launched("recipes", launcher=(sys.executable, "-X", "importtime"))
    assert done.code == 0
    return {line.rsplit("|", 1)[1].strip() for line in done.err.splitlines() if line.count("|") == 2}


def test_simulated_annotations_are_files_that_train(tmp_path: Path) -> None:
    root, out = draw_ph2(tmp_path / "ph2"), tmp_path / "clicks"
    flags = ("--data", "ph2", "--root", root)
    done = pointillist("simulate", *flags, "--clicks", 2, "--strategy", "centre", "-o", out, "--pictures")
    assert done.code == 0, done
    files = sorted(out.glob("*.json"))
    assert len(files) == 10
    assert len(list((out / "pictures").glob("*.png"))) == 10
    again = pointillist("simulate", *flags, "--clicks", 2, "-o", out)
    assert again.code == 2
    assert "--out must hold no annotations yet" in again.err
    annotation = json.loads(files[0].read_text())
    assert sum(len(mark["at"]) for mark in annotation["marks"]) == 4
    done = pointillist("train", *flags, "--annotations", out, "--epochs", 1, "-o", tmp_path / "runs", *TINY)
    assert done.code == 0, done
    (run,) = (tmp_path / "runs").iterdir()
    about = json.loads((run / "model" / "about.json").read_text())
    assert (
        sum(about["annotation"]["train"]["labelled_pixels"].values())
        == 4 * about["annotation"]["train"]["images"]
    )


def test_evaluate_writes_what_it_prints(trained: tuple[Path, Path]) -> None:
    _, run = trained
    done = pointillist("evaluate", run, "--details")
    assert done.code == 0, done
    for split in ("train", "val", "test"):
        table = json.loads((run / "metrics" / f"{split}.json").read_text())
        rows = {row["metric"]: row for row in table["rows"] if row["class_name"] is None}
        assert {
            "dice",
            "dice_per_image",
            "hd95_per_image",
            "surface_dice_per_image",
            "roc_auc",
        } <= rows.keys()
        with (run / "metrics" / f"{split}.csv").open() as file:
            lines = list(csv.DictReader(file))
        values = [float(line["dice"]) for line in lines if line["dice"]]
        assert rows["dice_per_image"]["value"] == pytest.approx(np.mean(values), abs=1e-5)
    assert "inside the region of interest" in done.out
    done = pointillist("evaluate", run, "--whole-image", "--split", "test")
    assert "whole image" in done.out
    assert (run / "metrics" / "test-whole-image.json").is_file()


def test_predict_writes_masks_overlays_probabilities_objects_and_tags(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    root, run = trained
    images = tmp_path / "new"
    images.mkdir()
    first = Image.fromarray(pixels(next((root / "images").iterdir()))).convert("RGB")
    first.resize((83, 61)).save(images / "odd size.png")
    first.save(images / "photo.b.jpg")
    first.convert("L").save(images / "grey.png")
    out = tmp_path / "out"
    done = pointillist("predict", run, images, "-o", out, "--boxes", "--tags")
    assert done.code == 0, done
    for stem, size in {"odd size": (83, 61), "photo.b": first.size, "grey": first.size}.items():
        with Image.open(out / "predictions" / f"{stem}.png") as label_map:
            assert label_map.mode == "P"
            assert label_map.size == size
        labels = pixels(out / "predictions" / f"{stem}.png")
        probs = tifffile.imread(out / "probabilities" / f"{stem}.tif")
        assert probs.shape[1:] == labels.shape
        assert np.array_equal(probs.argmax(0), labels)
        assert pixels(out / "overlays" / f"{stem}.png").shape == (*labels.shape, 3)
    coco = json.loads((out / "objects.json").read_text())
    assert sorted(image["file_name"] for image in coco["images"]) == [
        "grey.png",
        "odd size.png",
        "photo.b.jpg",
    ]
    with (out / "tags.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["image"] for row in rows) == ["grey.png", "odd size.png", "photo.b.jpg"]
    for row in rows:
        labels = pixels(out / "predictions" / f"{Path(row['image']).stem}.png")
        assert int(row["area_px"]) == (labels > 0).sum()


def test_predict_takes_globs_and_tells_broken_files_while_doing_the_rest(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    root, run = trained
    images = tmp_path / "new"
    images.mkdir()
    source = next((root / "images").iterdir())
    Image.fromarray(pixels(source)).save(images / "good.png")
    (images / "bad.png").write_bytes(b"<!DOCTYPE html>")
    done = pointillist("predict", run, str(images / "*.png"), "-o", tmp_path / "out")
    assert done.code == 2
    assert "bad.png" in done.err
    assert "not an image" in done.err
    assert "Traceback" not in done.err
    assert (tmp_path / "out" / "predictions" / "good.png").is_file()


def test_describe_synthetic(tmp_path: Path) -> None:
    done = pointillist("data", "describe", "synthetic", "-o", tmp_path / "sheet.png")
    assert done.code == 0, done
    assert "80 images" in done.out
    assert "share of lesion" in done.out
    assert pixels(tmp_path / "sheet.png").ndim == 3


@pytest.mark.parametrize(
    ("kind", "draw"), [("ph2", draw_ph2), ("drive", draw_drive), ("massachusetts", draw_massachusetts)]
)
def test_describe_official_trees(tmp_path: Path, kind: str, draw: object) -> None:
    root = draw(tmp_path / kind)  # type: ignore[operator]
    done = pointillist("data", "describe", kind, "--root", root)
    assert done.code == 0, done
    assert "height x width" in done.out
    if kind == "drive":
        assert "foreground outside it in" in done.out


def test_describe_a_model_draws_it(tmp_path: Path) -> None:
    done = pointillist("model", "describe", "unet", "--size", "576x768", "-o", tmp_path / "unet.png")
    assert done.code == 0, done
    assert "16 x 576 x 768" in done.out
    assert "256 x 36 x 48" in done.out
    assert pixels(tmp_path / "unet.png").shape[0] > 300


def test_check_says_what_is_wrong_and_exits_2(tmp_path: Path) -> None:
    root, data = tmp_path / "data", Synthetic(size=(48, 64), train=8)
    for sample in data.samples("train"):
        assert sample.mask is not None
        write_picture(root / "images" / f"{sample.name}.png", draw_image(sample.image))
        write_picture(root / "masks" / f"{sample.name}.png", np.repeat(sample.mask[:, :, None] * 255, 3, 2))
    done = pointillist("data", "check", root)
    assert done.code == 0, done
    for mask in (root / "masks").iterdir():
        mask.rename(mask.with_name(f"other{mask.name}"))
    done = pointillist("data", "check", root, "--report", tmp_path / "report.json")
    assert done.code == 2
    assert "H59" in done.out
    assert not json.loads((tmp_path / "report.json").read_text())["ok"]


def test_a_run_is_described_changed_and_used_again_as_yaml(tmp_path: Path) -> None:
    done = pointillist("train", "--data", "synthetic", "--clicks", 5, "--show")
    assert done.code == 0, done
    path = tmp_path / "run.yaml"
    path.write_text(done.out)  # JSON is YAML.
    done = pointillist("train", path, "epochs=7", "supervise.0.weight=0.2", "--show")
    assert json.loads(done.out)["epochs"] == 7
    assert json.loads(done.out)["supervise"][0]["weight"] == 0.2
    done = pointillist("train", path, "--seed", 3, "--epochs", 2, "--show")
    assert (json.loads(done.out)["seed"], json.loads(done.out)["epochs"]) == (3, 2)
    done = pointillist("train", path, "--clicks", 9, "--show")
    assert done.code == 2
    assert "nothing else may describe the run beside run.yaml; got --clicks" in done.err
    done = pointillist("train", path, "supervise.0.wait=0.2", "--show")
    assert done.code == 2
    assert "Did you mean 'weight'" in done.err


def test_a_trained_model_predicts_without_its_training_data(
    trained: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, run = trained
    away, out = tmp_path / "gone [away]", tmp_path / "out [b]"
    image = tmp_path / "new.png"
    Image.fromarray(pixels(next((root / "images").iterdir()))).save(image)
    shutil.move(root, away)
    monkeypatch.chdir(tmp_path)
    done = pointillist("predict", run, image, "-o", out)
    again = pointillist("evaluate", run, "--split", "test")
    moved = pointillist("evaluate", run, "--split", "test", "--root", away)
    shutil.move(away, root)
    assert done.code == 0, done
    assert str(out) in done.out
    assert again.code == 2
    assert "the data must be a folder" in again.err
    assert moved.code == 0, moved


def test_a_split_without_masks_is_left_out(tmp_path: Path) -> None:
    root, data = tmp_path / "data", Synthetic(size=(24, 32), train=4)
    for sample in data.samples("train"):
        assert sample.mask is not None
        for split in ("train", "test"):
            name = f"{split}-{sample.name}.png"
            write_picture(root / split / "images" / name, draw_image(sample.image))
            if split == "train":
                picture = np.repeat(sample.mask[:, :, None] * 255, 3, 2)
                write_picture(root / split / "masks" / name, picture)
    flags = ("train", "--data", "folder", "--root", root, "--epochs", 1, "-o", tmp_path / "runs", *TINY)
    assert pointillist(*flags).code == 0
    (run,) = (tmp_path / "runs").iterdir()
    done = pointillist("evaluate", run)
    assert done.code == 0, done
    assert "the test split must have masks" in done.out
    assert pointillist("evaluate", run, "--split", "test").code == 2


WRONG = {
    "unknown data set": (["train", "--data", "ph3"], "Did you mean 'ph2'"),
    "no root": (["train", "--data", "ph2"], "--data ph2 needs a folder"),
    "root is missing": (["train", "--data", "ph2", "--root", "nowhere"], "nowhere"),
    "root for drawn data": (["train", "--root", "."], "--root must be a choice"),
    "size": (["train", "--size", "big"], "--size must be like"),
    "size is no number": (["train", "--size", "²"], "--size must be like"),
    "size is huge": (["data", "describe", "drive", "--root", "DRIVE", "--size", "100000x100000"], "at most"),
    "seed is huge": (["train", "--seed", "9" * 30, "--show"], "seed"),
    "clicks and density": (["train", "--clicks", "1", "--density", "0.1"], "exclude each other"),
    "strategy": (["train", "--clicks", "1", "--strategy", "center"], "strategy"),
    "strategy without clicks": (["train", "--strategy", "centre"], "need clicks"),
    "clicks and files": (["train", "--clicks", "1", "--annotations", "."], "nothing else may describe"),
    "no clicks at all": (["train", "--clicks", "0"], "positive or negative must be at least 1"),
    "density": (["train", "--density", "7"], "probability"),
    "yaml is missing": (["train", "nothing.yaml"], "the file must exist"),
    "unknown field": (["train", "epoch=3"], "Did you mean 'epochs'"),
    "wrong value": (["train", "learning_rate=-1"], "learning_rate"),
    "annotations are missing": (["train", "--annotations", "nowhere"], "--annotations must be a folder"),
    "resume nothing": (["train", "--resume", "nowhere"], "a run's folder must exist"),
    "evaluate nothing": (["evaluate", "nowhere"], "a run's folder must exist"),
    "evaluate a folder": (["evaluate", "."], "a folder without run.json"),
    "split": (["evaluate", ".", "--split", "tests"], "Did you mean 'test'"),
    "predict nothing": (["predict", "nowhere", "nowhere", "-o", "out"], "nowhere"),
    "predict in small tiles": (
        ["predict", "nowhere", "nowhere", "-o", "out", "--tile", "100", "--halo", "200"],
        "at least 3 x halo",
    ),
    "device": (["train", "--device", "tpu9"], "--device must be at hand"),
    "model": (["model", "describe", "unett"], "Did you mean 'unet'"),
    "model field": (["model", "describe", "unet", "width=3"], "Did you mean 'widths'"),
    "model size": (["model", "describe", "unet", "--size", "5"], "HEIGHTxWIDTH"),
    "check nothing": (["data", "check", "nowhere"], "nowhere"),
    "describe unknown": (["data", "describe", "toyy"], "Did you mean 'toy'"),
    "unknown verb": (["trian"], "trian"),
    "a number is no number": (["train", "--epochs", "many"], "valid integer"),
    "precision": (["train", "--precision", "half"], "precision"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_gets_one_message_exit_2_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    arguments, words = WRONG[name]
    drive = str(draw_drive(tmp_path.parent / f"drive-{tmp_path.name}")) if "DRIVE" in arguments else ""
    arguments = [drive if argument == "DRIVE" else argument for argument in arguments]
    monkeypatch.chdir(tmp_path)
    done = pointillist(*arguments)
    assert done.code == 2, done
    assert words in done.err, done
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_run_says_so_and_a_damaged_model_is_refused(trained: tuple[Path, Path]) -> None:
    _, run = trained
    done = pointillist("train", "--resume", run)
    assert done.code == 0, done
    assert "finished already" in done.err + done.out
    weights = run / "model" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    done = pointillist("evaluate", run)
    weights.write_bytes(whole)
    assert done.code == 2
    assert "the model must match its manifest" in done.err


# Of a batch of one image one of two processes has no share.
@pytest.mark.parametrize(("recipe", "batch"), [("plain", 8), ("plain", 1), ("two-decoders", 8)])
def test_two_devices_train_one_run_as_one_does(tmp_path: Path, recipe: str, batch: int) -> None:
    flags = (
        "train",
        "--data",
        "synthetic",
        "--clicks",
        3,
        "--epochs",
        2,
        "--device",
        "cpu",
        "--recipe",
        recipe,
    )
    changes = (
        "model={kind: unet, widths: [4, 8]}",
        f"batch={batch}",
        "data.size=[24,32]",
        f"data.train={2 * batch}",
        "data.val=4",
    )
    weights = []
    for devices in (1, 2):
        home = tmp_path / str(devices)
        done = launched(*flags, "--precision", "float32", "--devices", devices, "-o", home, *changes)
        assert done.code == 0, done
        (run,) = home.iterdir()
        about = json.loads((run / "model" / "about.json").read_text())
        assert about["environment"]["processes"] == devices
        assert about["steps"] == 4
        weights.append(load_file(run / "model" / "model.safetensors"))
    one, two = weights
    assert one.keys() == two.keys()
    assert max(float((one[name].float() - two[name].float()).abs().max()) for name in one) < 1e-4
    assert pointillist("evaluate", run, "--split", "val").code == 0


def test_more_devices_than_there_are_is_refused_in_words() -> None:
    done = pointillist("train", "--data", "synthetic", "--device", "cpu", "--devices", 100_000)
    assert done.code == 2
    assert "--devices must be at most the number of cores" in done.err


def test_f05_a_signal_stops_two_processes_at_one_step(tmp_path: Path) -> None:
    flags = ["train", "--data", "synthetic", "--clicks", "3", "-o", str(tmp_path), "--epochs", "100000"]
    flags += [
        "--recipe",
        "plain",
        "model.widths=[4,8]",
        "data.size=[24,32]",
        "data.train=8",
        "data.val=2",
        "batch=8",
    ]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, "-m", "pointillist", *flags, "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        waited = time.monotonic()
        while not list(tmp_path.glob("*/tensorboard")) and time.monotonic() - waited < 90:
            time.sleep(0.1)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=90)
    assert "everything is saved" in err
    (run,) = tmp_path.iterdir()
    checkpoint, warnings = read_checkpoint(run)
    assert checkpoint is not None
    assert checkpoint.step >= 1
    assert warnings == []


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_f05_a_signal_stops_the_command_and_the_same_command_goes_on(
    tmp_path: Path, signum: signal.Signals, code: int
) -> None:
    flags = ["train", "--data", "synthetic", "--clicks", "3", "-o", str(tmp_path), "model.widths=[4,8]"]
    flags += ["--recipe", "plain", "data.size=[24,32]", "data.train=8", "data.val=2"]
    command = [sys.executable, "-m", "pointillist", *flags, "--epochs", "100000"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    newest = [0]
    for begun in (1, 2):
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
            waited = time.monotonic()
            # Each that has begun to train has a log of its own.
            while len(list(tmp_path.glob("*/tensorboard/*"))) < begun and time.monotonic() - waited < 60:
                time.sleep(0.1)
            process.send_signal(signum)
            _, err = process.communicate(timeout=60)
        assert process.returncode == code
        assert "everything is saved" in err
        assert "Traceback" not in err
        assert (f"Resuming after step {newest[-1]}," in err) == (begun == 2)
        (run,) = tmp_path.iterdir()
        newest.append(max(int(one.name.removeprefix("step-")) for one in run.glob("checkpoints/step-*")))
    assert newest == sorted(set(newest))


def test_it_says_which_version_it_is() -> None:
    done = pointillist("--version")
    assert done.code == 0
    assert re.fullmatch(r"pointillist \d+\.\d+\.\d+, torch \d+\.\d+\S*, Python 3\.\d+\.\d+\n", done.out)
