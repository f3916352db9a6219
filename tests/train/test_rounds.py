"""Rounds of training on a run's own predictions: what is kept, what wins, when they end, and being killed."""

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointillist.annotate import Boxes, Density, Full, Mixed, PointsAnnotator
from pointillist.core.annotation import Annotation, read_annotation, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.marks import Points
from pointillist.core.shapes import IGNORE
from pointillist.data.resample import Size
from pointillist.datasets import Folder
from pointillist.losses import BoxTightness, Consistency, CrossEntropy
from pointillist.train import rounds
from pointillist.train.evaluate import load_trained
from pointillist.train.loop import Options, train
from pointillist.train.relabel import Relabel
from pointillist.train.rounds import relabelled, train_rounds, trusted_labels
from pointillist.train.run import Run
from pointillist.train.store import read_model, read_run
from pointillist.train.supervise import supervised
from pointillist.train.teacher import MeanTeacher
from pointillist.train.term import Term
from tests.datasets.trees import draw_folder
from tests.train.small import CPU, Silent, small_run, train_small
from tests.train.test_loop import KilledError, Killer, weights

DATA = small_run().data.model_copy(update={"size": (16, 20), "train": 4, "val": 1})
PLAN = Relabel(rounds=2, confidence=0.5, settled=0.0)
ONCE = PLAN.model_copy(update={"rounds": 1})
NOTHING = Known.nothing(3, 4, 4)


def round_run(plan: Relabel = PLAN, **changes: Any) -> Run:
    return small_run(**{"data": DATA, "relabel": plan, "epochs": 2, "select": "last", **changes})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Silent]:
    """Train the default once for all tests that only look."""
    folder = tmp_path_factory.mktemp("rounds")
    return folder, train_small(round_run(), folder)


def probs_of(rows: str, sure: float = 0.9) -> np.ndarray:
    prediction = np.array([list(map(int, row)) for row in rows.split()])
    probs = np.full((3, *prediction.shape), (1 - sure) / 2)
    np.put_along_axis(probs, prediction[None], sure, axis=0)
    return probs


def drawn(labels: np.ndarray) -> str:
    return " ".join("".join("." if v == IGNORE else str(v) for v in row) for row in labels)


def test_what_is_not_sure_is_left_unlabelled_and_what_is_known_wins() -> None:
    probs = probs_of("0011 0011 0000 2222")
    probs[:, 1] = 1 / 3
    labels = NOTHING.labels.copy()
    labels[0, 0], labels[1, 3], labels[3, 3] = 1, 2, 2
    kept = trusted_labels(probs, replace(NOTHING, labels=labels), PLAN)
    assert drawn(kept) == "1011 ...2 0000 2222"
    assert kept.dtype == np.uint8


def test_a_class_that_is_absent_is_not_learnt() -> None:
    known = replace(NOTHING, tags=np.array([IGNORE, 1, 0], np.uint8))
    assert drawn(trusted_labels(probs_of("0011 0011 0000 2222"), known, PLAN)) == "0011 0011 0000 ...."


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1110 1110 0000 0000", "1110 1110 0000 0000"),  # 2 x 3 of 3 x 3.
        ("1100 1100 0000 0000", "...0 ...0 ...0 0000"),  # 2 x 2 of 3 x 3.
        ("1000 0100 0010 0000", "1000 0100 0010 0000"),  # Its ends touch all sides.
        ("1000 0000 0010 0000", "...0 ...0 ...0 0000"),  # Two stray pixels.
        ("1110 1110 0000 0001", "1110 1110 0000 000."),  # There is no box around the last.
        ("0000 0000 0000 0000", "...0 ...0 ...0 0000"),
        ("2220 2220 2220 0000", "...0 ...0 ...0 0000"),
    ],
)
def test_an_object_that_does_not_fill_its_box_is_left_unlabelled(rows: str, expected: str) -> None:
    known = replace(NOTHING, boxes=np.array([[1, 0, 0, 3, 3]]))
    assert drawn(trusted_labels(probs_of(rows), known, PLAN)) == expected


def test_boxes_are_judged_apart_in_any_order() -> None:
    boxes = np.array([[1, 0, 0, 4, 2], [1, 0, 1, 2, 4]])
    for rows in (boxes, boxes[::-1].copy()):
        kept = trusted_labels(probs_of("0111 0111 0000 0000"), replace(NOTHING, boxes=rows), PLAN)
        assert drawn(kept) == "..11 ..11 ..00 ..00"


def test_a_click_in_an_object_that_was_missed_stays() -> None:
    labels = NOTHING.labels.copy()
    labels[1, 1] = 1
    known = replace(NOTHING, labels=labels, boxes=np.array([[1, 0, 0, 3, 3]]))
    assert drawn(trusted_labels(probs_of("0000 0000 0000 0000"), known, PLAN)) == "...0 .1.0 ...0 0000"


