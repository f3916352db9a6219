"""Teachers write only where nothing is known; a run with one goes on after a stop as if there was none."""

import contextlib
import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE
from pointillist.core.target import Target
from pointillist.datasets import Synthetic
from pointillist.losses import (
    AnyLoss,
    BoxTightness,
    Centroid,
    Consistency,
    CrossEntropy,
    Entropy,
    Size,
    SoftCrossEntropy,
    Tag,
)
from pointillist.models import Unet
from pointillist.models.blocks import Norm
from pointillist.train.batch import augmented, background_outside, moved_inside
from pointillist.train.evaluate import load_trained
from pointillist.train.feed import Feed
from pointillist.train.learner import Learner
from pointillist.train.loop import Options, train
from pointillist.train.network import Network, TwinNetwork, build_network
from pointillist.train.run import Run
from pointillist.train.store import read_model
from pointillist.train.teacher import AnyTeacher, Bootstrap, MeanTeacher, TwoDecoders
from pointillist.train.term import Term
from tests.train.small import CPU, small_run, train_small
from tests.train.test_loop import KilledError, Killer, log, weights

TEACHERS = {"mean": MeanTeacher(confidence=0.5), "two": TwoDecoders(), "two, hard": TwoDecoders(hard=True)}
SAVED = {"mean": TEACHERS["mean"], "two": TEACHERS["two"], "bootstrap": Bootstrap()}
TERMS = (Term(loss=CrossEntropy()), Term(loss=Consistency(), ramp=0.5))


def taught(teacher: AnyTeacher | None, **changes: Any) -> Run:
    return small_run(**{"teacher": teacher, "supervise": TERMS, **changes})


def logits_of(*probs: float) -> Tensor:
    """Give the logits (1, 2, 1, W) of these probabilities of class 1."""
    row = torch.tensor(probs)
    return torch.stack([(1 - row).log(), row.log()])[None, :, None]


def known(*labels: int, soft: Tensor | None = None) -> Target:
    target = Target.from_labels(torch.tensor([[labels]]), 2)
    return target if soft is None else replace(target, soft=soft)


@pytest.mark.parametrize("teacher", TEACHERS.values(), ids=TEACHERS)
def test_it_writes_only_where_nothing_is_known(teacher: AnyTeacher) -> None:
    before = torch.zeros(1, 2, 1, 3)
    before[0, :, 0, 1] = torch.tensor([0.7, 0.3])
    target = known(1, IGNORE, IGNORE, soft=before)
    said = logits_of(0.1, 0.1, 0.1)
    written = teacher.write(target, (said, said), mix=0.3, progress=0.5)
    assert written.soft[0, :, 0, 0].tolist() == [0, 0]
    assert written.soft[0, :, 0, 1].tolist() == pytest.approx([0.7, 0.3])
    assert written.soft[0, :, 0, 2].argmax() == 0
    assert written.soft[0, :, 0, 2].sum() == pytest.approx(1)
    assert torch.equal(written.labels, target.labels)
    assert target.soft is before
    assert not written.soft.requires_grad


def test_the_average_teaches_only_what_it_is_sure_of() -> None:
    unknown = known(IGNORE, IGNORE, IGNORE)
    written = MeanTeacher(confidence=0.8).write(unknown, (logits_of(0.9, 0.75, 0.1),), mix=0.0, progress=0.5)
    expected = [[0.1, 0, 0.9], [0.9, 0, 0.1]]
    torch.testing.assert_close(written.soft[0, :, 0], torch.tensor(expected))


