"""Marks that can't all be true are named, and what only corrects or overlaps is not."""

import numpy as np
import pytest

from pointillist.core.annotation import Annotation
from pointillist.core.contradiction import contradictions
from pointillist.core.marks import Box, Dense, Mark, Points, Scribble, Size, Tag


def said(*marks: Mark) -> list[str]:
    return contradictions(
        Annotation(name="a", height=20, width=30, classes=("skin", "lesion", "hair"), marks=marks)
    )


TWICE = "1 pixel clicked as two classes"
BOX = Box(label=1, top=2, left=2, bottom=10, right=10)


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ((), []),
        ((Points(label=1, at=((1, 1), (1, 1), (2, 2))),), []),
        ((Points(label=1, at=((1, 1),)), Points(label=0, at=((1.4, 0.6),))), [TWICE]),
        ((BOX, Points(label=1, at=((2, 2), (9, 9)))), []),
        ((BOX, Points(label=1, at=((1, 2), (9, 10)))), ["2 clicks on 'lesion' outside its boxes"]),
        ((BOX, Box(label=1, top=0, left=12, bottom=4, right=20), Points(label=1, at=((1, 13),))), []),
        ((BOX, Points(label=2, at=((15, 15),))), []),
        ((Tag(label=1, present=False), BOX), ["'lesion' tagged as absent, and drawn"]),
        ((Tag(label=1, present=True), BOX), []),
        ((Size(label=1, low=0, high=0), BOX), ["'lesion' said to have no pixel, and drawn"]),
        ((Size(label=1, low=0, high=9), BOX), []),
        ((Size(label=1, low=500, high=900), Size(label=0, low=100, high=600)), []),
        ((Size(label=1, low=601, high=900),), ["sizes of at least 601 pixels in an image of 20 x 30"]),
        ((Size(label=1, low=500, high=900), Size(label=0, low=101, high=600)),
         ["sizes of at least 601 pixels in an image of 20 x 30"]),
        ((Tag(label=2, present=False), Dense.from_map(np.full((20, 30), 2, np.uint8))),
         ["'hair' tagged as absent, and drawn"]),
        ((Points(label=1, at=((1, 1),)), Scribble(label=0, path=((1, 0), (1, 5)))), []),
    ],
)  # fmt: skip
def test_what_cannot_all_be_true_is_named(marks: tuple[Mark, ...], expected: list[str]) -> None:
    assert said(*marks) == expected


def test_a_million_clicks_are_looked_at_whole() -> None:
    rng = np.random.default_rng(0)
    at = tuple(map(tuple, rng.uniform(0, 19, (500_000, 2)).tolist()))
    (text,) = said(Points(label=0, at=at), Points(label=1, at=at))
    assert text == f"{19 * 19 + 2 * 19 + 1} pixels clicked as two classes"