def test_each_round_lies_in_a_folder_and_the_whole_is_a_run(whole: tuple[Path, Silent]) -> None:
    folder, watch = whole
    names = {path.name for path in folder.iterdir()}
    assert {"round-0", "round-1", "round-2", "labels-1", "labels-2", "run.json", "model"} <= names
    assert read_run(folder) == round_run()
    about = read_model(folder)[1]
    assert about["round"] == 2
    assert weights(folder) == weights(folder / "round-2")
    assert weights(folder / "round-1") != weights(folder / "round-2")
    assert about["annotation"]["train"]["seconds"] == pytest.approx(4 * 8.4)
    assert sum("of the labels changed" in message for message in watch.said) == 2
    assert read_run(folder / "round-1").supervise == PLAN.supervise
    assert load_trained(folder, CPU).run == round_run()


def test_it_is_told_of_the_whole_what_the_rounds_cost(whole: tuple[Path, Silent]) -> None:
    about, *rounds = (read_model(whole[0] / place)[1] for place in (".", "round-0", "round-1", "round-2"))
    assert about["environment"]["run"] == round_run().id
    spent = sum(each["environment"]["train_s"] for each in rounds)
    assert about["environment"]["train_s"] == pytest.approx(spent, abs=0.001)
    # People drew clicks; the label maps of the later rounds are no one's work.
    assert about["annotation"] == rounds[0]["annotation"] != rounds[2]["annotation"]


def test_labels_are_predicted_once_whatever_a_later_session_computes_in(whole: tuple[Path, Silent]) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole[0].glob("labels-*/*.json")}
    shutil.rmtree(whole[0] / "model")
    train(round_run(), whole[0], replace(CPU, bfloat16=True), Silent(), Options())
    assert {path: path.stat().st_mtime_ns for path in whole[0].glob("labels-*/*.json")} == before
    predicted = relabelled(round_run(), whole[0] / "round-0", replace(CPU, bfloat16=True))
    written = {name: supervised(read_run(whole[0] / "round-1"), name).labels for name in predicted}
    assert any((predicted[name] != labels).any() for name, labels in written.items())


def test_only_the_leading_process_predicts_and_decides(whole: tuple[Path, Silent], tmp_path: Path) -> None:
    folder = shutil.copytree(whole[0], tmp_path / "run")
    for name in ("model", "labels-2"):
        shutil.rmtree(folder / name)
    said: list[str] = []
    trained: list[Path] = []
    follower = replace(CPU, rank=1)
    train_rounds(round_run(), folder, follower, said.append, lambda _, place: trained.append(place))
    assert [place.name for place in trained] == ["round-0", "round-1", "round-2"]
    assert said == []
    assert not (folder / "labels-2").exists()
    assert not (folder / "model").exists()


def test_what_a_killed_writer_left_is_removed(whole: tuple[Path, Silent]) -> None:
    shutil.rmtree(whole[0] / "model")
    leftover = whole[0] / ".0123456789ab.tmp"
    leftover.mkdir()
    train_small(round_run(), whole[0])
    assert not leftover.exists()


@pytest.mark.parametrize(
    ("losses", "kept"), [((CrossEntropy(),), False), ((CrossEntropy(), Consistency()), True)]
)
def test_a_teacher_stays_where_a_later_term_listens(tmp_path: Path, losses: Any, kept: bool) -> None:
    plan = ONCE.model_copy(update={"supervise": tuple(Term(loss=loss) for loss in losses)})
    terms = (Term(loss=CrossEntropy()), Term(loss=Consistency()))
    train_small(round_run(plan, teacher=MeanTeacher(), supervise=terms, epochs=1), tmp_path)
    assert read_run(tmp_path / "round-0").teacher == MeanTeacher()
    assert (read_run(tmp_path / "round-1").teacher is not None) == kept


def test_the_first_round_is_the_run_without_rounds(whole: tuple[Path, Silent], tmp_path: Path) -> None:
    train_small(round_run().model_copy(update={"relabel": None}), tmp_path)
    assert weights(whole[0] / "round-0") == weights(tmp_path)


@pytest.mark.parametrize("where", [("round-0", 2), ("round-2", 3)])
def test_killed_and_typed_again_it_ends_bit_for_bit_the_same(
    whole: tuple[Path, Silent], tmp_path: Path, where: tuple[str, int]
) -> None:
    class InRound(Killer):
        def begin(self, total_steps: int, done: int) -> None:
            self.rounds = getattr(self, "rounds", -1) + 1
            self.at = where[1] if f"round-{self.rounds}" == where[0] else 10**9

    with contextlib.suppress(KilledError):
        train(round_run(), tmp_path, CPU, InRound(0), Options(save_every_s=0.0))
    assert not (tmp_path / "model").exists()
    assert read_run(tmp_path) == round_run()
    watch = train_small(round_run(), tmp_path)
    assert weights(tmp_path) == weights(whole[0])
    assert read_model(tmp_path)[1]["history"] == read_model(whole[0])[1]["history"]
    finished = [m for m in watch.said if "is finished already" in m]
    assert len(finished) == int(where[0][-1])


