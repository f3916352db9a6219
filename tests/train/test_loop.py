"""F01, F05, F07, F10 to F13, D01 to D03, D09: a training can be killed anywhere and ends the same."""

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from pointillist.annotate import Boxes, Density, Full, Mixed, PointsAnnotator, Several, SizeRanges, Tags
from pointillist.core import durable
from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.marks import Points
from pointillist.datasets import Synthetic
from pointillist.losses import (
    BoxTightness,
    Consistency,
    CrossEntropy,
    Dice,
    Entropy,
    Focal,
    Size,
    SoftCrossEntropy,
    Tag,
)
from pointillist.propagate import RandomWalker
from pointillist.train import device
from pointillist.train.agreement import SLACK
from pointillist.train.evaluate import evaluate, load_trained
from pointillist.train.feed import Feed
from pointillist.train.learner import Learner
from pointillist.train.loop import Options, train
from pointillist.train.run import Run
from pointillist.train.select import HeldOut, Score
from pointillist.train.stop import NonFiniteError, StoppedError
from pointillist.train.store import (
    read_checkpoint,
    read_model,
    read_run,
    write_checkpoint,
    write_model,
    write_run,
)
from pointillist.train.teacher import MeanTeacher
from pointillist.train.term import Term
from tests.train.small import CPU, Silent, small_run, train_and_tell, train_small

RUNS = {
    "points": small_run(),
    "full": small_run(annotate=Full()),
    "density, crops": small_run(annotate=Density(probability=0.1), crop=16, crops_per_image=2),
    "three terms": small_run(
        supervise=(
            Term(loss=CrossEntropy(positive_weight=2)),
            Term(loss=Focal(), weight=0.5, start=0.3),
            Term(loss=Dice(), ramp=0.5),
        )
    ),
}


def weights(folder: Path) -> str:
    return json.loads((folder / "model" / durable.MANIFEST).read_bytes())["sha256"]["model.safetensors"]


def log(folder: Path) -> Any:
    return read_model(folder)[1]["history"]


class KilledError(Exception):
    """Stands for SIGKILL at a step's boundary: nothing of the loop runs after it."""


class Killer(Silent):
    """Kills the training after a step, or at the end of an epoch."""

    def __init__(self, step: int, at_epoch_end: bool = False) -> None:
        super().__init__()
        self.at, self.at_epoch_end = step, at_epoch_end

    def step(self, step: int, losses: dict[str, float], images: int) -> None:
        if step >= self.at and not self.at_epoch_end:
            raise KilledError

    def epoch(self, record: dict[str, float | int]) -> None:
        if self.at_epoch_end and record["step"] >= self.at:
            raise KilledError


@pytest.mark.parametrize("name", RUNS)
def test_d01_the_same_run_twice_gives_the_same_bits(tmp_path: Path, name: str) -> None:
    for folder in ("a", "b"):
        train_small(RUNS[name], tmp_path / folder)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert log(tmp_path / "a") == log(tmp_path / "b")


def test_another_seed_gives_another_result(tmp_path: Path) -> None:
    train_small(small_run(), tmp_path / "a")
    train_small(small_run(seed=1), tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "b")


@pytest.mark.parametrize("name", ["points", "density, crops"])
@pytest.mark.parametrize("save_every_s", [0.0, 1e9], ids=["saved at each step", "never saved"])
def test_f07_killed_at_every_step_it_ends_bit_for_bit_the_same(
    tmp_path: Path, name: str, save_every_s: float
) -> None:
    run, options = RUNS[name], Options(save_every_s=save_every_s)
    total = len(train_small(run, tmp_path / "whole").steps)
    folder = tmp_path / "killed"
    kills = 0
    for step in range(1, total + 1) if save_every_s == 0 else (2, total):
        for at_epoch_end in (False, True):
            with contextlib.suppress(KilledError):
                train(run, folder, CPU, Killer(step, at_epoch_end), options)
            kills += not (folder / "model").exists()
    assert kills >= 4
    shutil.rmtree(folder / "model", ignore_errors=True)
    watch = train_small(run, folder)
    assert weights(folder) == weights(tmp_path / "whole")
    assert log(folder) == log(tmp_path / "whole")
    if save_every_s == 0:
        assert watch.done >= total - 2
        assert watch.total_steps == total
        assert any("Resuming after step" in message for message in watch.said)


