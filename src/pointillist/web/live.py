"""The segmentation that follows every click: a classifier of pixels, trained anew on all clicks each time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional as F

from pointillist.core.errors import InputError
from pointillist.core.rng import numpy_rng
from pointillist.core.shapes import IGNORE, MaskArray
from pointillist.data.resample import resized
from pointillist.propagate import FeatureForest
from pointillist.propagate.feature_forest import Rows
from pointillist.propagate.filters import Maps, guided
from pointillist.propagate.pixel_classifier import PixelClassifier
from pointillist.web.project import Project

SIDE = 320
"""An image is looked at with its longer side shrunk to this: an answer within a quarter of a second."""
SMOOTH = 3
MAPS_KEPT = 24
"""Images whose features stay in memory, some 30 MB each."""


Why = Literal["nothing", "late"]
"""Fewer than two classes are labelled; or it is not ready yet."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What an image was taken for.

    Args:
        revision: the last event of the image that it has seen.
        total: the last event of the project that it has seen.
        labels: class indices, uint8, at the size at which the image was looked at.
        doubt: 1 minus the likeliest class's probability, at the same size; 0 where a label lies.
    """

    revision: int
    total: int
    labels: MaskArray
    doubt: Float[np.ndarray, "h w"]

    def doubtful(self, height: int, width: int) -> tuple[float, float]:
        """Give the place in an image of this size in whose neighbourhood most is in doubt."""
        side = max(3, min(self.doubt.shape) // 16) // 2 * 2 + 1
        batch = torch.from_numpy(self.doubt)[None, None]
        around = F.avg_pool2d(batch, side, 1, side // 2, count_include_pad=False)[0, 0].numpy()
        row, col = np.unravel_index(int(around.argmax()), around.shape)
        down, right = height / self.doubt.shape[0], width / self.doubt.shape[1]
        return float((row + 0.5) * down - 0.5), float((col + 0.5) * right - 0.5)


class Live:
    """Segments images in a thread of its own; who asks waits for the newest, and never holds up a save.

    Args:
        project: its images and events.
        forest: how pixels are described and classified.
    """

    def __init__(self, project: Project, forest: FeatureForest | None = None) -> None:
        self.project = project
        self.forest = forest or FeatureForest(classifier="extra-trees", side=SIDE, smooth_px=SMOOTH)
        self.found: dict[str, Segmentation | None] = {}
        self.total = 0
        self._wanted: OrderedDict[str, None] = OrderedDict()
        self._asked = threading.Condition()
        self._changed: dict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}
        self._maps: OrderedDict[str, Maps] = OrderedDict()
        self._rows: dict[str, tuple[int, Rows]] = {}
        self._ended = False
        self._computing = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="segmenter", daemon=True)
        self._thread.start()

    def note(self, number: int) -> None:
        """Take note of the number of an event that was stored."""
        self.total = max(self.total, number)

    async def segmentation(self, name: str, after: int, patience_s: float) -> Segmentation | Why:
        """Wait for a segmentation that has seen an image's events up to one; or say why there is none."""
        deadline = time.monotonic() + patience_s
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        waiters = self._changed.setdefault(name, [])
        waiters.append((loop, event))
        try:
            total = self.total
            self._ask(name)
            while (left := deadline - time.monotonic()) > 0:
                try:
                    await asyncio.wait_for(event.wait(), left)
                except TimeoutError:
                    break
                event.clear()
                found = self.found.get(name)
                if found is None:
                    return "nothing"
                if found.revision >= after and found.total >= total:
                    return found
                self._ask(name)
            return "late"
        finally:
            waiters.remove((loop, event))

    def close(self) -> None:
        """End after what is being computed."""
        with self._asked:
            self._ended = True
            self._asked.notify()
        self._thread.join()

    def _ask(self, name: str) -> None:
        with self._asked:
            self._wanted[name] = None
            self._wanted.move_to_end(name)
            self._asked.notify()

    def _work(self) -> None:
        while True:
            with self._asked:
                while not self._wanted and not self._ended:
                    self._asked.wait()
                if self._ended:
                    return
                # The last one asked for is what someone is looking at now.
                name, _ = self._wanted.popitem()
            try:
                self.found[name] = self.segment(name)
            except Exception:  # An image that can't be read must not end the thread: nothing is said of it.
                self.found[name] = None
            for loop, event in list(self._changed.get(name, ())):
                loop.call_soon_threadsafe(event.set)

    def segment(self, name: str) -> Segmentation | None:
        """Segment an image by all that is drawn now; None: fewer than two classes are."""
        with self._computing:
            return self._segmented(name)

    def _segmented(self, name: str) -> Segmentation | None:
        total = self.total
        revisions = self.project.store.revisions()
        rows = []
        for other, revision in revisions.items():
            if other in self.project.splits:
                with suppress(InputError):  # An image that has become unreadable teaches nothing.
                    rows.append(self._rows_of(other, revision))
        trained = self.forest.learn(rows, seed=0)
        if trained is None:
            return None
        sample = self.project.sample(name)
        channels, num_classes = len(sample.image), len(self.project.data.classes)
        maps = self._describe(name)
        classifier = PixelClassifier(lambda _: maps, num_classes, channels, 0, trained)
        probs = guided(classifier.classify(maps), resized(sample.image, *maps.shape[1:]), SMOOTH)
        labels = probs.argmax(0).astype(np.uint8)
        known = self.project.known(name, *labels.shape)
        doubt = np.where(known.labels == IGNORE, 1 - probs.max(0), 0)
        return Segmentation(revisions.get(name, 0), total, known.over(labels), doubt.astype(np.float32))

    def _describe(self, name: str) -> Maps:
        if name not in self._maps:
            self._maps[name] = self.forest.describe(self.project.sample(name).image, None)
            while len(self._maps) > MAPS_KEPT:
                self._maps.popitem(last=False)
        self._maps.move_to_end(name)
        return self._maps[name]

    def _rows_of(self, name: str, revision: int) -> Rows:
        if name not in self._rows or self._rows[name][0] != revision:
            sample = self.project.sample(name)
            known = self.project.known(name, sample.height, sample.width)
            rows = self.forest.rows(self._describe(name), known, numpy_rng(0, "live", name))
            self._rows[name] = (revision, rows)
        return self._rows[name][1]