def test_the_average_outvotes_spread_labels_little_by_little() -> None:
    spread = torch.zeros(1, 2, 1, 2)
    spread[0, :, 0, 0] = torch.tensor([0.8, 0.2])  # Of the second pixel nothing is known.
    target = known(IGNORE, IGNORE, soft=spread)
    teacher, said = Bootstrap(share=0.6, ramp=0.4), (logits_of(0.9, 0.9),)
    first = teacher.write(target, said, mix=0.3, progress=0.0)
    torch.testing.assert_close(first.soft, spread)
    half = teacher.write(target, said, mix=0.3, progress=0.2).soft[0, :, 0]
    expected = [[0.7 * 0.8 + 0.3 * 0.1, 0.3 * 0.1], [0.7 * 0.2 + 0.3 * 0.9, 0.3 * 0.9]]
    torch.testing.assert_close(half, torch.tensor(expected))
    for progress in (0.4, 1.0):
        late = teacher.write(target, said, mix=0.3, progress=progress).soft[0, 1, 0]
        assert late.tolist() == pytest.approx([0.4 * 0.2 + 0.6 * 0.9, 0.6 * 0.9])
    assert torch.equal(first.labels, target.labels)
    at_once = Bootstrap(share=0.6, ramp=0.0).write(target, said, mix=0.3, progress=0.0)
    assert at_once.soft[0, 1, 0, 0] == pytest.approx(0.4 * 0.2 + 0.6 * 0.9)


def test_what_a_person_drew_is_never_outvoted() -> None:
    spread = torch.zeros(1, 2, 1, 2)
    spread[0, 1] = 1.0
    drawn = known(1, IGNORE, soft=spread)
    written = Bootstrap(share=0.7, ramp=0.0).write(drawn, (logits_of(0.1, 0.1),), 0.0, 1.0)
    assert written.soft[0, :, 0, 0].tolist() == [0, 1]
    assert written.soft[0, 1, 0, 1] < 0.5


def test_a_doubtful_opinion_that_the_student_shares_moves_nothing() -> None:
    written = Bootstrap(share=0.2, ramp=0.0).write(known(IGNORE), (logits_of(0.9),), 0.0, 1.0)
    student = logits_of(0.9).requires_grad_()
    value = Consistency()(student, written, torch.zeros(1, 3, 1, 1))
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-10)
    assert student.grad is not None
    assert student.grad.abs().max() < 1e-6


TEACHERS = (Bootstrap(ramp=0.0), MeanTeacher(confidence=0.0), TwoDecoders())