def test_f01_sigkill_at_random_instants(tmp_path: Path) -> None:
    run = small_run(epochs=400)
    train_small(run, tmp_path / "whole")
    # Processes of their own, but torch is imported only once.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.train.small"])
    rng = np.random.default_rng(0)
    kills = 0
    for number in range(20):
        begun = context.Event()
        process = context.Process(target=train_and_tell, args=(run, tmp_path / "killed", begun))
        process.start()
        if number % 4:  # Every fourth is killed whatever it does, the others as they train and save.
            assert begun.wait(60)
        time.sleep(float(rng.uniform(0, 0.3)))
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        process.close()
    watch = train_small(run, tmp_path / "killed")
    assert kills >= 15
    assert watch.done  # Some were killed after a step.
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert log(tmp_path / "killed") == log(tmp_path / "whole")
    leftovers = [p for p in (tmp_path / "killed").rglob(".*.tmp*")]
    assert leftovers == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_f05_a_signal_stops_at_a_step_with_everything_saved(tmp_path: Path, signum: signal.Signals) -> None:
    class Sender(Silent):
        def step(self, step: int, losses: dict[str, float], images: int) -> None:
            if step == 5:
                os.kill(os.getpid(), signum)
                os.kill(os.getpid(), signum)  # F06: impatient people press twice.

    train_small(small_run(), tmp_path / "whole")
    before = signal.getsignal(signum)
    with pytest.raises(StoppedError) as stopped:
        train(small_run(), tmp_path / "stopped", CPU, Sender(), Options())
    assert (stopped.value.step, stopped.value.signum) == (5, signum)
    assert signal.getsignal(signum) == before
    checkpoint, _ = read_checkpoint(tmp_path / "stopped")
    assert checkpoint is not None
    assert checkpoint.step == 5
    watch = train_small(small_run(), tmp_path / "stopped")
    assert watch.steps[0] == 6
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")


def interrupted(folder: Path, step: int = 8) -> None:
    with pytest.raises(KilledError):
        train(small_run(), folder, CPU, Killer(step), Options(save_every_s=0.0))


