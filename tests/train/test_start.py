"""A run may start from another's weights: it names them by their hash, and they compete with what follows."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.datasets import Synthetic
from pointillist.models import Unet
from pointillist.train.feed import Feed
from pointillist.train.learner import Learner
from pointillist.train.loop import Options, train
from pointillist.train.run import Run, Start
from pointillist.train.select import Score
from pointillist.train.start import read_start, start_at
from pointillist.train.store import read_model, read_run, write_model
from tests.train.small import CPU, small_run, train_small
from tests.train.test_loop import KilledError, Killer, log, weights


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start") / "first"
    train_small(small_run(), folder)
    there, about = read_model(folder)
    there["offset"][0] = 0.5  # As where held-out annotations draw the line elsewhere.
    shutil.rmtree(folder / "model")
    write_model(folder, there, about)
    return folder


def later(folder: Path, **changes: object) -> Run:
    data = Synthetic(size=(24, 32), train=7, val=3, test=3)
    return small_run(**{"data": data, "start": start_at(folder), **changes})


def test_it_is_a_field_that_goes_through_json(first: Path, tmp_path: Path) -> None:
    run = later(first)
    assert run.start is not None
    assert run.start.sha256 == weights(first)
    assert validated(Run, run.to_json(), text=True) == run
    train_small(run, tmp_path / "later")
    assert read_run(tmp_path / "later") == run
    other = run.model_copy(update={"start": Start(run=first, sha256="0" * 64)})
    assert len({run.id, other.id, small_run(data=run.data).id}) == 3


def test_a_run_without_a_start_keeps_the_id_that_it_had(first: Path) -> None:
    assert not {"start", "scales"} & json.loads(small_run().to_json()).keys()
    assert "start" in json.loads(later(first).to_json())


def test_the_first_step_is_taken_from_the_weights_and_with_their_normalisation(first: Path) -> None:
    run = later(first)
    learner = Learner(run, Feed(run, run.data.names("train"), CPU), CPU)
    there = read_model(first)[0]
    for network in (learner.network, learner.average.network):
        found = network.state_dict()
        assert not found.pop("offset").any()
        assert all(torch.equal(found[name], there[name]) for name in found)


@pytest.mark.parametrize("save_every_s", [0.0, 1e9], ids=["saved at each step", "never saved"])
def test_killed_it_ends_bit_for_bit_the_same(first: Path, tmp_path: Path, save_every_s: float) -> None:
    shutil.copytree(first, tmp_path / "first")
    run, options = later(tmp_path / "first"), Options(save_every_s=save_every_s)
    total = len(train_small(run, tmp_path / "whole").steps)
    folder = tmp_path / "killed"
    for step in (1, total // 2, total):
        with pytest.raises(KilledError):
            train(run, folder, CPU, Killer(step), options)
        if save_every_s == 0 and step > 1:  # The checkpoint has all that is needed.
            shutil.rmtree(tmp_path / "first", ignore_errors=True)
    train_small(run, folder)
    assert weights(folder) == weights(tmp_path / "whole")
    assert log(folder) == log(tmp_path / "whole")


def test_what_spoils_the_weights_never_wins(first: Path) -> None:
    run = later(first)
    learner = Learner(run, Feed(run, run.data.names("train"), CPU), CPU)
    learner.judge_start(Score(0.9, -0.1, offset=0.25))
    for batch in learner.feed.epoch(0):
        learner.step(batch)
    learner.end_epoch(Score(0.5, -0.1, slack=0.05))
    there = read_model(first)[0]
    assert learner.selected_step == 0
    assert learner.selected["offset"].tolist() == [0.25, 0.0]
    assert all(torch.equal(learner.selected[name], t) for name, t in there.items() if name != "offset")
    learner.end_epoch(Score(0.88, -0.1, slack=0.05))
    assert learner.selected_step > 0, "what has learnt for longer and keeps up is preferred"


def test_how_good_the_start_was_is_noted(first: Path, tmp_path: Path) -> None:
    watch = train_small(later(first), tmp_path / "later")
    begun, *after = log(tmp_path / "later")
    assert (begun["epoch"], begun["step"], begun["kept"]) == (0, 0, 1)
    assert [record["epoch"] for record in after] == [1, 2, 3, 4]
    assert watch.records == [begun, *after]


def wrong(run: Run, folder: Path, words: str) -> None:
    with pytest.raises(InputError, match=words):
        train_small(run, folder / "later")
    assert not (folder / "later" / "run.json").exists(), "nothing is left of it"


def test_weights_that_do_not_fit_are_refused(first: Path, tmp_path: Path) -> None:
    run = later(first)
    wrong(run.model_copy(update={"model": Unet(widths=(4, 12))}), tmp_path, "must have the model")
    vessels = Synthetic(size=(24, 32), train=7, val=3, test=3, scene="vessels")
    wrong(run.model_copy(update={"data": vessels}), tmp_path, "must have the classes background, vessel")
    with pytest.raises(InputError, match="must have the image channels 1; got 3"):
        read_start(run, 1)
    named = Start(run=first, sha256="0" * 64)
    wrong(run.model_copy(update={"start": named}), tmp_path, f"SHA-256 0{{64}}; got {weights(first)}")


def test_missing_and_damaged_weights_are_refused(first: Path, tmp_path: Path) -> None:
    shutil.copytree(first, tmp_path / "first")
    run = later(tmp_path / "first")
    file = tmp_path / "first" / "model" / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    wrong(run, tmp_path, "must match its manifest")
    shutil.rmtree(tmp_path / "first" / "model")
    wrong(run, tmp_path, "the run must be finished")
    with pytest.raises(InputError, match="the run must be finished"):
        start_at(tmp_path / "first")
    shutil.rmtree(tmp_path / "first")
    wrong(run, tmp_path, "a run's folder must exist")
    with pytest.raises(InputError, match="a run's folder must exist"):
        start_at(tmp_path / "first")
