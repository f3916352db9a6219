"""Corrections click in the middle of the largest mistakes of a prediction."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import TypeAdapter
from scipy import ndimage

from pointillist.annotate import AnyAnnotator, Click, Corrections, PointsAnnotator, Several, next_clicks
from pointillist.core.errors import InputError
from pointillist.core.raster import to_labels
from pointillist.core.shapes import IGNORE
from tests.annotate.people import drawn_by, maps, masks


def test_the_next_click_by_hand() -> None:
    truth, prediction = maps(
        "0000000 0111110 0111110 0111110 0000000 00000.. 00000..",
        "1100000 1100000 0000000 0000000 0000000 0000011 0000011",
    )
    # 14 pixels of class 1 were missed, 3 of the background taken for it; the void cannot be wrong.
    assert next_clicks(truth, prediction, 9) == (Click(1, 2, 3), Click(0, 0, 0))
    assert next_clicks(truth, prediction, 1) == (Click(1, 2, 3),)
    assert next_clicks(truth, truth, 5) == ()


def test_mistakes_of_different_kinds_are_parted_even_where_they_touch() -> None:
    truth, prediction = maps("111122", "000000")
    assert [click.label for click in next_clicks(truth, prediction, 5)] == [1, 2]
    truth, prediction = maps("11111", "00022")
    assert next_clicks(truth, prediction, 5) == (Click(1, 0, 0), Click(1, 0, 3))


@given(truth=masks(), seed=st.integers(0, 99))
def test_every_click_is_the_deepest_pixel_of_the_next_largest_mistake(truth: np.ndarray, seed: int) -> None:
    prediction = np.random.default_rng(seed).integers(0, 3, truth.shape).astype(np.uint8)
    sizes = []
    for click in next_clicks(truth, prediction, 1000):
        at = (click.row, click.col)
        assert truth[at] == click.label != prediction[at]
        same = (truth == truth[at]) & (prediction == prediction[at])
        numbers, _ = ndimage.label(same, np.ones((3, 3)))
        own = numbers == numbers[at]
        depth = ndimage.distance_transform_edt(np.pad(own, 1))[1:-1, 1:-1]
        assert depth[at] == depth.max()
        sizes.append(int(own.sum()))
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == int(((truth != prediction) & (truth != IGNORE)).sum())


TRUTH = np.zeros((20, 30), np.uint8)
TRUTH[5:15, 5:25] = 1


def predicted(folder: Path, prediction: np.ndarray, name: str = "a") -> Path:
    picture = Image.fromarray(prediction, mode="P")
    picture.putpalette([0, 0, 0, 255, 200, 0])  # As `pointillist predict` writes it.
    picture.save(folder / f"{name}.png")
    return folder


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
def test_corrections_follow_the_first_round_and_tell_the_truth(tmp_path: Path) -> None:
    half = TRUTH.copy()
    half[:, 15:] = 0
    half[17:19, 1:29] = 1
    person = Corrections(predictions=predicted(tmp_path, half), clicks=2)
    marks = drawn_by(person, TRUTH).marks
    assert marks[:2] == drawn_by(PointsAnnotator(), TRUTH).marks
    assert [mark.label for mark in marks[2:]] == [1, 0]
    labels = to_labels(drawn_by(person, TRUTH))
    assert (labels == TRUTH)[labels != IGNORE].all()
    assert person.truthful
    assert "2 corrections" in person.in_words()
    assert TypeAdapter(AnyAnnotator).validate_json(person.to_json()) == person


def test_a_prediction_at_the_size_of_the_file_fits_a_smaller_sample(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((60, 91), np.uint8)).save(tmp_path / "a.png")
    *_, click = drawn_by(Corrections(predictions=tmp_path, clicks=1), TRUTH).marks
    assert (click.label, click.at) == (1, ((9.0, 9.0),))


def test_a_prediction_that_is_missing_or_of_another_shape_is_named(tmp_path: Path) -> None:
    person = Corrections(predictions=tmp_path)
    with pytest.raises(InputError, match=r"a\.png"):
        drawn_by(person, TRUTH)
    Image.fromarray(TRUTH[:10]).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="10 x 30 for an image of 20 x 30"):
        drawn_by(person, TRUTH)


def test_corrections_within_another_annotator_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="outermost"):
        drawn_by(Several(of=(Corrections(predictions=tmp_path),)), TRUTH)