@pytest.fixture(scope="module")
def whole_and_killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Train once to the end and once until a kill, for all tests that damage a copy."""
    whole, killed = (tmp_path_factory.mktemp("checkpoints") / name for name in ("whole", "killed"))
    train_small(small_run(), whole)
    interrupted(killed)
    return whole, killed


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "gone"])
@pytest.mark.parametrize(
    "name", ["network.safetensors", "optimizer.safetensors", "state.json", durable.MANIFEST]
)
def test_f10_a_damaged_checkpoint_is_seen_and_the_one_before_is_used(
    tmp_path: Path, whole_and_killed: tuple[Path, Path], name: str, damage: str
) -> None:
    whole, killed = whole_and_killed
    shutil.copytree(killed, tmp_path / "killed")
    newest = max((tmp_path / "killed" / "checkpoints").iterdir())
    content = (newest / name).read_bytes()
    if damage == "gone":
        (newest / name).unlink()
    else:
        flipped = bytearray(content)
        flipped[len(content) // 2] ^= 4
        (newest / name).write_bytes(
            {"cut": content[: len(content) // 2], "bit": bytes(flipped), "empty": b""}[damage]
        )
    watch = train_small(small_run(), tmp_path / "killed")
    assert any(f"{newest.name} is damaged" in message for message in watch.said)
    assert watch.done < int(newest.name.removeprefix("step-"))
    assert weights(tmp_path / "killed") == weights(whole)


def test_f10_with_every_checkpoint_damaged_it_stops_and_never_starts_anew(tmp_path: Path) -> None:
    interrupted(tmp_path)
    for generation in (tmp_path / "checkpoints").iterdir():
        (generation / "state.json").write_bytes(b"")
    with pytest.raises(InputError, match="must match its manifest"):
        train_small(small_run(), tmp_path)
    assert not (tmp_path / "model").exists()


def test_only_the_newest_three_checkpoints_are_kept(tmp_path: Path) -> None:
    interrupted(tmp_path)
    assert [p.name for p in sorted((tmp_path / "checkpoints").iterdir())] == [
        f"step-{step:08d}" for step in (5, 6, 7)
    ]


@pytest.mark.parametrize("where", ["loss", "input"])
def test_f11_nan_stops_the_run_names_the_batch_and_spoils_no_checkpoint(tmp_path: Path, where: str) -> None:
    run = small_run()
    feed = Feed(run, run.data.names("train"), CPU)
    learner = Learner(run, feed, CPU)
    batch = next(feed.epoch(0))
    if where == "input":
        images = batch.images.float() / 255
        images[0, 0, 12, 16] = torch.nan
        batch = replace(batch, images=images)
    else:
        with torch.no_grad():
            next(learner.network.parameters()).fill_(1e38)
    before = {name: tensor.clone() for name, tensor in learner.network.model.named_parameters()}
    with pytest.raises(NonFiniteError) as error:
        learner.step(batch)
    assert all(name in str(error.value) for name in batch.names)
    assert all(torch.equal(t, before[name]) for name, t in learner.network.model.named_parameters())


def test_f11_weights_that_are_not_finite_are_never_written(tmp_path: Path) -> None:
    run = small_run()
    learner = Learner(run, Feed(run, run.data.names("train"), CPU), CPU)
    with torch.no_grad():
        next(learner.network.parameters())[0, 0, 0, 0] = torch.inf
    with pytest.raises(ValueError, match="finite"):
        write_checkpoint(tmp_path, learner.to_checkpoint())
    assert list(tmp_path.iterdir()) == []


def test_f12_another_run_in_the_folder_is_refused(tmp_path: Path) -> None:
    interrupted(tmp_path)
    with pytest.raises(InputError, match="the folder must hold run"):
        train_small(small_run(seed=7), tmp_path)


@pytest.mark.parametrize("make", ["nothing", "empty", "file"])
def test_f12_a_folder_that_is_no_run_is_refused(tmp_path: Path, make: str) -> None:
    folder = tmp_path / "run"
    if make == "empty":
        folder.mkdir()
    if make == "file":
        folder.write_text("a file")
    with pytest.raises(InputError, match="a run's folder must exist"):
        read_run(folder)


def test_f12_a_run_without_a_checkpoint_starts_anew_and_says_so(tmp_path: Path) -> None:
    write_run(tmp_path, small_run())
    watch = train_small(small_run(), tmp_path)
    assert any("no checkpoint yet: training starts at step 0" in message for message in watch.said)
    assert not any("no checkpoint" in message for message in train_small(small_run(), tmp_path / "new").said)


def test_f13_a_second_process_is_refused(tmp_path: Path) -> None:
    with durable.locked(tmp_path), pytest.raises(InputError, match="one process"):
        train_small(small_run(), tmp_path)


@pytest.mark.parametrize("name", ["points", "density, crops"])
def test_d03_workers_and_residence_change_nothing(tmp_path: Path, name: str) -> None:
    train_small(RUNS[name], tmp_path / "resident")
    for workers in (0, 2):
        folder = tmp_path / f"streamed-{workers}"
        train_small(RUNS[name], folder, workers=workers, resident_bytes=0)
        assert weights(folder) == weights(tmp_path / "resident")
        assert log(folder) == log(tmp_path / "resident")


def test_d09_every_epoch_has_its_own_order() -> None:
    run = small_run(data=small_run().data.model_copy(update={"train": 20}))
    feed = Feed(run, run.data.names("train"), CPU)
    orders = [tuple(name for batch in feed.epoch(epoch) for name in batch.names) for epoch in range(4)]
    assert len(set(orders)) == 4
    assert all(sorted(order) == sorted(run.data.names("train")) for order in orders)
    rest = [name for batch in feed.epoch(2, skip=3) for name in batch.names]
    assert rest == list(orders[2][6:])


def test_a_finished_run_is_left_alone(tmp_path: Path) -> None:
    train_small(small_run(), tmp_path)
    before = weights(tmp_path)
    watch = train_small(small_run(), tmp_path)
    assert watch.steps == []
    assert "finished already" in watch.said[0]
    assert weights(tmp_path) == before


def test_nothing_labelled_is_refused_and_a_class_never_labelled_is_told(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    with pytest.raises(InputError, match="at least one training image must be annotated"):
        train_small(small_run(annotate=None, annotations=tmp_path / "annotations"), tmp_path / "a")
    watch = train_small(small_run(annotate=PointsAnnotator(positive=3, negative=0)), tmp_path / "b")
    assert "no training image has a pixel labelled 'background'" in watch.said[0]


def test_what_is_beside_a_run_says_what_it_cost_and_how_it_was_chosen(tmp_path: Path) -> None:
    train_small(small_run(), tmp_path)
    about = read_model(tmp_path)[1]
    # 2 classes, 3 clicks on each: 2 x 2.4 + 4 x 0.9 seconds an image.
    assert about["annotation"]["train"]["seconds"] == pytest.approx(5 * 8.4)
    assert about["annotation"]["val"]["seconds"] == pytest.approx(3 * 8.4)
    assert about["annotation"]["train"]["labelled_pixels"] == {"background": 15, "lesion": 15}
    assert about["chosen_by"] == "held-out"
    kept = [r for r in about["history"] if r["kept"]]
    assert about["selected_step"] == kept[-1]["step"]
    assert kept[-1]["held_out/dice"] > max(r["held_out/dice"] for r in about["history"]) - SLACK
    assert {"commit", "versions", "device", "train_s", "data_sha256"} <= about["environment"].keys()
    shutil.rmtree(tmp_path / "checkpoints")
    assert read_run(tmp_path) == small_run()


def test_the_line_is_drawn_by_learnt_clicks_too_unless_masks_choose(tmp_path: Path) -> None:
    run = small_run(annotate=PointsAnnotator(positive=8, negative=8))
    train_small(run, tmp_path / "clicks")
    found, about = read_model(tmp_path / "clicks")
    assert float(found["offset"][0]) == about["line"]["held_out/offset"]
    held_out = HeldOut(run, run.data.names("val"), CPU)
    network = load_trained(tmp_path / "clicks", CPU).network
    network.offset.zero_()
    judged = held_out.judge(network, run)
    assert judged.without_each == about["without_each"]
    assert len(judged.without_each) == 3, "images"
    drawn = judged.line
    assert drawn is not None
    assert drawn.told() == about["line"]
    # By eight images' clicks, where three images' had chosen these weights.
    assert drawn.likelihood not in [record["held_out/likelihood"] for record in about["history"]]
    train_small(run.model_copy(update={"select": "masks"}), tmp_path / "masks")
    assert "line" not in read_model(tmp_path / "masks")[1]


def test_choosing_the_last_weights_reads_no_validation_labels(tmp_path: Path) -> None:
    train_small(small_run(select="last"), tmp_path)
    about = read_model(tmp_path)[1]
    assert about["chosen_by"] == "last"
    assert about["selected_step"] == about["steps"]
    assert about["annotation"]["val"]["images"] == 0


def test_training_on_clicks_learns(tmp_path: Path) -> None:
    data = small_run().data.model_copy(update={"train": 16, "size": (36, 48)})
    run: Run = small_run(data=data, epochs=30, batch=4, annotate=PointsAnnotator(positive=5, negative=5))
    train_small(run, tmp_path)
    _, summary = evaluate(load_trained(tmp_path, CPU), "test")
    dice = summary.row("dice_per_image").value
    assert dice is not None
    assert dice > 0.6


def test_data_that_changed_since_is_told_and_never_mixed_in(tmp_path: Path) -> None:
    changed = small_run().data.model_copy(update={"seed": 1})
    files = tmp_path / "annotations"
    run = small_run(annotate=None, annotations=files)

    def click(data: Synthetic) -> None:
        for split in ("train", "val"):
            for sample in data.samples(split):
                drawn = PointsAnnotator().annotate(sample, data.classes, seed=0)
                write_annotation(files / f"{sample.name}.json", drawn)

    click(small_run().data)
    with pytest.raises(KilledError):
        train(run, tmp_path / "run", CPU, Killer(4), Options(save_every_s=0))
    click(changed)
    with pytest.raises(InputError, match="must be those that the run began with"):
        train_small(run, tmp_path / "run")
    click(small_run().data)
    train_small(run, tmp_path / "run")
    click(changed)
    with pytest.raises(InputError, match="must be those that the run began with"):
        train_small(run, tmp_path / "run")


def test_a_resumed_run_keeps_the_precision_that_it_began_with(tmp_path: Path) -> None:
    run = small_run(precision="auto")
    with pytest.raises(KilledError):
        train(run, tmp_path, replace(CPU, bfloat16=True), Killer(4), Options(save_every_s=0))
    watch = train_small(run, tmp_path)
    assert any("in bfloat16" in message for message in watch.said)
    assert read_model(tmp_path)[1]["environment"]["precision"] == "bfloat16"


def test_a_resumed_run_scores_in_the_precision_that_it_began_with(tmp_path: Path) -> None:
    run = small_run(precision="auto")
    train_small(run, tmp_path / "whole")
    with pytest.raises(KilledError):
        train(run, tmp_path / "killed", CPU, Killer(4), Options(save_every_s=0))
    train(run, tmp_path / "killed", replace(CPU, bfloat16=True), Silent(), Options())
    assert log(tmp_path / "killed") == log(tmp_path / "whole")
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")


def without_offset(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in tensors.items() if name != "offset"}


def test_weights_from_before_there_was_an_offset_have_none(tmp_path: Path) -> None:
    with contextlib.suppress(KilledError):
        train(small_run(select="last"), tmp_path / "run", CPU, Killer(4), Options(save_every_s=0))
    checkpoint, _ = read_checkpoint(tmp_path / "run")
    assert checkpoint is not None
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    old = {group: without_offset(tensors) for group, tensors in checkpoint.tensors.items()}
    write_checkpoint(tmp_path / "run", replace(checkpoint, tensors=old))
    assert train_small(small_run(select="last"), tmp_path / "run").done == checkpoint.step
    found, about = read_model(tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "model")
    write_model(tmp_path / "run", without_offset(found), about)
    assert not load_trained(tmp_path / "run", CPU).network.state_dict()["offset"].any()


@pytest.mark.parametrize("writers", [{"propagate": RandomWalker()}, {"teacher": MeanTeacher()}], ids=str)
def test_soft_labels_that_no_term_reads_are_refused(writers: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Add soft-cross-entropy or consistency"):
        small_run(**writers)
    for loss in (SoftCrossEntropy(), Consistency()):
        run = small_run(**writers, supervise=[Term(loss=CrossEntropy()), Term(loss=loss)])
        assert run.supervise[1].loss == loss


@pytest.mark.parametrize(
    ("annotate", "loss", "message"),
    [
        (Tags(), CrossEntropy(), "cross-entropy, which read labels"),
        (SizeRanges(), Tag(), "tag, which read tags"),
        (PointsAnnotator(), BoxTightness(), "box-tightness, which read boxes"),
        (PointsAnnotator(), Entropy(), "entropy, which read nothing that is drawn"),
    ],
)
def test_terms_that_read_nothing_of_what_is_there_are_refused(
    tmp_path: Path, annotate: Any, loss: Any, message: str
) -> None:
    run = small_run(annotate=annotate, supervise=[Term(loss=loss)], epochs=1)
    with pytest.raises(InputError, match=message):
        train_small(run, tmp_path)


def test_what_is_refused_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        train_small(small_run(annotate=None), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("annotate", "losses", "warned"),
    [
        (PointsAnnotator(positive=3, negative=0), (CrossEntropy(),), ["background"]),
        (Boxes(), (CrossEntropy(),), ["lesion"]),
        (Boxes(), (CrossEntropy(), BoxTightness()), []),
        (Tags(), (CrossEntropy(), Tag()), ["background"]),
        (SizeRanges(), (Size(),), []),
    ],
)
def test_a_class_of_which_no_term_hears_is_told(
    tmp_path: Path, annotate: Any, losses: tuple[Any, ...], warned: list[str]
) -> None:
    run = small_run(annotate=annotate, supervise=[Term(loss=loss) for loss in losses], epochs=1)
    said = [message for message in train_small(run, tmp_path).said if "can't be learnt" in message]
    assert len(said) == len(warned)
    assert all(repr(name) in message for name, message in zip(warned, said, strict=True))


def test_it_says_how_many_images_have_marks_that_contradict_each_other(tmp_path: Path) -> None:
    run = small_run(epochs=1)
    for split in ("train", "val"):
        for name in run.data.names(split):
            sample = run.data.read(name)
            at = ((1.0, 1.0),)
            marks = (Points(label=0, at=at), Points(label=1, at=((1.0, 1.0), (2.0, 2.0))))
            annotation = Annotation(
                name=name,
                height=sample.height,
                width=sample.width,
                classes=run.data.classes,
                marks=marks if name == run.data.names("train")[0] else marks[:1],
            )
            write_annotation(tmp_path / "drawn" / f"{name}.json", annotation)
    drawn = run.model_copy(update={"annotate": None, "annotations": tmp_path / "drawn"})
    (message,) = [m for m in train_small(drawn, tmp_path / "run").said if "contradict" in m]
    assert message.startswith("Warning: marks on 1 images contradict each other")
    assert f"{run.data.names('train')[0]}: 1 pixel clicked as two classes" in message
    assert not any("contradict" in m for m in train_small(run, tmp_path / "other").said)


@pytest.mark.parametrize(
    ("losses", "nothing"), [((CrossEntropy(),), True), ((CrossEntropy(), Entropy()), False)]
)
def test_it_says_how_many_images_are_not_annotated(
    tmp_path: Path, losses: tuple[Any, ...], nothing: bool
) -> None:
    some = Mixed(of=((PointsAnnotator(positive=3, negative=3), 0.6),))
    run = small_run(annotate=some, supervise=[Term(loss=loss) for loss in losses], epochs=1)
    (message,) = [m for m in train_small(run, tmp_path).said if "not annotated" in m]
    assert ("nothing is learnt there" in message) == nothing


def test_of_equally_good_weights_the_later_are_kept() -> None:
    learner = Learner(small_run(), Feed(small_run(), small_run().data.names("train"), CPU), CPU)
    for step, score in enumerate([Score(0.5, 0.0), Score(1.0, 0.0), Score(1.0, 0.0), Score(0.9, 0.0)]):
        learner.step_number = step
        learner.end_epoch(score)
    assert learner.selected_step == 2
    assert [record["kept"] for record in learner.history] == [1, 1, 1, 0]


def test_of_estimates_a_little_less_is_as_good_but_many_little_steps_down_are_not() -> None:
    learner = Learner(small_run(), Feed(small_run(), small_run().data.names("train"), CPU), CPU)
    for step, dice in enumerate([0.5, 0.9, 0.896, 0.892, 0.888]):
        learner.step_number = step
        learner.end_epoch(Score(dice, 0.0, slack=0.005))
    assert learner.selected_step == 2


def test_weights_that_tell_labels_apart_clearly_better_are_kept_whatever_the_estimate() -> None:
    learner = Learner(small_run(), Feed(small_run(), small_run().data.names("train"), CPU), CPU)
    for step, (dice, likelihood) in enumerate([(0.8, -0.6), (0.72, -0.4), (0.75, -0.35), (0.7, -0.3)]):
        learner.step_number = step
        learner.end_epoch(Score(dice, likelihood, slack=0.005))
    assert [record["kept"] for record in learner.history] == [1, 1, 1, 0]
    # What is counted, of whole masks, is no estimate; and a network that is not believed has none.
    assert not Score(0.7, -0.1).keeps_up(Score(0.8, -0.6))
    assert not Score(0.0, -0.1, slack=0.005).keeps_up(Score(0.8, -0.6))


def test_what_a_crop_cuts_off_is_told_and_one_beyond_all_images_refused(tmp_path: Path) -> None:
    clicks, terms = PointsAnnotator(), (CrossEntropy(), Size(), Tag())
    sized = Several(of=(Tags(), SizeRanges(), clicks))
    told = "Warning: {} hold for whole images: crops of 16 pixels"
    for number, (people, losses, crop, begin) in enumerate(
        [
            (Several(of=(Tags(), SizeRanges())), terms, 16, told.format("sizes, tags")),
            (sized, terms, 16, told.format("sizes")),
            (sized, terms, None, None),
            (sized, (CrossEntropy(),), 16, None),
            (clicks, terms, 16, None),  # That a clicked class is there follows from the click.
        ]
    ):
        run = small_run(annotate=people, epochs=1, crop=crop, supervise=[Term(loss=loss) for loss in losses])
        said = [m for m in train_small(run, tmp_path / f"{number}").said if "whole images" in m]
        assert len(said) == (begin is not None)
        assert all(message.startswith(begin or "") for message in said)
    with pytest.raises(InputError, match="at most twice the longest side of the training images, 32 pixels"):
        train_small(small_run(crop=65), tmp_path / "large")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"supervise": (Term(loss=CrossEntropy(), weight=0),)}, "their weights are 0 so far"),
        ({"supervise": (Term(loss=Tag()),), "annotate": Tags(), "crop": 16}, "unknown in every batch"),
        ({}, ""),
    ],
)
def test_an_epoch_in_which_no_term_says_anything_is_told(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    said = [
        m for m in train_small(small_run(**{"epochs": 2, **changes}), tmp_path).said if "first epoch" in m
    ]
    assert len(said) == bool(why)
    assert all(why in message for message in said)


@pytest.mark.parametrize(
    ("amx", "avx512", "vendor", "chosen"),
    [
        (True, True, "GenuineIntel", True),
        (False, True, "GenuineIntel", False),
        (False, True, "AuthenticAMD", True),
        (False, False, "AuthenticAMD", False),
    ],
)
def test_bfloat16_is_chosen_where_it_is_faster(
    monkeypatch: pytest.MonkeyPatch, amx: bool, avx512: bool, vendor: str, chosen: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(device, "_processor", lambda: f"vendor_id : {vendor}")
    assert device.find_device().bfloat16 == chosen