@pytest.mark.parametrize("teacher", TEACHERS, ids=lambda one: one.kind)
@pytest.mark.parametrize("crop", [None, 48])
def test_nobody_teaches_outside_the_region_of_interest(
    teacher: AnyTeacher, crop: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    eyes = Synthetic(scene="vessels", size=(64, 64), train=4, val=2, test=2)
    run = taught(teacher, data=eyes, supervise=(Term(loss=SoftCrossEntropy()),), crop=crop)
    _, learner = one_step(run)
    batch = next(learner.feed.epoch(1))
    seen: list[Target] = []
    terms = Learner._terms

    def noted(self: Learner, logits: Tensor, target: Target, *more: Any) -> Any:
        seen.append(target)
        return terms(self, logits, target, *more)

    monkeypatch.setattr(Learner, "_terms", noted)
    learner.step(batch)
    _, target = augmented(run, batch)
    inside = moved_inside(run, batch)
    assert inside is not None
    assert 0.2 < inside.float().mean() < 0.95
    assert (target.labels[~inside] == IGNORE).all()
    for one in seen:
        mass = one.soft.sum(1)
        assert not mass[~inside].any()
        assert (mass[inside & (target.labels == IGNORE)] > 0).all()


@pytest.mark.parametrize("loss", [Size(), Tag(), BoxTightness(), Centroid()], ids=lambda one: one.kind)
@pytest.mark.parametrize("crop", [None, 48])
def test_what_is_said_of_an_image_counts_inside_the_region_of_interest(
    loss: AnyLoss, crop: int | None
) -> None:
    eyes = Synthetic(scene="vessels", size=(64, 64), train=4, val=2, test=2)
    run = taught(None, data=eyes, supervise=(Term(loss=loss),), crop=crop)
    batch = next(one_step(run)[1].feed.epoch(1))
    inside = moved_inside(run, batch)
    assert inside is not None
    logits = torch.randn(len(inside), 2, *inside.shape[1:], generator=torch.Generator().manual_seed(0))
    other = torch.where(inside[:, None], logits, -logits).requires_grad_()
    seen = background_outside(run, batch, other)
    assert torch.equal(seen, background_outside(run, batch, logits))
    assert (seen.softmax(1)[:, 0][~inside] > 1 - 1e-6).all()
    target = replace(
        Target.unknown(len(inside), 2, *inside.shape[1:]),
        tags=torch.tensor([[1, 1]]).expand(len(inside), 2),
        sizes=torch.tensor([[0.0, torch.inf], [30.0, 60.0]]).expand(len(inside), 2, 2),
        centroids=torch.tensor([[0.0, 9.0], [0.0, 9.0]]).expand(len(inside), 2, 2, 2),
        boxes=torch.tensor([[1, 8, 8, 40, 40]]).expand(len(inside), 1, 5),
    )
    images = torch.zeros(len(inside), 3, *inside.shape[1:])
    value = loss(seen, target, images)
    value.backward()
    assert other.grad is not None
    assert not other.grad.permute(0, 2, 3, 1)[~inside].any()
    assert other.grad.permute(0, 2, 3, 1)[inside].any()


@pytest.mark.parametrize("teacher", [None, TwoDecoders()], ids=("alone", "taught"))
def test_a_size_is_learnt_inside_the_region_of_interest(
    teacher: AnyTeacher | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    eyes = Synthetic(scene="vessels", size=(64, 64), train=4, val=2, test=2)
    terms = (Term(loss=CrossEntropy()), Term(loss=Size()), Term(loss=Consistency()))
    run = taught(teacher, data=eyes, supervise=terms)
    _, learner = one_step(run)
    batch = next(learner.feed.epoch(1))
    inside = moved_inside(run, batch)
    assert inside is not None
    seen: dict[str, Tensor] = {}
    for loss in (Size, CrossEntropy):

        def noted(self: AnyLoss, logits: Tensor, target: Target, images: Tensor) -> Tensor:
            seen[self.kind] = logits
            return logits.sum()

        monkeypatch.setattr(loss, "__call__", noted)
    learner.step(batch)
    assert torch.equal(
        seen["size"].permute(0, 2, 3, 1)[inside], seen["cross-entropy"].permute(0, 2, 3, 1)[inside]
    )
    assert seen["size"].std(0)[:, ~inside.any(0)].max() == 0 < seen["cross-entropy"].std(0).max()


def test_two_decoders_mix_in_a_random_proportion() -> None:
    unknown = known(IGNORE, IGNORE)
    opinions = (logits_of(0.9, 0.2), logits_of(0.3, 0.4))
    soft = TwoDecoders().write(unknown, opinions, mix=0.25, progress=0.5).soft[0, 1, 0]
    assert soft.tolist() == pytest.approx([0.25 * 0.9 + 0.75 * 0.3, 0.25 * 0.2 + 0.75 * 0.4])
    hard = TwoDecoders(hard=True).write(unknown, opinions, mix=0.25, progress=0.5).soft[0, :, 0]
    assert hard.tolist() == [[1, 1], [0, 0]]
    surer = TwoDecoders(hard=True).write(unknown, opinions, mix=0.9, progress=0.5).soft[0, :, 0]
    assert surer.tolist() == [[0, 1], [1, 0]]


def test_no_gradient_flows_to_what_is_taught() -> None:
    said = logits_of(0.6, 0.3).requires_grad_()
    written = TwoDecoders().write(known(IGNORE, IGNORE), (said, said), mix=0.5, progress=0.5)
    student = torch.zeros(1, 2, 1, 2, requires_grad=True)
    SoftCrossEntropy()(student, written, torch.zeros(1, 3, 1, 2)).backward()
    assert said.grad is None
    assert student.grad is not None


MOMENTS = (torch.tensor([0.5, 0.2, 0.1]), torch.tensor([0.25, 0.1, 1.0]))


def twin(dropout: float, norm: Norm = "batch") -> tuple[Network, TwinNetwork]:
    network = build_network(Unet(widths=(4, 8), norm=norm), 2, 0, MOMENTS)
    return network, TwinNetwork(network, dropout)


def test_in_training_two_decoders_answer_and_in_prediction_the_first() -> None:
    network, both = twin(dropout=0.0)
    images = torch.rand(2, 3, 9, 7)
    one, other = both.train()(images)
    assert one.shape == other.shape == (2, 2, 9, 7)
    assert not torch.allclose(one, other)
    alone = both.eval()(images)
    assert torch.equal(alone, network.eval()(images))


def test_the_second_decoder_sees_a_part_of_the_features() -> None:
    _, both = twin(dropout=0.5)
    images = torch.rand(2, 3, 8, 8)
    torch.manual_seed(0)
    pairs = [both.train()(images) for _ in range(2)]
    torch.testing.assert_close(pairs[0][0], pairs[1][0])
    assert not torch.allclose(pairs[0][1], pairs[1][1])


def test_two_processes_see_the_parts_that_one_would_of_the_same_images() -> None:
    _, both = twin(dropout=0.5, norm="none")
    images = torch.rand(5, 3, 8, 8)

    def seen(rows: tuple[int, ...]) -> Tensor:
        torch.manual_seed(0)
        second: Tensor = both.train()(images[list(rows)], (5, rows))[1]
        return second

    whole = seen((0, 1, 2, 3, 4))
    for rows in ((0, 2, 4), (1, 3)):
        torch.testing.assert_close(seen(rows), whole[list(rows)])


def test_two_processes_see_their_images_in_the_light_that_one_would() -> None:
    run = small_run(teacher=MeanTeacher(), supervise=(Term(loss=SoftCrossEntropy()),), batch=3)
    told: dict[str, Tensor] = {}
    for rank, world in ((0, 1), (0, 2), (1, 2)):
        feed = Feed(run, run.data.names("train"), replace(CPU, rank=rank, world=world))
        learner, batch = Learner(run, feed, CPU), next(feed.epoch(0))
        seen: list[Tensor] = []
        learner.network.register_forward_pre_hook(lambda _, given, seen=seen: seen.append(given[0]))
        learner.step(batch)
        for name, image in zip(batch.names, seen[0], strict=True):
            assert torch.equal(image, told.setdefault(name, image))
    assert len(told) == 3


def test_a_network_without_an_encoder_of_its_own_is_refused() -> None:
    network = Network(torch.nn.Conv2d(3, 2, 1), *MOMENTS, num_classes=2)
    with pytest.raises(InputError, match="must have an encoder of its own"):
        TwinNetwork(network, 0.5)


@pytest.mark.parametrize("name", SAVED)
def test_saved_weights_are_those_of_a_plain_network(tmp_path: Path, name: str) -> None:
    run = taught(SAVED[name], epochs=2)
    train_small(run, tmp_path)
    plain = build_network(run.model, 2, run.seed, MOMENTS)
    assert read_model(tmp_path)[0].keys() == plain.state_dict().keys()
    trained = load_trained(tmp_path, CPU)
    probs = trained.probs(run.data.read("test-00000"))
    np.testing.assert_allclose(probs.sum(0), 1, atol=1e-5)


@pytest.mark.parametrize("name", SAVED)
def test_killed_and_typed_again_it_ends_bit_for_bit_the_same(tmp_path: Path, name: str) -> None:
    run = taught(SAVED[name])
    torch.manual_seed(1)
    watch = train_small(run, tmp_path / "whole")
    assert watch.records[-1]["loss/consistency"] > 0
    torch.manual_seed(2)  # Chance that is not the run's own must not matter.
    for step in (2, 7):
        with contextlib.suppress(KilledError):
            train(run, tmp_path / "killed", CPU, Killer(step), Options(save_every_s=0.0))
    resumed = train_small(run, tmp_path / "killed")
    assert resumed.done > 0
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert log(tmp_path / "killed") == log(tmp_path / "whole")


def one_step(run: Run) -> tuple[dict[str, float], Learner]:
    feed = Feed(run, run.data.names("train"), CPU)
    learner = Learner(run, feed, CPU)
    return learner.step(next(feed.epoch(0))), learner


def test_a_training_leaves_other_chance_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    one_step(taught(TwoDecoders()))
    assert torch.equal(torch.rand(2), expected)


def test_both_decoders_learn() -> None:
    _, learner = one_step(taught(TwoDecoders()))
    fresh = Learner(learner.run, learner.feed, CPU)
    pairs = zip(learner.network.named_parameters(), fresh.network.parameters(), strict=True)
    moved = {name.split(".")[0] for (name, after), before in pairs if not torch.equal(after, before)}
    assert moved == {"model", "twin"}


def test_the_student_sees_each_image_in_a_light_of_its_own_and_nothing_else_changed() -> None:
    images = torch.rand(40, 3, 8, 8)
    relit = MeanTeacher(jitter=0.2).relit(
        images, torch.rand((40, 2), generator=torch.Generator().manual_seed(0))
    )
    brighter = (relit - images).mean((1, 2, 3))
    assert brighter.std() > 0.05
    assert brighter.abs().max() < 0.2 + 0.1
    contrast = relit.std((1, 2, 3)) / images.std((1, 2, 3))
    assert 0.8 <= contrast.min() < 0.85
    assert 1.15 < contrast.max() <= 1.2
    flat, seen = images.flatten(1), relit.flatten(1)
    # Noise would be another texture than that of the images that are predicted later.
    torch.testing.assert_close(
        (seen - seen.mean(1, keepdim=True)) / seen.std(1, keepdim=True),
        (flat - flat.mean(1, keepdim=True)) / flat.std(1, keepdim=True),
    )


def test_what_outvotes_is_the_average_and_the_student_sees_the_same_images() -> None:
    run = taught(Bootstrap(ramp=0.0), supervise=(Term(loss=SoftCrossEntropy()),))
    _, learner = one_step(run)
    batch = next(learner.feed.epoch(1))
    images, target = augmented(run, batch)
    with torch.no_grad():
        opinion = torch.softmax(learner.average.network(images), 1)
        logits = copy.deepcopy(learner.network).train()(images)
    soft = 0.7 * opinion * ~target.labelled[:, None]
    expected = SoftCrossEntropy()(logits, replace(target, soft=soft), images)
    assert learner.step(batch)["soft-cross-entropy"] == pytest.approx(float(expected), rel=1e-4)


def test_the_teacher_sees_the_image_as_it_is() -> None:
    terms = [Term(loss=CrossEntropy()), Term(loss=Consistency())]
    values = []
    for jitter in (0.0, 0.3):
        run = taught(MeanTeacher(confidence=0.0, jitter=jitter), supervise=terms, average=0.0)
        told, learner = one_step(run)
        values.append(told)
    assert values[0]["cross-entropy"] != values[1]["cross-entropy"]
    batch = next(learner.feed.epoch(1))
    seen: list[Tensor] = []
    learner.average.network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    learner.step(batch)
    (images,) = seen
    assert torch.equal(images, augmented(run, batch)[0])


@pytest.mark.parametrize("teacher", [*TEACHERS, None], ids=lambda one: one.kind if one else "none")
def test_a_process_without_a_share_of_a_batch_teaches_nothing(teacher: AnyTeacher | None) -> None:
    terms = (Term(loss=CrossEntropy()), Term(loss=SoftCrossEntropy()), Term(loss=Entropy()))
    _, learner = one_step(small_run(teacher=teacher, supervise=terms))
    batch = next(learner.feed.epoch(1))
    idle = learner.step(replace(batch, idle=True))
    assert idle == {"cross-entropy": 0, "soft-cross-entropy": 0, "entropy": pytest.approx(0)}
    assert learner.step(batch)["cross-entropy"] > 0
