"""What is kept of a propagator's answer: what is sure and can be true; what was drawn wins."""

from dataclasses import replace

import numpy as np

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE
from pointillist.propagate.propagator import trusted

PROBS = np.array([[[0.9, 0.1, 0.05, 0.6]], [[0.1, 0.9, 0.05, 0.4]], [[0.0, 0.0, 0.9, 0.0]]], np.float32)


def kept(known: Known) -> list[int]:
    probs = trusted(PROBS, known, confidence=0.8)
    return [int(p.argmax()) if p.any() else IGNORE for p in np.moveaxis(probs[:, 0], -1, 0)]


def test_what_is_not_sure_is_forgotten() -> None:
    assert kept(Known.nothing(3, 1, 4)) == [0, 1, 2, IGNORE]


def test_an_absent_class_is_neither_kept_nor_replaced_by_another() -> None:
    known = replace(Known.nothing(3, 1, 4), tags=np.array([1, 0, IGNORE], np.uint8))
    assert kept(known) == [0, IGNORE, 2, IGNORE]


def test_a_class_with_boxes_is_kept_in_them_alone() -> None:
    boxes = np.array([[1, 0, 1, 1, 2], [2, 0, 0, 1, 1]])
    assert kept(replace(Known.nothing(3, 1, 4), boxes=boxes)) == [0, 1, IGNORE, IGNORE]


def test_what_was_drawn_wins() -> None:
    labels = np.array([[1, 1, IGNORE, 2]], np.uint8)
    known = replace(Known.from_labels(labels, 3), tags=np.array([IGNORE, 0, IGNORE], np.uint8))
    assert kept(known) == [1, 1, 2, 2]
