"""What is worked out in the quiet goes on, whatever one image or one piece of it does."""

import logging
import os
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointillist.core.marks import Points
from pointillist.web.events import Add
from pointillist.web.gauge import Labelled
from pointillist.web.guidance import most_useful
from pointillist.web.live import Live, Segmentation
from pointillist.web.project import Project
from pointillist.web.scout import GIVES_WAY, LOG, Scout
from pointillist.web.training import News, Training
from tests.web.app import plain_folder, until


class Stumbling(Live):
    """Stumbles over one image, as a decoder without memory would."""

    bad = ""

    def renew(self, name: str) -> Segmentation | None:
        if name == self.bad:
            raise RuntimeError("no room")
        return super().renew(name)

    def labelled(self, name: str, revision: int) -> Labelled:
        if name == self.bad:
            raise MemoryError
        return super().labelled(name, revision)


class Failing(Training):
    """Cannot begin: the disk is full."""

    def start_again(self) -> bool:
        raise OSError("no space left")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    found = Project(plain_folder(tmp_path / "mine"))
    for name in list(found.splits)[:7]:
        for number in range(2):
            mark = Points(label=number, at=((10.0, 5.0 + 20 * number),))
            found.store.append(name, "tab", [Add(id=uuid.uuid4().hex, sequence=number, mark=mark)]).result()
    yield found
    found.store.close()


def test_it_survives_what_nobody_expected_and_goes_on_with_the_rest(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    live = Stumbling(project)
    live.bad = next(iter(project.splits))
    live.viewed = live.bad
    told: list[News] = []
    with caplog.at_level(logging.WARNING, LOG.name):
        scout = Scout(project, live, Failing(project, told.append), told.append)
        try:
            others = set(project.splits) - {live.bad}
            until(lambda: set(scout.doubts) == others)
            assert scout.gauge is not None
            assert scout.gauge.images == 6, "of the seven that have marks"
            mark = Points(label=1, at=((12.0, 5.0),))
            project.store.append(live.bad, "tab", [Add(id=uuid.uuid4().hex, sequence=9, mark=mark)]).result()
            began = scout.gauge
            until(lambda: scout.gauge is not began)
            assert scout.gauge is not None
        finally:
            scout.close()
            live.close()
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == len(set(messages)), "each is told once"
    for words in (
        f"could not look at {live.bad} (RuntimeError: no room). It goes on with the rest.",
        f"could not read the marks on {live.bad} (MemoryError: ).",
        "could not train again (OSError: no space left).",
    ):
        assert sum(words in message for message in messages) == 1, messages
    assert len(messages) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")
def test_it_gives_way_to_what_a_click_waits_for(project: Project) -> None:
    niceness: list[int] = []

    class Asked(Live):
        def labelled(self, name: str, revision: int) -> Labelled:
            niceness.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            return super().labelled(name, revision)

    live, before = Asked(project), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    scout = Scout(project, live, Training(project, lambda news: None), lambda news: None)
    try:
        live.note(max(project.store.revisions().values()))
        until(lambda: bool(niceness))
    finally:
        scout.close()
        live.close()
    assert set(niceness) == {min(19, before + GIVES_WAY)}
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


def test_while_nothing_is_doubted_the_image_with_the_fewest_marks_is_the_most_useful(
    project: Project,
) -> None:
    first, *others = project.splits
    bare = [name for name in others if name not in project.store.counts()]
    assert most_useful(project, first, {}) == bare[0], "one without any"
    assert most_useful(project, bare[0], {}) == bare[1], "another than the one that is looked at"
    for name in project.splits:
        more = 1 if name in bare else 3
        for number in range(more):
            mark = Points(label=0, at=((3.0 + number, 4.0),))
            project.store.append(name, "tab", [Add(id=uuid.uuid4().hex, sequence=number, mark=mark)]).result()
    assert most_useful(project, first, {}) == bare[0], "the fewest of all"
    project.pictures.broken[bare[0]] = "torn"
    assert most_useful(project, first, {}) == bare[1], "whatever can't be shown is passed over"
    project.pictures.broken.update(dict.fromkeys([*others], "torn"))
    assert most_useful(project, first, {}) == first, "there is no other"
    project.pictures.broken[first] = "torn"
    assert most_useful(project, first, {}) is None
