"""What the annotators' tests share: one annotator of every kind and way, and masks to draw on."""

import numpy as np
from hypothesis import strategies as st

from pointillist.annotate import (
    Annotator,
    Boxes,
    Density,
    ExtremePointsAnnotator,
    Full,
    Mistakes,
    Mixed,
    PointsAnnotator,
    Scribbles,
    Several,
    SizeRanges,
    Tags,
)
from pointillist.annotate.place import STRATEGIES
from pointillist.core.annotation import Annotation
from pointillist.core.marks import Points
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE

CLASSES = ("background", "a", "b", "c")
HANDS = {
    "plain": {},
    "jitter": {"jitter": 2.0},
    "disc": {"radius": 2.3},
    "jittered disc": {"jitter": 2.0, "radius": 1.0},
}

CLICKERS: dict[str, PointsAnnotator] = {
    f"points {strategy} {hand}": PointsAnnotator(positive=4, negative=3, strategy=strategy, **fields)
    for strategy in STRATEGIES
    for hand, fields in HANDS.items()
}
PEOPLE: dict[str, Annotator] = {
    "full": Full(),
    "density": Density(probability=0.3),
    "density of one": Density(probability=1),
    **CLICKERS,
    "scribbles": Scribbles(),
    "thick scribbles": Scribbles(width=4.5, length=0.7),
    "contour scribbles": Scribbles(place="contour", objects=2),
    "boxes": Boxes(),
    "wide boxes": Boxes(margin=2),
    "shaky boxes": Boxes(jitter=0.3),
    "extreme points": ExtremePointsAnnotator(),
    "shaky extreme points": ExtremePointsAnnotator(jitter=2),
    "tags": Tags(),
    "guessed sizes": SizeRanges(),
    "oracle's sizes": SizeRanges(error=0, slack=0.1),
    "several": Several(of=(PointsAnnotator(), SizeRanges(error=0), Scribbles())),
    "mixed": Mixed(of=((Boxes(), 0.3), (Scribbles(), 0.3), (Mixed(of=((Tags(), 0.5),)), 0.3))),
    "mistakes of boxes": Mistakes(of=Boxes(), rate=0.5),
    "mistakes of several": Mistakes(of=Several(of=(Tags(), Scribbles(), SizeRanges())), rate=0.5),
    "mistakes of points": Mistakes(rate=0.5),
    "mistakes of full": Mistakes(of=Full(), rate=0.5),
    "mistakes of mistakes": Mistakes(of=Mistakes(rate=0.5), rate=0.5),
}
STEADY = [
    PEOPLE[name] for name in ("full", "boxes", "wide boxes", "extreme points", "tags", "oracle's sizes")
]
"""They draw the same with any seed."""
TRUTHFUL = {name: person for name, person in PEOPLE.items() if person.truthful}


def sample_of(truth: np.ndarray, name: str = "a", region: np.ndarray | None = None) -> Sample:
    return Sample(name=name, image=np.zeros((1, *truth.shape), np.float32), mask=truth, region=region)


def drawn_by(person: Annotator, truth: np.ndarray, seed: int = 0, name: str = "a") -> Annotation:
    return person.annotate(sample_of(truth, name), CLASSES, seed)


def clicked(annotation: Annotation, label: int) -> list[tuple[int, int]]:
    """The pixels that were clicked on for one class, in the order of the clicks."""
    marks = [mark for mark in annotation.marks if isinstance(mark, Points) and mark.label == label]
    assert all(row == int(row) and col == int(col) for mark in marks for row, col in mark.at)
    return [(int(row), int(col)) for mark in marks for row, col in mark.at]


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    """Salt and pepper, or a few rectangles; any size from one pixel on; up to four classes and void."""
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = draw(st.lists(st.sampled_from([0, 1, 2, 3, IGNORE]), min_size=1, max_size=5))
    if draw(st.booleans()):
        return rng.choice(np.array(values, np.uint8), (height, width))
    truth = np.full((height, width), values[0], np.uint8)
    for value in values[1:]:
        top, left = rng.integers(height), rng.integers(width)
        truth[top : top + rng.integers(1, height + 1), left : left + rng.integers(1, width + 1)] = value
    return truth


def maps(*pictures: str) -> list[np.ndarray]:
    """Hand-drawn masks: digits are classes, a dot is void, rows are parted by blanks."""
    return [
        np.array([[IGNORE if c == "." else int(c) for c in row] for row in picture.split()], np.uint8)
        for picture in pictures
    ]