def test_killed_between_two_rounds_it_goes_on_there(whole: tuple[Path, Silent]) -> None:
    folder, before = whole[0], weights(whole[0])
    for name in ("model", "round-2"):
        shutil.rmtree(folder / name)
    (folder / "labels-2" / "train-00003.json").unlink()
    watch = train_small(round_run(), folder)
    assert weights(folder) == before
    assert f"{folder / 'round-1'} is finished already: nothing to train." in watch.said


@pytest.mark.parametrize("step", [1, 4], ids=["in a round", "between rounds"])
def test_cut_and_moved_elsewhere_it_goes_on_there(
    whole: tuple[Path, Silent], tmp_path: Path, step: int
) -> None:
    class InTheFirstRound(Killer):
        """Kills the first round after the one that every run begins with."""

        def begin(self, total_steps: int, done: int) -> None:
            self.rounds = getattr(self, "rounds", -1) + 1

        def step(self, step: int, losses: dict[str, float], images: int) -> None:
            if self.rounds == 1:
                super().step(step, losses, images)

    with contextlib.suppress(KilledError):
        train(round_run(), tmp_path / "there", CPU, InTheFirstRound(step), Options(save_every_s=0.0))
    assert (tmp_path / "there" / "round-1" / "run.json").is_file()
    (tmp_path / "there").rename(tmp_path / "here")
    train_small(round_run(), tmp_path / "here")
    assert weights(tmp_path / "here") == weights(whole[0])


def test_a_finished_run_is_left_alone_and_another_is_refused(whole: tuple[Path, Silent]) -> None:
    folder, before = whole[0], weights(whole[0])
    watch = train_small(round_run(), folder)
    assert watch.steps == []
    assert f"{folder} is finished already: nothing to train." in watch.said
    assert weights(folder) == before
    for other in (round_run(seed=1), round_run(PLAN.model_copy(update={"rounds": 3})), small_run()):
        with pytest.raises(InputError, match="the folder must hold run"):
            train_small(other, folder)


def test_data_that_changed_since_is_refused(tmp_path: Path) -> None:
    data, files = DATA, tmp_path / "drawn"
    for split in ("train", "val"):
        for sample in data.samples(split):
            clicks = PointsAnnotator().annotate(sample, data.classes, seed=0)
            write_annotation(files / f"{sample.name}.json", clicks)
    run = round_run(ONCE, annotate=None, annotations=files)
    train_small(run, tmp_path / "run")
    sample = data.read("train-00001")
    write_annotation(files / "train-00001.json", PointsAnnotator().annotate(sample, data.classes, seed=1))
    with pytest.raises(InputError, match="must be those that the run began with"):
        train_small(run, tmp_path / "run")


