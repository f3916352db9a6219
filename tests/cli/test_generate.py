"""`pointillist generate`: from clicks to a folder of real and painted images that trains."""

import shutil
from pathlib import Path

from tests.cli.command import TINY, pointillist
from tests.datasets.trees import draw_folder


def test_from_clicks_to_a_folder_that_trains(tmp_path: Path) -> None:
    root, new = draw_folder(tmp_path / "mine"), tmp_path / "all"
    told = ("--data", "folder", "--root", root, "--size", "native", "--clicks", 3)
    done = pointillist("generate", *told, "--out", new, "--count", 4, "--epochs", 2)
    assert done.code == 0, done
    following = ("train", "--data", "folder", "--root", new, "--size", "native")
    assert "pointillist " + " ".join(map(str, following)) in done.out
    assert len(list((new / "train" / "images").glob("generated-*.png"))) == 4
    assert (new / "painted.png").is_file()
    again = pointillist("generate", *following[1:], "--out", tmp_path / "more", "--count", 2, "--epochs", 1)
    assert again.code == 0, again
    names = {path.name for path in (tmp_path / "more" / "train" / "images").glob("generated-*.png")}
    assert names == {f"generated-{number:05}.png" for number in range(6)}
    trained = pointillist(*following, "--epochs", 1, "-o", tmp_path / "runs", *TINY)
    assert trained.code == 0, trained


def test_mistakes_are_told_before_anything_is_trained(tmp_path: Path) -> None:
    full = draw_folder(tmp_path / "mine")
    told = ("--data", "folder", "--root", full)
    done = pointillist("generate", *told, "--clicks", 3, "--out", full)
    assert done.code == 2
    assert "must be empty or new" in done.err
    taken = pointillist("generate", *told, "--clicks", 3, "--out", full / "pointillist.yaml")
    assert taken.code == 2
    assert "must be empty or new" in taken.err
    shutil.rmtree(full / "masks")
    silent = pointillist("generate", *told, "--out", tmp_path / "new")
    assert silent.code == 2
    assert "pixels of two classes must be labelled; got of 'foreground' alone" in silent.err
    assert "auto-encoder" not in silent.out
    assert not (tmp_path / "new").exists()
