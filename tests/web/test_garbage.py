"""Nobody waits while Python looks through all objects for garbage: it does so in the quiet."""

import gc
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest

from pointillist.web import scout as scouting
from pointillist.web.live import Live
from pointillist.web.project import Project
from pointillist.web.scout import Scout
from pointillist.web.training import Training
from tests.web.app import plain_folder, until

PROBE = """
import gc
from pointillist.web import garbage, server
looks = []
gc.callbacks.append(lambda phase, about: looks.append(about["generation"]))
garbage.keep_garbage_for_later()
looks.clear()
kept = [[] for _ in range(1_000_000)]
print(gc.get_freeze_count(), looks.count(0), looks.count(2))
"""


class Circle:
    """Refers to itself, so that it stays until someone looks for it."""

    def __init__(self) -> None:
        self.me = self


def test_l03_a_million_new_objects_are_no_reason_to_look_through_all() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    stay, young, all_of_them = map(int, done.stdout.split())
    assert stay > 10_000, "what is imported is never looked at again"
    assert young > 100
    assert all_of_them == 0


def test_what_lies_in_a_circle_goes_once_nobody_has_clicked_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scouting, "REST_S", 0.0)
    project = Project(plain_folder(tmp_path / "mine"))
    live = Live(project)
    gc.disable()
    scout = Scout(project, live, Training(project, lambda news: None), lambda news: None)
    try:
        circle = weakref.ref(Circle())
        time.sleep(0.5)
        assert circle() is not None, "nobody has clicked yet, so nothing has changed"
        live.note(1)
        until(lambda: circle() is None)
    finally:
        gc.enable()
        scout.close()
        live.close()
        project.store.close()
