"""A training begins by itself where that is wanted and enough is new, and ends with whoever began it."""

import os
import shutil
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.marks import Points
from pointillist.models import Unet
from pointillist.train.loop import train
from pointillist.train.run import Run
from pointillist.train.start import start_at
from pointillist.train.store import read_run
from pointillist.web.events import Add
from pointillist.web.network import Network
from pointillist.web.project import Project
from pointillist.web.training import FEWEST_NEW, News, Training
from tests.web.app import plain_folder
from tests.web.browser import draw_lesions


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    found = Project(plain_folder(tmp_path / "mine"))
    yield found
    found.store.close()


def draw(project: Project, names: list[str], clicks: int) -> None:
    for name in names:
        for number in range(clicks):
            mark = Points(label=number % 2, at=((float(number % 8), 3.0 + 20 * (number % 2)),))
            project.store.append(name, "tab", [Add(id=uuid.uuid4().hex, sequence=number, mark=mark)]).result()


def test_another_training_begins_only_where_it_is_wanted_and_enough_is_new(project: Project) -> None:
    training = Training(project, lambda _: None)
    learnt = list(project.data.names("train"))
    held_out = [name for name in project.splits if name not in learnt]
    draw(project, learnt[:2], 2)
    assert not training.start_again(), "nobody wants it"
    training.again = True
    assert not training.start_again(), "too little is new"
    draw(project, learnt, FEWEST_NEW)
    assert training.start_again()
    assert not training.start_again(), "one goes on"
    training.close()
    assert not training.running
    assert not training.again, "to cancel ends that, too"
    training.again = True
    draw(project, held_out[:1], FEWEST_NEW - 1)
    assert not training.start_again(), "hardly anything is new since the last began"


def test_three_images_with_marks_are_enough_to_train(tmp_path: Path) -> None:
    draw_lesions(tmp_path / "few", 3)
    project = Project(tmp_path / "few")
    draw(project, list(project.splits), 2)
    training = Training(project, lambda _: None)
    training.start()
    until(project.home / "training-1" / "run")
    training.close()
    project.store.close()


def test_what_to_do_names_no_image_that_has_marks(tmp_path: Path) -> None:
    draw_lesions(tmp_path / "few", 4)
    first, second, *others = (f"train-{number:05d}" for number in range(4))
    splits = f"{{train: [{first}, {second}], val: [{others[0]}], test: [{others[1]}]}}"
    (tmp_path / "few" / "pointillist.yaml").write_text(f"split: {splits}\n")
    project = Project(tmp_path / "few")
    training = Training(project, lambda _: None)
    draw(project, [first, *others], 2)
    with pytest.raises(InputError, match=f"Click on some of these: {second}\\."):
        training.start()
    project.pictures.broken[second] = "torn"
    with pytest.raises(InputError, match=r"say in pointillist\.yaml which of yours train"):
        training.start()
    project.store.close()
    splits = f"{{train: [{first}], val: [{others[0]}], test: [{second}, {others[1]}]}}"
    (tmp_path / "few" / "pointillist.yaml").write_text(f"split: {splits}\n")
    project = Project(tmp_path / "few")
    with pytest.raises(InputError, match=r"say in pointillist\.yaml which of yours train"):
        Training(project, lambda _: None).start()
    project.store.close()


def test_marks_on_held_out_images_alone_begin_none(project: Project) -> None:
    training = Training(project, lambda _: None)
    training.again = True
    held_out = [name for name in project.splits if name not in project.data.names("train")]
    draw(project, held_out, FEWEST_NEW)
    assert not training.start_again()
    assert not training.running


def until(folder: Path) -> Run:
    """Wait until a training has begun in its folder, and give what it trains."""
    for _ in range(3000):
        if (folder / "run.json").is_file():
            return read_run(folder)
        time.sleep(0.1)
    raise AssertionError(f"{folder} did not begin")


def until_scored(told: list[News]) -> None:
    """Wait until a training has told a held-out score, and what it told is stored."""
    for _ in range(3000):
        if any(news.get("scores") for news in told):
            return
        time.sleep(0.1)
    raise AssertionError("no score was told")


