"""A training begins by itself where that is wanted and enough is new, and ends with whoever began it."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointillist.core.marks import Points
from pointillist.web.events import Add
from pointillist.web.project import Project
from pointillist.web.training import FEWEST_NEW, Training
from tests.web.app import plain_folder


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    found = Project(plain_folder(tmp_path / "mine"))
    yield found
    found.store.close()


def draw(project: Project, names: list[str], clicks: int) -> None:
    for name in names:
        for number in range(clicks):
            mark = Points(label=number % 2, at=((float(number % 8), 3.0),))
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


def test_marks_on_held_out_images_alone_begin_none(project: Project) -> None:
    training = Training(project, lambda _: None)
    training.again = True
    held_out = [name for name in project.splits if name not in project.data.names("train")]
    draw(project, held_out, FEWEST_NEW)
    assert not training.start_again()
    assert not training.running
