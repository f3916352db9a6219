"""The network that was trained last: what it says of images, and which labels it has not learnt from."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from pointillist.core.annotation import read_annotation
from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE
from pointillist.data.resample import resized
from pointillist.propagate.feature_forest import Places
from pointillist.propagate.filters import Maps
from pointillist.train.device import find_device
from pointillist.train.evaluate import Trained, load_trained
from pointillist.train.store import read_run
from pointillist.web.project import Project

KEPT = 500
"""Images whose probabilities stay in memory, shrunk: some 150 KB each."""


class Network:
    """A trained network, asked once for each image.

    Args:
        project: whose images.
        run: its folder.

    Raises:
        InputError: the run is damaged, or was trained on other classes or channels.
    """

    def __init__(self, project: Project, run: Path) -> None:
        self.project, self.run = project, run
        self.trained: Trained = load_trained(run, find_device("auto", "cpu"))
        if self.trained.classes != project.data.classes:
            must = f"the network must know the classes {', '.join(project.data.classes)}"
            raise InputError(must, ", ".join(self.trained.classes), "Train again.")
        self._kept: OrderedDict[str, Maps] = OrderedDict()
        self._asking = threading.Lock()
        self._learnt = lru_cache(maxsize=KEPT)(self._learnt_labels)

    def kept(self, name: str) -> Maps | None:
        """Give the class probabilities of an image if it was asked before."""
        with self._asking:
            found = self._kept.get(name)
            return None if found is None else found.astype(np.float32)

    def probs(self, name: str, height: int, width: int) -> Maps:
        """Give the class probabilities of an image at this size.

        Raises:
            InputError: the image can't be read.
        """
        if (found := self.kept(name)) is None or found.shape[1:] != (height, width):
            whole = self.trained.probs_of(self.project.pictures.sample(name).image)
            found = resized(whole, height, width)
            with self._asking:
                self._kept[name] = found.astype(np.float16)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return found

    def fresh(self, name: str, places: Places, size: tuple[int, int]) -> Bool[np.ndarray, " n"]:
        """Say which pixels it has not seen a label of, in none of the trainings that went on from each other.

        Of a held-out image all count.

        Args:
            name: of the image.
            places: row and column of each pixel.
            size: of the image in which these count.
        """
        if self.project.splits[name] != "train" or (learnt := self._learnt(name, size)) is None:
            return np.ones(len(places), bool)
        unknown: np.ndarray = learnt[places[:, 0], places[:, 1]] == IGNORE
        return unknown

    def _learnt_labels(self, name: str, size: tuple[int, int]) -> np.ndarray | None:
        learnt = None
        for folder in self._lineage:
            if (file := folder / "annotations" / f"{name}.json").is_file():
                labels = Known.from_annotation(read_annotation(file), *size).labels
                learnt = labels if learnt is None else np.where(learnt == IGNORE, labels, learnt)
        return learnt

    @cached_property
    def _lineage(self) -> list[Path]:
        """The folders of the trainings that it comes of, the last first."""
        found, run = [self.run.parent], self.trained.run
        # A project that was moved has them beside each other still.
        while run.start is not None and (folder := self.run.parents[1] / run.start.run.parts[-2]).is_dir():
            found.append(folder)
            run = read_run(folder / "run")
        return found
