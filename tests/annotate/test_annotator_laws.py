"""Laws of every annotator in the table."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from pointillist.annotate import ANNOTATORS, Annotator, AnyAnnotator
from pointillist.core.annotation import Annotation, read_annotation, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.marks import Box, ExtremePoints
from pointillist.core.raster import to_labels
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE
from tests.annotate.people import (
    CLASSES,
    CLICKERS,
    PEOPLE,
    STEADY,
    TRUTHFUL,
    clicked,
    drawn_by,
    maps,
    masks,
    sample_of,
)

every_person = pytest.mark.parametrize("person", PEOPLE.values(), ids=PEOPLE)
every_truthful = pytest.mark.parametrize("person", TRUTHFUL.values(), ids=TRUTHFUL)
every_clicker = pytest.mark.parametrize("person", CLICKERS.values(), ids=CLICKERS)
few = settings(max_examples=20)  # Times twenty annotators.
EDGES = dict(
    zip(
        [
            "one pixel",
            "one object pixel",
            "only background",
            "no background",
            "row",
            "column",
            "void",
            "split",
        ],
        maps(
            "1", "000 010 000", "0000 0000", "333 333", "0011.2210", "0 0 1 . 2 3 3 3", ".. ..", "010 101 010"
        ),
        strict=True,
    )
)


def test_every_kind_of_the_table_is_under_the_laws() -> None:
    # Corrections need the files of predictions: tests/annotate/test_corrections.py.
    assert {person.kind for person in PEOPLE.values()} | {"corrections"} == set(ANNOTATORS)


def drawn_pixels(annotation: Annotation) -> np.ndarray:
    """Label map of what was drawn, without the background that boxes imply: it covers void as well."""
    labels = to_labels(annotation)
    if any(isinstance(mark, Box | ExtremePoints) for mark in annotation.marks):
        labels = np.where(labels == 0, np.uint8(IGNORE), labels)
    return labels


def tells_the_truth(annotation: Annotation, truth: np.ndarray) -> bool:
    labels, drawn = to_labels(annotation), drawn_pixels(annotation)
    implied = (labels != truth) & (labels != IGNORE) & (truth != IGNORE)
    return not implied.any() and bool((drawn == truth)[drawn != IGNORE].all())


@every_truthful
@few
@given(truth=masks(), seed=st.integers(0, 9))
def test_every_drawn_pixel_tells_the_truth(person: Annotator, truth: np.ndarray, seed: int) -> None:
    assert tells_the_truth(drawn_by(person, truth, seed), truth)


@every_person
@few
@given(truth=masks())
def test_void_and_what_lies_outside_the_region_are_never_drawn_on(
    person: Annotator, truth: np.ndarray
) -> None:
    region = np.indices(truth.shape).sum(0) % 3 > 0
    annotation = person.annotate(sample_of(truth, region=region), CLASSES, seed=0)
    drawn = drawn_pixels(annotation) != IGNORE
    if person.truthful:
        assert not drawn[~region | (truth == IGNORE)].any()
    inside = sum((region & (truth == label)).any() for label in range(4))
    assert bool(annotation.marks) or not inside or person.kind in ("density", "mixed")


@every_truthful
@few
@given(truth=masks(), seed=st.integers(0, 9))
def test_the_mask_satisfies_all_that_is_known(person: Annotator, truth: np.ndarray, seed: int) -> None:
    known = Known.from_annotation(drawn_by(person, truth, seed), *truth.shape)
    counts = np.bincount(truth.ravel(), minlength=256)
    void = counts[IGNORE]  # May be of any class.
    for label in range(4):
        if known.tags[label] == 1:
            assert counts[label] + void > 0
        if known.tags[label] == 0:
            assert counts[label] == 0
        low, high = known.sizes[label]
        assert low <= counts[label] + void
        assert counts[label] <= high
        rows, cols = np.nonzero(truth == label)
        for at, (least, most) in zip((rows, cols), known.centroids[label], strict=True):
            assert not len(at) or least <= at.mean() <= most
    for label, top, left, bottom, right in known.boxes:
        inside = truth[top:bottom, left:right] == label
        assert all(side.any() for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))
    if len(known.boxes):
        outside = np.ones(truth.shape, bool)
        for _, top, left, bottom, right in known.boxes:
            outside[top:bottom, left:right] = False
        assert np.isin(truth[outside], (0, IGNORE)).all()


@every_clicker
@few
@given(truth=masks(), seed=st.integers(0, 9))
def test_clicks_are_as_many_as_asked_or_all_there_are(
    person: Annotator, truth: np.ndarray, seed: int
) -> None:
    annotation = drawn_by(person, truth, seed)
    for label in range(4):
        pixels = clicked(annotation, label)
        asked = person.positive if label else person.negative
        assert len(pixels) == min(asked, int((truth == label).sum()))
        assert len(set(pixels)) == len(pixels)
        assert all(truth[pixel] == label for pixel in pixels)


@every_truthful
@pytest.mark.parametrize("edge", EDGES.values(), ids=EDGES)
def test_edges(person: Annotator, edge: np.ndarray) -> None:
    annotation = drawn_by(person, edge)
    assert tells_the_truth(annotation, edge)
    if (edge == IGNORE).all():
        assert annotation.marks == ()
        assert annotation.seconds == 0
    if person.kind == "points":
        labels = {mark.label for mark in annotation.marks}
        assert labels == {int(v) for v in np.unique(edge) if v != IGNORE}


@every_person
def test_a_drawing_depends_on_seed_and_name_and_on_nothing_else(person: Annotator) -> None:
    truth = np.zeros((40, 40), np.uint8)
    truth[10:30, 5:35] = 1
    names = [f"image {i}" for i in range(6)]
    forth = {name: drawn_by(person, truth, name=name) for name in names}
    back = {name: drawn_by(person.model_copy(), truth, name=name) for name in reversed(names)}
    assert forth == back
    if "full" not in person.to_json() and getattr(person, "probability", 0) != 1 and person not in STEADY:
        assert len({forth[name].marks for name in names}) > 1
        assert any(drawn_by(person, truth, seed=1, name=name).marks != forth[name].marks for name in names)


@every_person
def test_drawing_leaves_the_mask_as_it_was(person: Annotator) -> None:
    truth = EDGES["row"].copy()
    truth.flags.writeable = False
    drawn_by(person, truth)
    assert np.array_equal(truth, EDGES["row"])


@pytest.mark.parametrize("name", ["full", "density of one"])
@given(truth=masks())
def test_a_full_annotation_is_the_mask(name: str, truth: np.ndarray) -> None:
    assert np.array_equal(to_labels(drawn_by(PEOPLE[name], truth)), truth)


@every_person
def test_annotators_and_their_drawings_come_back_from_json(person: Annotator, tmp_path: Path) -> None:
    assert TypeAdapter(AnyAnnotator).validate_json(person.to_json()) == person
    annotation = drawn_by(person, EDGES["row"])
    write_annotation(tmp_path / "a.json", annotation)
    assert read_annotation(tmp_path / "a.json") == annotation
    assert annotation.annotator == "simulated"


@every_person
def test_time_is_positive_or_unknown(person: Annotator) -> None:
    seconds = drawn_by(person, EDGES["split"]).seconds
    unknown = any(kind in person.to_json() for kind in ('"probability":0.3', "size-ranges"))
    assert seconds is None if unknown else seconds > 0 or person.kind == "mixed"


def test_rows_of_a_table_tell_annotators_apart() -> None:
    words = [person.in_words() for person in PEOPLE.values()]
    assert len(set(words)) == len(words)
    assert all(text and "\n" not in text for text in words)
    assert PEOPLE["points centre jittered disc"].in_words() == "4+3 clicks (centre, jitter 2 px, radius 1 px)"


def test_a_sample_without_a_mask_cannot_be_annotated() -> None:
    sample = Sample(name="IMD002", image=np.zeros((1, 2, 2), np.float32))
    with pytest.raises(InputError, match="IMD002 must have a mask"):
        PEOPLE["full"].annotate(sample, CLASSES, seed=0)


@pytest.mark.parametrize(
    "fields",
    [
        '{"kind": "pionts"}',
        '{"kind": "points", "positive": -1}',
        '{"kind": "points", "positive": 0, "negative": 0}',
        '{"kind": "points", "strategy": "center"}',
        '{"kind": "points", "radius": NaN}',
        '{"kind": "points", "clicks": 5}',
        '{"kind": "density", "probability": 0}',
        '{"kind": "density", "probability": 1.5}',
        '{"kind": "mistakes", "rate": 5}',
        '{"kind": "mistakes", "of": {"kind": "typos"}}',
        '{"kind": "scribbles", "length": 0}',
        '{"kind": "scribbles", "width": 0.5}',
        '{"kind": "scribbles", "place": "border"}',
        '{"kind": "boxes", "jitter": -1}',
        '{"kind": "boxes", "margin": 1.5}',
        '{"kind": "size-ranges", "error": NaN}',
        '{"kind": "several", "of": []}',
        '{"kind": "mixed", "of": []}',
        '{"kind": "mixed", "of": [[{"kind": "tags"}, 0.6], [{"kind": "full"}, 0.6]]}',
        '{"kind": "mixed", "of": [[{"kind": "tags"}, -0.1]]}',
        '{"kind": "corrections"}',
    ],
)
def test_impossible_annotators_are_refused(fields: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(AnyAnnotator).validate_json(fields)


@pytest.mark.real_data
def test_the_laws_hold_on_a_real_vessel_tree(drive_root: Path) -> None:
    folder = drive_root / "training"
    with Image.open(folder / "1st_manual" / "21_manual1.gif") as drawn:
        vessels = np.asarray(drawn.convert("L")) > 127
    with Image.open(folder / "mask" / "21_training_mask.gif") as view:
        inside = np.asarray(view.convert("L")) > 127
    truth = np.where(inside, vessels, np.uint8(IGNORE)).astype(np.uint8)
    for name, person in TRUTHFUL.items():
        annotation = drawn_by(person, truth)
        assert tells_the_truth(annotation, truth), name
        if name in CLICKERS:
            assert [len(clicked(annotation, label)) for label in (0, 1)] == [3, 4], name
