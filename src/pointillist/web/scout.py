"""What is worked out while nobody clicks: the network's answers, how good all is, and where to look next."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from pointillist.core.errors import InputError
from pointillist.web.gauge import Gauge, Labelled, gauge
from pointillist.web.live import Live
from pointillist.web.network import Network
from pointillist.web.project import Project
from pointillist.web.training import News, Training

LOG = logging.getLogger(__name__)
QUIET_S = 1.0
"""After the last click or look, so long nothing is worked out: clicks come first."""
REST_S = 60.0
"""After so long nobody may come back within the second that a look for garbage takes at most."""
PAUSE_S = 0.2
GIVES_WAY = 10
"""So much nicer is what is worked out in the quiet; the threads that it begins inherit it."""
READING_S = 1.0
"""So long images are read at a time that were drawn on before, until what is shown learns from them."""
PATIENCE_S = 15.0
"""After so long without a quiet moment it works all the same: of several people, one always clicks."""


class Scout:
    """Works in a thread of its own, in small pieces, and stops between them as soon as someone clicks.

    In this order: a new network is loaded; it is asked for the image that is looked at; what was drawn before
    the server began is read; held-out marks tell what is best shown and whether more marks are worth it;
    every image is segmented once, to know where a click would help most.

    Args:
        project: its images and marks.
        live: the segmenter.
        training: whose networks are used; begun again from here.
        tell: told of news; called from the thread.
    """

    def __init__(
        self, project: Project, live: Live, training: Training, tell: Callable[[News], None]
    ) -> None:
        self.project, self.live, self.training, self.tell = project, live, training, tell
        self.gauge: Gauge | None = None
        self.doubts: dict[str, float] = {}
        self._to_scan = deque(project.splits)
        self._scanned: dict[str, tuple[int, Path | None]] = {}
        self._gauged: tuple[int, Path | None] = (-1, None)
        self._refused: Path | None = None
        self._looked: tuple[str, Path] | None = None
        self._logged: set[str] = set()
        self._worked_at, self._overdue = time.monotonic(), False
        self._tidied_at = 0.0
        self._ended = threading.Event()
        self._settling = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="scout", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End after the piece that is being worked on."""
        self._ended.set()
        self._thread.join()

    def settle(self) -> None:
        """Load the newest network and find out what is best shown, now."""
        with self._settling:
            with self._surviving("load the trained network"):
                list(self._load())
            with self._surviving("judge by held-out marks"):
                self.live.catch_up(lambda: True)
                list(self._judge(lambda: True))

    @property
    def news(self) -> News:
        """What held-out marks say, for a page that has just come; empty: nothing yet."""
        return {} if self.gauge is None else {"type": "gauge", **asdict(self.gauge)}

    def _work(self) -> None:
        _give_way()
        while not self._ended.wait(PAUSE_S):
            began = time.monotonic()
            self._overdue = began - self._worked_at > PATIENCE_S
            if not self._quiet():
                continue
            with self._settling, self._surviving("work in the quiet"):
                next(self._pieces(), None)
            self._worked_at = time.monotonic()
            # Half of the time is left to others, a training among them.
            self._ended.wait(min(2.0, time.monotonic() - began))

    def _quiet(self) -> bool:
        if self._ended.is_set():
            return False
        return self._overdue or time.monotonic() - self.live.asked_at > QUIET_S

    def _pieces(self) -> Iterator[None]:
        for doing, pieces in (
            ("load the trained network", self._load()),
            ("ask the network", self._look()),
            ("read what was drawn", self._catch_up()),
            ("judge by held-out marks", self._judge(self._quiet)),
            ("train again", self._train()),
            ("look through the images", self._scan()),
            ("take the garbage out", self._tidy()),
        ):
            # What fails keeps nobody from the rest.
            with self._surviving(doing):
                yield from pieces

    @contextmanager
    def _surviving(self, doing: str) -> Iterator[None]:
        """Go on whatever happens: it is told once in the log, but not of an image that can't be read."""
        try:
            yield
        except InputError:
            pass
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            told = f"The annotator could not {doing} ({what}). It goes on with the rest."
            if told not in self._logged:
                self._logged.add(told)
                LOG.warning(told)

    def _state(self) -> tuple[int, Path | None]:
        """Name the marks and the network that an answer rests on."""
        newest, network = self.project.store.newest(), self.live.network
        return newest, None if network is None else network.run

    def _load(self) -> Iterator[None]:
        newest, network = self.training.model, self.live.network
        if newest is None or newest == self._refused or (network is not None and network.run == newest):
            return
        self._refused = newest  # Once is enough, whatever becomes of it.
        try:
            self.live.network = Network(self.project, newest)
        except InputError as error:
            self.tell({"type": "notice", "message": f"The trained network can't be used: {error}"})
        yield

    def _look(self) -> Iterator[None]:
        name, network = self.live.viewed, self.live.network
        if name is None or network is None or network.kept(name) is not None:
            return
        if self._looked != (name, network.run):
            self._looked = name, network.run
            self._ask(name)
            self.tell({"type": "segmentation", "image": self.project.key(name)})
            yield

    def _ask(self, name: str) -> None:
        found = self.live.found.get(name) or self.live.renew(name)
        if self.live.network is not None and found is not None:
            self.live.network.probs(name, *found.labels.shape)

    def _catch_up(self) -> Iterator[None]:
        until = time.monotonic() + READING_S
        read = self.live.catch_up(lambda: self._quiet() and time.monotonic() < until)
        viewed = self.live.viewed
        if viewed is not None and any(name != viewed for name in read):  # It can be shown better now.
            self.tell({"type": "segmentation", "image": self.project.key(viewed)})
        for name in self.project.pictures.broken.keys() & read:
            self.tell({"type": "notice", "message": f"{name}: {self.project.pictures.broken[name]}"})
        if time.monotonic() >= until:  # More is left.
            yield

    def _judge(self, going: Callable[[], bool]) -> Iterator[None]:
        state = self._state()
        if state == self._gauged or not state[0]:
            return
        labelled: list[Labelled] = []
        # In the order in which they were worked on.
        for name, revision in reversed(self.live.teaching().items()):
            if not going():
                return
            with self._surviving(f"read the marks on {name}"):
                labelled.append(self.live.labelled(name, revision))
        before, self._gauged = self._gauged, state
        classes = len(self.project.data.classes)
        found = gauge(labelled, self.live.learn, classes, going)
        if found is None:
            self._gauged = before
            return
        changed = found.source != self.live.source
        self.gauge, self.live.source = found, found.source
        self.tell(self.news)
        if changed and self.live.viewed is not None:
            self.tell({"type": "segmentation", "image": self.project.key(self.live.viewed)})
        yield

    def _train(self) -> Iterator[None]:
        if self.training.start_again():
            yield

    def _scan(self) -> Iterator[None]:
        state = self._state()
        if not state[0] or not self._quiet():
            return
        # Those looked at longest ago stand in front.
        if not self._to_scan or self._scanned.get(name := self._to_scan[0]) == state:
            return
        self._scanned[name] = state
        self._to_scan.rotate(-1)
        found = None
        with self._surviving(f"look at {name}"):
            self.project.pictures.size(name)  # One whose header is broken is not shown from now on.
            self._ask(name)
            found = self.live.renew(name)
        if found is None:
            self.doubts.pop(name, None)
        else:
            self.doubts[name] = float(found.doubt.mean())
        if self._scanned.get(self._to_scan[0]) == state:
            self.tell({"type": "scanned"})
        yield

    def _tidy(self) -> Iterator[None]:
        asked = self.live.asked_at
        if asked > self._tidied_at and time.monotonic() - asked > REST_S:
            self._tidied_at = asked
            gc.collect()  # What is not looked for while someone clicks (`garbage.py`).
            yield


def _give_way() -> None:
    """Let all others go first from now on: a click's answer must not wait for what is overdue."""
    if sys.platform == "linux":  # Elsewhere a priority is of the whole process.
        os.nice(GIVES_WAY)