def test_a_cancelled_training_tells_the_page_and_nothing_in_the_terminal(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[News] = []
    training = Training(project, told.append)
    draw(project, [*project.data.names("train")[:2], *project.data.names("val")[:2]], 2)
    training.start()
    until_scored(told)
    assert training._process is not None
    assert os.getpgid(training._process.pid) != os.getpgid(0), "Ctrl+C ends it through the server alone"
    training.close()
    assert told[-1]["state"] == "cancelled"
    assert training._process.returncode == 128 + signal.SIGTERM
    assert capfd.readouterr().err == ""


def test_a_training_begun_right_after_another_was_cancelled_is_not_told_to_have_failed(
    project: Project,
) -> None:
    told: list[tuple[int, str]] = []
    go_on = threading.Event()

    def tell(news: News) -> None:
        told.append((news["number"], news["state"]))
        assert go_on.wait(600)

    training = Training(project, tell)
    draw(project, list(project.data.names("train")[:2]), 2)
    training.start()
    first = training._listener
    assert first is not None
    assert training._process is not None
    training.cancel()
    training._process.wait()
    training.start()
    go_on.set()
    first.join()
    training.close()
    assert told == [(1, "running"), (2, "running"), (2, "cancelled")]


def end_quickly(run: Run, folder: Path) -> None:
    """Stand a network that is hardly trained in for one whose training was begun."""
    shutil.rmtree(folder)
    train(run.model_copy(update={"epochs": 1, "data": run.data.model_copy(update={"size": 32})}), folder)


def test_a_training_that_begins_by_itself_goes_on_from_the_last_network(project: Project) -> None:
    told: list[News] = []
    training = Training(project, told.append)
    assert training.last == {}
    learnt = list(project.data.names("train"))
    draw(project, [*learnt[:2], *project.data.names("val")[:2]], 2)
    first, second, third = (project.home / f"training-{number}" / "run" for number in (1, 2, 3))
    training.start()
    run = until(first)
    until_scored(told)
    training.close()
    assert run.start is None
    assert told[-1]["state"] == "cancelled"
    assert training.last["scores"] == told[-2]["scores"] != [], "a page may come later"
    end_quickly(run, first)
    again = Training(project, lambda _: None)
    assert again.last["state"] == "done", "a server begun again knows of the network, and how good it was"
    assert [epoch for epoch, _ in again.last["scores"]] == [again.last["epochs"]] == [1]
    taken_back = project.annotation(learnt[0])

    training.again = True
    draw(project, learnt, FEWEST_NEW)
    assert training.start_again()
    later = until(second)
    training.close()
    assert later.start == start_at(first)
    assert later.epochs < run.epochs / 3
    assert later.learning_rate < run.learning_rate
    end_quickly(later, second)
    write_annotation(second.parent / "annotations" / f"{learnt[0]}.json", blank(taken_back))
    network = Network(project, second)
    places = np.array([[0, 3], [1, 23], [20, 20]])
    assert network.fresh(learnt[0], places, (40, 50)).tolist() == [False, False, True], (
        "the first has learnt it"
    )

    training.start()
    assert until(third).start is None, "who presses the button trains from the start"
    training.close()


def test_trainings_may_be_copied_and_deleted_by_hand(project: Project) -> None:
    learnt = list(project.data.names("train"))
    draw(project, learnt[:2], 2)
    training = Training(project, lambda _: None)
    kept = project.home / "training-2"
    training.start()
    run = until(project.home / "training-1" / "run")
    training.close()
    end_quickly(run, project.home / "training-1" / "run")
    (project.home / "training-1").rename(kept)
    shutil.copytree(kept, project.home / "training-2-good")
    os.utime(project.home / "training-2-good")

    again = Training(project, lambda _: None)
    assert (again.number, again.model) == (2, kept / "run"), "the copy is whoever made it's"
    before = {path.name: path.read_bytes() for path in (kept / "annotations").iterdir()}
    draw(project, learnt, 2)
    again.start()
    until(project.home / "training-3" / "run")
    again.close()
    assert {path.name: path.read_bytes() for path in (kept / "annotations").iterdir()} == before


def test_a_page_that_comes_later_knows_what_was_wished_since_the_last_news(project: Project) -> None:
    training = Training(project, lambda _: None)
    assert training.news == {"type": "training", "state": "not started", "number": 0, "again": False}
    training.again = True
    assert training.news["again"], "before any training"
    training.last = {"type": "training", "again": False, "number": 1, "state": "done"}
    assert training.news == {**training.last, "again": True}


def blank(annotation: Annotation | None) -> Annotation:
    assert annotation is not None
    return annotation.model_copy(update={"marks": ()})


def test_it_begins_anew_where_the_last_network_is_of_another_kind_or_damaged(project: Project) -> None:
    training = Training(project, lambda _: None)
    learnt = list(project.data.names("train"))
    draw(project, learnt[:2], 2)
    first = project.home / "training-1" / "run"
    training.start()
    run = until(first)
    training.close()
    end_quickly(run.model_copy(update={"model": Unet(widths=(4, 8))}), first)
    training.again = True
    draw(project, learnt, FEWEST_NEW)
    assert training.start_again()
    assert until(project.home / "training-2" / "run").start is None
    training.close()
    shutil.rmtree(project.home / "training-2")
    end_quickly(run, first)
    (first / "model" / "model.safetensors").write_bytes(b"x")
    training.again = True
    draw(project, learnt, 3 * FEWEST_NEW)
    assert training.start_again()
    assert until(project.home / "training-2" / "run").start is None
    training.close()
