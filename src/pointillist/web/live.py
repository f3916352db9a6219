"""The segmentation that follows every click: a classifier of pixels, trained anew on all clicks each time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch.nn import functional as F

from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE, MaskArray
from pointillist.propagate import FeatureForest
from pointillist.propagate.feature_forest import Rows, at_places
from pointillist.propagate.filters import Maps, guided
from pointillist.propagate.pixel_classifier import PixelClassifier
from pointillist.web.fewer import fewer
from pointillist.web.gauge import Labelled, Source
from pointillist.web.looks import Looks, Read, boxed
from pointillist.web.nearby import Nearby, along_edges, breadth, mixed, share
from pointillist.web.network import Network
from pointillist.web.project import Project

SIDE = 320
"""An image is looked at with its longer side shrunk to this: an answer within a quarter of a second."""
SMOOTH = 3
FOUND_KEPT = 1000
"""Segmentations that stay in memory, some 400 KB each."""

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
        source: who said so; a person's labels lie over it.
    """

    revision: int
    total: int
    labels: MaskArray
    doubt: Float[np.ndarray, "h w"]
    source: Source

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

    Attributes:
        network: what was trained last; None: nothing.
        source: who is believed where a network has answered for the image; without its answer the forest is.
        viewed: the image that was asked for last.
        asked_at: when anything was asked or drawn last, by the monotonic clock.
    """

    def __init__(self, project: Project, forest: FeatureForest | None = None) -> None:
        self.project = project
        self.forest = forest or FeatureForest(classifier="extra-trees", side=SIDE, smooth_px=SMOOTH)
        self.found: OrderedDict[str, Segmentation | None] = OrderedDict()
        self.total = 0
        self.network: Network | None = None
        self.source: Source = "both"
        self.viewed: str | None = None
        self.asked_at = 0.0
        self._wrong: dict[str, InputError] = {}
        self._began: dict[str, float] = {}  # when what was found began to be looked for
        self._wanted: OrderedDict[str, None] = OrderedDict()
        self._asked = threading.Condition()
        self._changed: dict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}
        self._looks = Looks(project, self.forest)
        self._trained: tuple[dict[str, int], Any] = ({}, None)
        self._ended = False
        self._computing, self._keeping = threading.Lock(), threading.Lock()
        self._thread = threading.Thread(target=self._work, name="segmenter", daemon=True)
        self._thread.start()

    def note(self, number: int) -> None:
        """Take note of the number of an event that was stored."""
        self.total = max(self.total, number)
        self.asked_at = time.monotonic()

    async def segmentation(self, name: str, after: int, patience_s: float) -> Segmentation | Why:
        """Wait for a segmentation that has seen an image's events up to one; or say why there is none.

        Raises:
            InputError: the image can't be read, or a mark on it can't be.
        """
        deadline = time.monotonic() + patience_s
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        waiters = self._changed.setdefault(name, [])
        waiters.append((loop, event))
        try:
            total, asked = self.total, time.monotonic()
            self._ask(name)
            while (left := deadline - time.monotonic()) > 0:
                try:
                    await asyncio.wait_for(event.wait(), left)
                except TimeoutError:
                    break
                event.clear()
                with self._keeping:
                    found, began = self.found.get(name), self._began.get(name, 0.0)
                # What was looked for before this was asked knows nothing of the click that asked.
                if found is None and began > asked:
                    if name in self._wrong:
                        raise self._wrong[name]
                    return "nothing"
                if found is not None and found.revision >= after and found.total >= total:
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
        self.viewed, self.asked_at = name, time.monotonic()
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
            self._wrong.pop(name, None)
            began = time.monotonic()
            try:
                self.renew(name)
            except InputError as error:
                self._wrong[name] = error
                self._keep(name, None, began)
            except Exception:  # Nothing must end the thread: nothing is said of this image.
                self._keep(name, None, began)
            for loop, event in list(self._changed.get(name, ())):
                loop.call_soon_threadsafe(event.set)
            if name == self.viewed:  # Someone looks at it and will click: what that takes is made ready.
                with suppress(Exception):  # Nothing must end the thread.
                    _ = self._looks.seen(name).spread

    def renew(self, name: str) -> Segmentation | None:
        """Segment an image, and keep what was found."""
        began = time.monotonic()
        found = self.segment(name)
        self._keep(name, found, began)
        return found

    def _keep(self, name: str, found: Segmentation | None, began: float) -> None:
        with self._keeping:
            self.found[name], self._began[name] = found, began
            self.found.move_to_end(name)
            while len(self.found) > FOUND_KEPT:
                del self._began[self.found.popitem(last=False)[0]]

    def segment(self, name: str) -> Segmentation | None:
        """Segment an image by all that is drawn now, and the network's answer where there is one.

        Returns:
            The segmentation; None: nothing can be said.
        """
        with self._computing:
            total, reads = self.total, self._looks.reads(name)
            revision = self.project.store.revision(name)
            probs, source = self._probs(name, reads)
            nearby = self._nearby(name, reads)
        if probs is None:
            return None
        probs = probs if nearby is None else mixed(probs, nearby)
        labels = probs.argmax(0).astype(np.uint8)
        known = self.project.known(name, *labels.shape)
        doubt = np.where(known.labels == IGNORE, 1 - probs.max(0), 0).astype(np.float32)
        return Segmentation(revision, total, known.over(labels), doubt, source)

    def forest_probs(self, name: str) -> Maps | None:
        """Give what the classifier says of an image, as small as it saw it; None: it knows too little."""
        with self._computing:
            return self._forest_probs(name, self._looks.reads(name))

    def nearby(self, name: str) -> Nearby | None:
        """Give what the labels on an image say of the pixels around them; None: nothing."""
        with self._computing:
            return self._nearby(name, self._looks.reads(name))

    def labelled(self, name: str, revision: int) -> Labelled:
        """Give the labelled pixels of an image, what the network says of them and whether it has seen them.

        Raises:
            InputError: the image can't be read.
        """
        with self._computing:
            read = self._looks.read(name, revision)
        annotation = self.project.annotation(name)
        marks = 0 if annotation is None else len(annotation.marks)
        if (network := self.network) is None or not len(read.places):
            return Labelled(read.rows, marks, None, np.ones(len(read.places), bool))
        said = at_places(network.probs(name, *read.size), read.places, read.size)
        return Labelled(read.rows, marks, said, network.fresh(name, read.places, read.size))

    def catch_up(self, going: Callable[[], bool]) -> list[str]:
        """Read what was drawn on images that teach, as long as it goes; give those that were read."""
        read = []
        while going():
            with self._computing:
                name = self._looks.catch_up()
            if name is None:
                break
            read.append(name)
        return read

    def teaching(self) -> dict[str, int]:
        """Give the images from which the classifier learns, and the last event of each; the last first."""
        return self._looks.teaching()

    def learn(self, rows: Sequence[Rows]) -> Any:
        """Train the classifier on the labelled pixels of several images; None: fewer than two classes."""
        return self.forest.learn(fewer(rows), seed=0)

    def _probs(self, name: str, reads: Mapping[str, Read]) -> tuple[Maps | None, Source]:
        network = self.network
        said = None if network is None else network.kept(name)
        if said is not None and self.source == "network":
            return said, "network"
        told = self._forest_probs(name, reads)
        if said is None or (told is not None and self.source == "forest"):
            return told, "forest"
        return (said, "network") if told is None else ((told + said) / 2, "both")

    def _forest_probs(self, name: str, reads: Mapping[str, Read]) -> Maps | None:
        trained = self._learnt(reads)
        if trained is None:
            return None
        seen, classes = self._looks.seen(name), len(self.project.data.classes)
        classifier = PixelClassifier(lambda _: seen.maps, classes, len(seen.image), 0, trained)
        return guided(classifier.classify(seen.maps), seen.image, SMOOTH)

    def _nearby(self, name: str, reads: Mapping[str, Read]) -> Nearby | None:
        if (read := reads.get(name)) is None:
            return None
        others = [other.fewest for one, other in reads.items() if one != name and other.fewest]
        trust = breadth((len(some.places), some.joined) for some in reads.values())
        weight = trust * share(read.fewest, others)
        if not weight:
            return None
        seen = self._looks.seen(name)
        probs = seen.spread(boxed(self.project.known(name, *read.size)))
        return Nearby(along_edges(probs, seen.image), weight)

    def _learnt(self, reads: Mapping[str, Read]) -> Any:
        teachers = sorted(reads.items(), key=lambda one: -one[1].revision)
        state = {name: read.revision for name, read in teachers}
        if self._trained[0] != state:
            self._trained = state, self.learn([read.rows for _, read in teachers])
        return self._trained[1]


def painted(labels: np.ndarray, drawn: np.ndarray | None) -> np.ndarray:
    """Show each labelled pixel of an image in its own label, over what the image was taken for.

    Args:
        labels: of the image, as small as it was looked at.
        drawn: its labelled pixels, at its full size; None: there are none.
    """
    if drawn is None or drawn.shape == labels.shape:
        return labels
    size = (drawn.shape[1], drawn.shape[0])
    large = np.asarray(Image.fromarray(labels).resize(size, Image.Resampling.NEAREST))
    shown: np.ndarray = np.where(drawn == IGNORE, large, drawn)
    return shown
