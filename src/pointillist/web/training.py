"""One training at a time, in a process of its own, that learns from all that was drawn."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from pointillist.annotate import Full
from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.marks import Dense
from pointillist.core.shapes import IGNORE
from pointillist.datasets import Folder
from pointillist.train.describe import default_run
from pointillist.train.recipe import apply_recipe
from pointillist.train.run import Run
from pointillist.train.start import read_start, start_at
from pointillist.train.store import read_model, read_run
from pointillist.web.project import Project

News = dict[str, Any]
FEWEST = 2
"""Annotated images below which a network is not trained."""
_NAME = re.compile(r"training-([0-9]+)")
_DECLARE = (
    "Add images, or say in pointillist.yaml which of yours train: "
    "split: {train: [a, b], val: [c], test: [d]}, each by its name."
)
MORE, FEWEST_NEW = 1.2, 10
"""A network is trained again by itself when there are so many times the marks, and at least so many more."""


class Training:
    """Trains a network on a project's annotations by the default recipe.

    Args:
        project: whose.
        tell: told of every epoch and of the end; called from another thread.

    Attributes:
        last: what was told last, for a page that comes later.
        number: of the training that began last; 0: none.
        again: whether another training begins by itself when enough has been drawn since the last.
    """

    def __init__(self, project: Project, tell: Callable[[News], None]) -> None:
        self.project, self.tell = project, tell
        self._process: subprocess.Popen[str] | None = None
        self._listener: threading.Thread | None = None
        self._cancelled = threading.Event()
        self._marks = 0
        self.number = 0
        self.again = False
        self.last = self._told_before()
        self._starting, self._telling = threading.Lock(), threading.Lock()

    @property
    def running(self) -> bool:
        """Whether a training goes on."""
        return self._process is not None and self._process.poll() is None

    @property
    def news(self) -> News:
        """What a page that has just come is told; also that there is none: it may wait for an earlier one."""
        none = {"type": "training", "state": "not started", "number": 0}
        return {**none, **self.last, "again": self.again}

    @property
    def model(self) -> Path | None:
        """The folder of the last training that ended well; None: there is none."""
        folders = sorted(self._numbers(), key=lambda folder: folder.stat().st_mtime)
        ended = [folder / "run" for folder in folders if (folder / "run" / "model").is_dir()]
        return ended[-1] if ended else None

    def _numbers(self) -> dict[Path, int]:
        """Give the folders of all trainings and their numbers; one of another name is someone's copy."""
        found = ((path, _NAME.fullmatch(path.name)) for path in self.project.home.glob("training-*"))
        return {path: int(match[1]) for path, match in found if match is not None}

    def start(self) -> None:
        """Begin a training on what is drawn now, from the start.

        Raises:
            InputError: one is going on, or too little is drawn.
        """
        self._start(goes_on=False)

    def _start(self, goes_on: bool) -> None:
        with self._starting:
            self._begin(goes_on)

    def _begin(self, goes_on: bool) -> None:
        if self.running:
            raise InputError("one training goes on at a time", "another", "Wait for it, or cancel it.")
        self._marks = self.project.store.marks()
        drawn = self._drawn()
        self._check_enough(drawn)
        number = 1 + max(self._numbers().values(), default=0)
        home = self.project.home / f"training-{number}"
        # Before anything is written: what another network has learnt from must stay as it is.
        home.mkdir()
        for annotation in drawn:
            write_annotation(home / "annotations" / f"{annotation.name}.json", annotation)
        run = self._describe(home / "annotations")
        run = self._gone_on(run) if goes_on else run
        told = [str(home / "run"), str(os.getpid())]
        command = [sys.executable, "-m", "pointillist.web.train_process", *told]
        # Of this training: the one before may still be telling its end.
        self._cancelled = threading.Event()
        # Its share of the cores: one stays for clicks.
        threads = str(max(1, (os.cpu_count() or 2) // 2))
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl+C is for the server, which ends this in its turn.
            process_group=0 if os.name == "posix" else None,
            env={**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
        )
        assert self._process.stdin is not None
        self._process.stdin.write(run.to_json())
        self._process.stdin.close()
        self.number = number
        whose = (self._process, number, self._cancelled)
        self._listener = threading.Thread(target=self._listen, args=whose, daemon=True)
        self._listener.start()

    def _check_enough(self, drawn: Sequence[Annotation]) -> None:
        """Refuse to train on next to nothing."""
        learnt = self.project.data.names("train")
        marked = {annotation.name: annotation for annotation in drawn}
        if (count := sum(name in marked for name in learnt)) < FEWEST:
            unreadable = self.project.skipped() | self.project.pictures.broken
            bare = [name for name in learnt if name not in marked and name not in unreadable]
            fix = "The others are held out for choosing and testing. "
            fix += f"Click on some of these: {', '.join(bare[:5])}." if bare else _DECLARE
            raise InputError(f"at least {FEWEST} training images must be annotated", str(count), fix)
        labelled: set[int] = set()
        for name in set(learnt) & marked.keys():
            labels = Known.from_annotation(marked[name], GLANCE, GLANCE).labels
            labelled |= set(np.unique(labels[labels != IGNORE]).tolist())
            # A box says what is outside; that its class is somewhere inside, too.
            labelled |= {mark.label for mark in marked[name].marks if not isinstance(mark, Dense)}
            if len(labelled) > 1:
                return
        found = " and ".join(self.project.data.classes[label] for label in labelled) or "none"
        fix = "Mark another class, too: background by a right click."
        raise InputError("marks on the training images must label two classes at least", found, fix)

    def _drawn(self) -> list[Annotation]:
        """Give what can be learnt from, and tell of what can't."""
        drawn, wrong = self.project.annotations(self.project.splits)
        skipped = self.project.skipped() | self.project.pictures.broken
        wrong |= {one.name: skipped[one.name] for one in drawn if one.name in skipped}
        if wrong:
            first = ": ".join(next(iter(wrong.items())))
            more = f" So are {len(wrong) - 1} more." if len(wrong) > 1 else ""
            self.tell({"type": "notice", "message": f"Left out of the training: {first}{more}"})
        return [one for one in drawn if one.name not in skipped]

    def start_again(self) -> bool:
        """Begin another training if that is wanted, none goes on and enough is new; say whether one began.

        It goes on from the last network, where that is of the same kind.
        """
        if not self.again or self.running:
            return False
        if self.project.store.marks() < max(self._marks * MORE, self._marks + FEWEST_NEW):
            return False
        try:
            self._start(goes_on=True)
        except InputError:  # What was drawn lies on images that are held out.
            return False
        return True

    def cancel(self) -> None:
        """Stop the training, if one goes on, and begin no other."""
        self.again = False
        if self._process is not None and self.running:
            self._cancelled.set()
            self._process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Stop, and wait until the end is told."""
        self.cancel()
        if self._listener is not None:
            self._listener.join()

    def _tell(self, number: int, news: News) -> None:
        with self._telling:
            # Nobody waits for the end of a training any more when the next has begun.
            if number == self.number:
                # Kept for pages that come later.
                self.last = {"type": "training", "again": self.again, "number": number, **news}
                self.tell(self.last)

    def _describe(self, annotations: Path) -> Run:
        # Of images without marks nothing is learnt here, and one that can't be read would end it all.
        bare = tuple(sorted(self.project.splits.keys() - {file.stem for file in annotations.iterdir()}))
        data = validated(Folder, {"root": self.project.data.root, "size": TRAINED_AT, "without": bare})
        return apply_recipe(default_run(data, Full(), annotations.absolute(), 0), "auto")[0]

    def _gone_on(self, run: Run) -> Run:
        """Let a run start from the network that was trained last, and be short; else give it as it is."""
        if (last := self.model) is None:
            return run
        try:
            changes = {"start": start_at(last), "epochs": ceil(run.epochs * SHORT)}
            short = run.model_copy(update={**changes, "learning_rate": run.learning_rate * SLOW})
            read_start(short, self.project.data.channels)
        except InputError:  # Of other classes, channels or layers, or damaged.
            return run
        return short

    def _told_before(self) -> News:
        """Give the end of the last training, which a server before this one may have told."""
        if (last := self.model) is None:
            return {}
        try:
            about = read_model(last)[1]
        except InputError:  # Whoever loads it says so.
            return {}
        history, epochs = about["history"], read_run(last).epochs
        scores = [[one["epoch"], one["held_out/dice"]] for one in history if "held_out/dice" in one]
        self.number = self._numbers()[last.parent]
        told = {"state": "done", "epoch": epochs, "epochs": epochs, "scores": scores, "number": self.number}
        return {"type": "training", "again": self.again, **told}

    def _listen(self, process: subprocess.Popen[str], number: int, cancelled: threading.Event) -> None:
        assert process.stdout is not None
        last: News = {}
        scores: list[tuple[int, float]] = []
        self._tell(number, {"state": "running"})
        for line in process.stdout:
            last = json.loads(line)
            if last["state"] == "running":
                score = last.pop("held_out", None)
                scores += [] if score is None else [(last["epoch"], score)]
                # All of them each time: a page that comes later draws the same curve.
                self._tell(number, {**last, "scores": list(scores)})
        process.stdout.close()
        code = process.wait()
        if cancelled.is_set():
            kept = {} if self.model is None else {"message": "the network trained before stays"}
            self._tell(number, {"state": "cancelled", "scores": scores, **kept})
        elif code == 0:
            self._tell(number, {**last, "state": "done", "scores": scores})
        else:
            message = last.get("message") or f"the training ended with code {code}"
            self._tell(number, {"state": "failed", "message": message, "scores": scores})


GLANCE = 64
"""Pixels of a side at which it is looked whether two classes are labelled."""
TRAINED_AT = 256
"""The longer side of the images that a network learns from: some minutes on two cores."""
SHORT, SLOW = 0.25, 0.5
"""Of the epochs and of the learning rate, where a training goes on from the last network."""
