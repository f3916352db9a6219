"""Who asks for a segmentation is answered by what was worked out since, not by what was on its way."""

import asyncio
import threading
import uuid
from pathlib import Path

from pointillist.core.marks import Points
from pointillist.web.events import Add
from pointillist.web.live import Live, Segmentation
from pointillist.web.project import Project
from tests.web.app import plain_folder


class Held(Live):
    """Keeps what it has found to itself until it is let go."""

    def __init__(self, project: Project) -> None:
        self.looked, self.let_go = threading.Event(), threading.Event()
        super().__init__(project)

    def segment(self, name: str) -> Segmentation | None:
        found = super().segment(name)
        self.looked.set()
        assert self.let_go.wait(60)
        return found


def click(project: Project, name: str, label: int) -> int:
    mark = Points(label=label, at=((10.0, 5.0 + 20 * label),))
    return project.store.append(name, "tab", [Add(id=uuid.uuid4().hex, sequence=label, mark=mark)]).result()


def test_nothing_is_not_said_of_a_click_that_came_while_it_was_found(tmp_path: Path) -> None:
    project = Project(plain_folder(tmp_path / "mine"))
    live, name = Held(project), next(iter(project.splits))
    click(project, name, 0)

    async def ask() -> object:
        first = asyncio.ensure_future(live.segmentation(name, 1, 60))
        await asyncio.to_thread(live.looked.wait, 60)
        second = asyncio.ensure_future(live.segmentation(name, click(project, name, 1), 60))
        await asyncio.sleep(0)  # It has asked, and waits.
        live.let_go.set()
        _, found = await asyncio.gather(first, second)
        return found

    try:
        found = asyncio.run(ask())
        assert isinstance(found, Segmentation)
        assert found.revision == 2
    finally:
        live.let_go.set()
        live.close()
        project.store.close()
