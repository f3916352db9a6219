"""Marks that cannot be meant are refused by place, and all others come back from JSON."""

import pytest
from pydantic import TypeAdapter, ValidationError

from pointillist.core.annotation import Annotation
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.marks import Box, Centroid, ExtremePoints, Mark, Size, Tag

GOOD = [
    Box(label=1, top=0, left=0, bottom=4, right=6),
    ExtremePoints(label=1, at=((0, 2), (1, 0), (3.5, 2), (1, 5))),
    Tag(label=0, present=True),
    Tag(label=1, present=False),
    Size(label=1, low=0, high=1e12),
    Size(label=0, low=3.5, high=3.5),
    Centroid(label=1, rows=(-0.5, 3.5), cols=(2, 2)),
]
FILE = {"name": "a", "height": 4, "width": 6, "classes": ["no", "yes"]}


@pytest.mark.parametrize("mark", GOOD, ids=lambda mark: mark.kind)
def test_every_kind_comes_back_from_json_within_an_annotation(mark: Mark) -> None:
    before = Annotation(name="a", height=4, width=6, classes=("no", "yes"), marks=(mark,))
    assert Annotation.model_validate_json(before.model_dump_json()) == before


@pytest.mark.parametrize(
    "mark",
    [
        '{"kind": "box", "label": 1, "top": 2, "left": 0, "bottom": 2, "right": 1}',
        '{"kind": "box", "label": 1, "top": 2, "left": 3, "bottom": 4, "right": 1}',
        '{"kind": "box", "label": 1, "top": -1, "left": 0, "bottom": 4, "right": 1}',
        '{"kind": "box", "label": 1, "top": 0.5, "left": 0, "bottom": 4, "right": 1}',
        '{"kind": "box", "label": 1, "top": "0", "left": 0, "bottom": 4, "right": 1}',
        '{"kind": "box", "label": 1, "top": 0, "left": 0, "bottom": 4}',
        '{"kind": "extreme-points", "label": 1, "at": [[0, 0], [1, 1], [2, 2]]}',
        '{"kind": "extreme-points", "label": 1, "at": [[0, 0], [1, 1], [2, 2], [3, NaN]]}',
        '{"kind": "tag", "label": 1, "present": 1}',
        '{"kind": "tag", "label": 1}',
        '{"kind": "size", "label": 1, "low": 3, "high": 2}',
        '{"kind": "size", "label": 1, "low": -1, "high": 2}',
        '{"kind": "size", "label": 1, "low": 0, "high": Infinity}',
        '{"kind": "centroid", "label": 1, "rows": [3, 2], "cols": [0, 1]}',
        '{"kind": "centroid", "label": 1, "rows": [0, 1], "cols": [3, 2]}',
    ],
)
def test_marks_that_cannot_be_meant_are_refused(mark: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Mark).validate_json(mark)


@pytest.mark.parametrize(
    "mark",
    [
        Box(label=1, top=0, left=0, bottom=5, right=6),
        Box(label=1, top=0, left=0, bottom=4, right=7),
        ExtremePoints(label=1, at=((0, 0), (1, 1), (2, 2), (3, 5.6))),
        Centroid(label=1, rows=(0, 4), cols=(0, 1)),
        Box(label=2, top=0, left=0, bottom=1, right=1),
        Tag(label=2, present=True),
        Size(label=2, low=0, high=1),
    ],
    ids=str,
)
def test_a_mark_must_lie_in_its_image_and_be_of_one_of_its_classes(mark: Mark) -> None:
    with pytest.raises(InputError, match=r"marks\.1"):
        validated(Annotation, {**FILE, "marks": [GOOD[0], mark]})


@pytest.mark.parametrize("mark", GOOD[:2], ids=lambda mark: mark.kind)
def test_the_background_has_no_box(mark: Mark) -> None:
    background = mark.model_copy(update={"label": 0}).model_dump()
    with pytest.raises(InputError, match=r"marks\.0\.label must be a foreground class"):
        validated(Annotation, {**FILE, "marks": [background]})