def test_what_is_refused_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one training image must be annotated"):
        train_small(round_run(annotate=None), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_rounds_end_when_hardly_a_label_changes(tmp_path: Path) -> None:
    watch = train_small(round_run(Relabel(rounds=5, settled=1.0, confidence=0.5)), tmp_path)
    assert sum("of the labels changed" in message for message in watch.said) == 1
    assert read_model(tmp_path)[1]["round"] == 1
    assert not (tmp_path / "round-2").exists()


def test_a_round_that_meets_the_held_out_clicks_less_well_is_not_kept(tmp_path: Path) -> None:
    # Later rounds learn the opposite: every term weighs nothing, so the weights stay random.
    idle = Relabel(rounds=3, confidence=0.5, supervise=(Term(loss=CrossEntropy(), weight=0),))
    data = small_run().data.model_copy(update={"train": 8, "val": 4})
    run = round_run(idle, data=data, epochs=25, select="held-out", learning_rate=0.01, average=0.5)
    watch = train_small(run, tmp_path)
    assert watch.said[-1] == ("Round 1 meets the held-out annotations less well than round 0, which is kept.")
    assert read_model(tmp_path)[1]["round"] == 0
    assert weights(tmp_path) == weights(tmp_path / "round-0")
    assert not (tmp_path / "round-2").exists()


def test_the_next_round_learns_predictions_under_the_clicks_and_validation_stays(tmp_path: Path) -> None:
    run = round_run(ONCE, annotate=Mixed(of=((PointsAnnotator(positive=3, negative=3), 0.6),)))
    train_small(run, tmp_path)
    later = read_run(tmp_path / "round-1")
    maps = relabelled(run, tmp_path / "round-0", CPU)
    empty = 0
    for name in run.data.names("train"):
        before, after = supervised(run, name), supervised(later, name)
        assert np.array_equal(after.labels, maps[name])
        clicked = before.labels != IGNORE
        assert np.array_equal(after.labels[clicked], before.labels[clicked])
        assert after.seconds == before.seconds
        empty += not clicked.any()
    assert 0 < empty < 4
    for name in run.data.names("val"):
        before, after = supervised(run, name), supervised(later, name)
        assert np.array_equal(after.labels, before.labels)
        assert before.annotation is None or after.annotation == before.annotation


def test_marks_of_all_kinds_are_kept_for_the_later_rounds(tmp_path: Path) -> None:
    plan = Relabel(rounds=1, confidence=0.5, supervise=(Term(loss=CrossEntropy()), Term(loss=BoxTightness())))
    run = round_run(plan, annotate=Boxes(), supervise=plan.supervise)
    watch = train_small(run, tmp_path)
    for name in run.data.names("train"):
        before = supervised(run, name)
        assert before.annotation is not None
        marks = read_annotation(tmp_path / "labels-1" / f"{name}.json").marks
        assert marks[-len(before.annotation.marks) :] == before.annotation.marks
        after = supervised(read_run(tmp_path / "round-1"), name)
        assert np.array_equal(after.known.boxes, before.known.boxes)
        outside = before.labels == 0
        assert (after.labels[outside] == 0).all()
    assert watch.records[-1]["loss/box-tightness"] > 0


def test_annotations_drawn_at_another_size_are_kept_at_theirs(tmp_path: Path) -> None:
    data, files = DATA, tmp_path / "drawn"
    for split in ("train", "val"):
        for name in data.names(split):
            marks = (Points(label=1, at=((32.0, 40.0),)), Points(label=0, at=((2.0, 2.0),)))
            clicks = Annotation(name=name, height=64, width=80, classes=data.classes, marks=marks)
            write_annotation(files / f"{name}.json", clicks)
    run = round_run(ONCE, annotate=None, annotations=files)
    train_small(run, tmp_path / "run")
    maps = relabelled(run, tmp_path / "run" / "round-0", CPU)
    later = read_run(tmp_path / "run" / "round-1")
    for name in data.names("train"):
        after = supervised(later, name)
        assert after.annotation is not None
        assert (after.annotation.height, after.annotation.width) == (64, 80)
        assert np.array_equal(after.labels, maps[name])
        assert after.labels[8, 10] == 1


@pytest.mark.parametrize("size", [32, (24, 24)], ids=["smaller", "of another shape"])
def test_a_folder_with_masks_clicks_and_nothing_learns_in_rounds(tmp_path: Path, size: Size) -> None:
    data = Folder(root=draw_folder(tmp_path / "data"), size=size)
    run = round_run(Relabel(confidence=0.55), data=data, annotate=None, use_masks=True, batch=4)
    train_small(run, tmp_path / "run")
    maps, later = relabelled(run, tmp_path / "run" / "round-0", CPU), read_run(tmp_path / "run" / "round-1")
    for name, labels in maps.items():
        item = supervised(later, name)
        region = item.sample.region if item.sample.region is not None else np.ones(labels.shape, bool)
        # Kept at the file's size and shrunk again, what is unlabelled stays so.
        assert np.array_equal(item.labels, np.where(region, labels, IGNORE))
        assert (labels == IGNORE).any()


@pytest.mark.parametrize("annotate", [Full(), Density(probability=0.2)])
def test_what_is_labelled_already_stays(tmp_path: Path, annotate: Any) -> None:
    run = round_run(ONCE, annotate=annotate)
    watch: Silent = train_small(run, tmp_path)
    if annotate.kind == "full":
        assert "Round 1: 0.000 of the labels changed." in watch.said
    later = read_run(tmp_path / "round-1")
    for name in run.data.names("train"):
        before, after = supervised(run, name).labels, supervised(later, name).labels
        assert np.array_equal(after[before != IGNORE], before[before != IGNORE])


def test_rounds_are_compared_by_the_weights_that_they_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def history(*scores: tuple[float, int]) -> list[dict[str, float]]:
        return [{"held_out/dice": dice, "held_out/likelihood": 0.0, "kept": kept} for dice, kept in scores]

    told = {"round-0": history((0.7, 1), (0.8, 1)), "round-1": history((0.9, 1), (0.75, 1), (0.7, 0))}
    monkeypatch.setattr(rounds, "read_model", lambda folder: ({}, {"history": told[folder.name]}))
    assert rounds._worse(Path("run"), 1), "it was better once, but kept what came later"
    told["round-1"].append(*history((0.81, 1)))
    assert not rounds._worse(Path("run"), 1)
