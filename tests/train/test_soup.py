"""Several trainings from the same weights share a run's epochs, and the run's weights are their average."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest
import torch

from pointillist.models import Unet
from pointillist.train import learner
from pointillist.train.loop import Options, train
from pointillist.train.run import Run
from pointillist.train.start import start_at
from pointillist.train.store import read_checkpoint, read_model
from tests.train.small import CPU, small_run, train_small
from tests.train.test_loop import KilledError, Killer, log, weights


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("soup") / "first"
    train_small(small_run(), folder)
    return folder


def soup(first: Path, **changes: object) -> Run:
    return small_run(**{"start": start_at(first), "epochs": 4, "soup": 2, "select": "last", **changes})


def test_its_weights_lie_midway_between_those_of_two_trainings(first: Path, tmp_path: Path) -> None:
    train_small(soup(first), tmp_path / "soup", save_every_s=0)
    train_small(soup(first, soup=1, epochs=2), tmp_path / "alone")
    checkpoint, _ = read_checkpoint(tmp_path / "soup")
    assert checkpoint is not None
    one, other = checkpoint.tensors["soup"], checkpoint.tensors["selected"]
    alone, mixed = (read_model(tmp_path / name)[0] for name in ("alone", "soup"))
    learnt = [name for name, tensor in mixed.items() if tensor.is_floating_point()]
    assert any(not torch.equal(one[name], other[name]) for name in learnt), "the second has another order"
    for name in learnt:
        torch.testing.assert_close(one[name], alone[name], rtol=0, atol=0)
        torch.testing.assert_close(mixed[name], (one[name] + other[name]) / 2)


def test_each_training_begins_at_the_start_and_has_the_whole_schedule(first: Path, tmp_path: Path) -> None:
    watch = train_small(soup(first, epochs=7, soup=3, select="held-out"), tmp_path / "soup")
    steps = len(watch.steps) // 7
    begun = [record for record in watch.records if "loss/cross-entropy" not in record]
    assert [record["epoch"] for record in begun] == [0, 2, 4, 7]
    assert len({record["held_out/dice"] for record in begun[:3]}) == 1, "the same weights each time"
    assert watch.total_steps == 7 * steps
    assert log(tmp_path / "soup")[-1] == begun[-1], "how good the average is comes last"


@pytest.mark.parametrize("save_every_s", [0.0, 1e9], ids=["saved at each step", "never saved"])
def test_killed_at_every_step_it_ends_bit_for_bit_the_same(
    first: Path, tmp_path: Path, save_every_s: float
) -> None:
    run, options = soup(first, select="held-out"), Options(save_every_s=save_every_s)
    total = len(train_small(run, tmp_path / "whole").steps)
    folder = tmp_path / "killed"
    for step in range(1, total + 1) if save_every_s == 0 else (2, total):
        for at_epoch_end in (False, True):
            with contextlib.suppress(KilledError):
                train(run, folder, CPU, Killer(step, at_epoch_end), options)
    shutil.rmtree(folder / "model", ignore_errors=True)
    train_small(run, folder)
    assert weights(folder) == weights(tmp_path / "whole")
    assert log(folder) == log(tmp_path / "whole")


def test_an_average_that_is_good_for_nothing_is_not_kept(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner, "CURDLED", -1.0)
    watch = train_small(soup(first, select="held-out"), tmp_path / "soup", save_every_s=0)
    checkpoint, _ = read_checkpoint(tmp_path / "soup")
    assert checkpoint is not None
    kept = read_model(tmp_path / "soup")[0]
    name = next(name for name in kept if name.endswith("weight"))
    assert torch.equal(kept[name], checkpoint.tensors["selected"][name])
    assert any("worse than the last training's" in message for message in watch.said)


def test_of_what_has_learnt_nothing_there_is_one_training_and_ids_stay() -> None:
    assert small_run(epochs=4, soup=2).ends == (4,)
    assert small_run(model=Unet(start="curves"), epochs=4, soup=2).ends == (2, 4)
    assert small_run(model=Unet(start="curves"), epochs=1, soup=2).ends == (1,), "for a trial one is enough"
    assert "soup" not in json.loads(small_run().to_json())
    assert json.loads(small_run(model=Unet(start="curves"), soup=2).to_json())["soup"] == 2
