"""Every strategy clicks where its name says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage, stats

from pointillist.annotate import PointsAnnotator
from pointillist.annotate.place import STRATEGIES
from pointillist.core.marks import Points
from pointillist.core.raster import to_labels
from tests.annotate.people import clicked, drawn_by, maps, masks

EIGHT = np.ones((3, 3))


def disc(size: int, row: float, col: float, radius: float) -> np.ndarray:
    rows, cols = np.indices((size, size))
    return ((rows - row) ** 2 + (cols - col) ** 2 <= radius**2).astype(np.uint8)


def test_positive_and_negative_clicks_are_counted_apart() -> None:
    truth = disc(40, 20, 20, 10)
    for positive, negative in [(0, 7), (7, 0), (1, 20), (300, 2000)]:
        person = PointsAnnotator(positive=positive, negative=negative)
        annotation = drawn_by(person, truth)
        assert (len(clicked(annotation, 1)), len(clicked(annotation, 0))) == (
            min(positive, int(truth.sum())),
            min(negative, int((truth == 0).sum())),
        )


def test_random_clicks_fall_on_all_pixels_of_the_class_alike() -> None:
    (truth,) = maps("0000 0110 0111 0000")
    counts = np.zeros((4, 4), int)
    for seed in range(500):
        for pixel in clicked(drawn_by(PointsAnnotator(positive=2), truth, seed), 1):
            counts[pixel] += 1
    assert counts.sum() == 1000
    assert stats.chisquare(counts[truth == 1]).pvalue > 0.001


def test_the_centre_of_a_square_by_hand() -> None:
    (truth,) = maps(
        """
        00000000
        01111100
        01111100
        01111100
        01111100
        01111100
        00000000
        00000000"""
    )
    person = PointsAnnotator(positive=1, negative=0, strategy="centre")
    assert {drawn_by(person, truth, seed).marks[0].at for seed in range(9)} == {((3.0, 3.0),)}


def test_centre_clicks_are_deep_and_apart() -> None:
    truth = np.maximum(disc(120, 40, 40, 30), disc(120, 95, 95, 15))
    depth = ndimage.distance_transform_edt(truth)
    for seed in range(5):
        clicks = clicked(drawn_by(PointsAnnotator(positive=4, strategy="centre"), truth, seed), 1)
        assert depth[clicks[0]] >= 0.9 * depth.max()
        rows, cols = np.indices(truth.shape)
        reach = depth
        for click in clicks:
            # An independent greedy search over all pixels: none is much farther from outline and clicks.
            assert reach[click] >= 0.9 * reach.max()
            reach = np.minimum(reach, np.hypot(rows - click[0], cols - click[1]))


def test_centre_counts_the_edge_of_the_image_as_an_outline() -> None:
    (click,) = clicked(drawn_by(PointsAnnotator(negative=1, strategy="centre"), disc(101, 0, 0, 0)), 0)
    assert np.hypot(click[0] - 50, click[1] - 50) <= 10


@given(truth=masks(), seed=st.integers(0, 9))
def test_spread_is_farthest_point_sampling(truth: np.ndarray, seed: int) -> None:
    annotation = drawn_by(PointsAnnotator(positive=5, negative=5, strategy="spread"), truth, seed)
    for label in range(4):
        clicks = np.array(clicked(annotation, label), float).reshape(-1, 2)
        pixels = np.argwhere(truth == label)
        if len(pixels) <= 5:
            continue
        assert len(clicks) == 5
        for turn in range(1, len(clicks)):
            to_earlier = np.linalg.norm(pixels[:, None] - clicks[None, :turn], axis=2).min(1)
            own = np.linalg.norm(clicks[turn] - clicks[:turn], axis=1).min()
            assert own == pytest.approx(to_earlier.max())


def test_spread_covers_a_large_image_better_than_chance() -> None:
    truth = disc(500, 250, 250, 30)  # Far more background than the places that are weighed.

    def closest(strategy: str, seed: int) -> float:
        person = PointsAnnotator(negative=25, strategy=strategy)
        clicks = np.array(clicked(drawn_by(person, truth, seed), 0))
        distances = np.linalg.norm(clicks[:, None] - clicks[None], axis=2)
        return float(distances[distances > 0].min())

    # 25 places on a 5 x 5 grid would be 100 apart at best: 125 when the outer ones sit on the edges.
    assert all(closest("spread", seed) > 80 for seed in range(5))
    assert all(closest("random", seed) < 60 for seed in range(5))


def test_border_clicks_lie_within_three_pixels_on_both_sides() -> None:
    truth = disc(100, 50, 50, 30)
    annotation = drawn_by(PointsAnnotator(positive=50, negative=50, strategy="border"), truth)
    for label in (0, 1):
        distance = ndimage.distance_transform_edt(truth == label)
        found = [distance[click] for click in clicked(annotation, label)]
        assert max(found) <= 3
        assert len({round(d, 3) for d in found}) > 2


def test_border_is_the_outline_of_classes_and_not_the_edge_of_the_void() -> None:
    (truth,) = maps("0000000000....0000111111..")
    annotation = drawn_by(PointsAnnotator(positive=3, negative=3, strategy="border"), truth)
    assert sorted(clicked(annotation, 0)) == [(0, 15), (0, 16), (0, 17)]
    assert sorted(clicked(annotation, 1)) == [(0, 18), (0, 19), (0, 20)]


def test_border_clicks_that_find_no_room_there_go_as_near_as_they_can() -> None:
    lines = maps("000000000001", "00000.....11")
    for line, near in zip(lines, (range(6, 11), range(5)), strict=True):
        clicks = clicked(drawn_by(PointsAnnotator(negative=5, strategy="border"), line), 0)
        assert sorted(col for _, col in clicks) == list(near)


def test_border_without_another_class_is_anywhere() -> None:
    clicks = clicked(drawn_by(PointsAnnotator(strategy="border"), np.zeros((50, 50), np.uint8)), 0)
    assert len(clicks) == 5


@pytest.mark.parametrize("hand", [{}, {"jitter": 3.0}, {"radius": 2.0}, {"jitter": 3.0, "radius": 2.0}])
@given(truth=masks(), seed=st.integers(0, 9))
def test_every_object_is_clicked_on_or_the_largest_are(
    hand: dict[str, float], truth: np.ndarray, seed: int
) -> None:
    person = PointsAnnotator(positive=4, negative=4, strategy="component", **hand)
    annotation = drawn_by(person, truth, seed)
    for label in range(4):
        numbers, count = ndimage.label(truth == label, EIGHT)
        sizes = np.bincount(numbers.ravel())[1:]
        got = np.bincount([numbers[c] for c in clicked(annotation, label)], minlength=count + 1)[1:]
        if count <= 4:
            assert (got > 0).all()
        else:
            assert got.max() == 1
            assert sorted(sizes[got == 1]) == sorted(sizes)[-4:]


def test_further_clicks_follow_the_areas_of_the_objects() -> None:
    truth = np.zeros((40, 40), np.uint8)
    truth[:20, :20] = 1  # 400 pixels
    truth[30:40, 30:40] = 1  # 100 pixels
    truth[39, 0] = 1  # 1 pixel
    clicks = clicked(drawn_by(PointsAnnotator(positive=23, strategy="component"), truth), 1)
    numbers, _ = ndimage.label(truth, EIGHT)
    assert np.bincount([numbers[c] for c in clicks])[1:].tolist() == [17, 5, 1]


def test_jitter_moves_clicks_by_its_standard_deviation() -> None:
    truth = np.zeros((1000, 1000), np.uint8)
    steady = PointsAnnotator(negative=2000)
    shaky = PointsAnnotator(negative=2000, jitter=4)
    moves = np.array(clicked(drawn_by(shaky, truth), 0)) - np.array(clicked(drawn_by(steady, truth), 0))
    assert moves.std(0) == pytest.approx([4, 4], rel=0.1)
    assert moves.mean(0) == pytest.approx([0, 0], abs=0.4)


def test_a_wild_hand_stays_in_a_small_class() -> None:
    truth = disc(60, 30, 30, 2)
    for strategy in STRATEGIES:
        person = PointsAnnotator(positive=5, jitter=1000, strategy=strategy)
        annotation = drawn_by(person, truth)
        assert all(truth[click] for click in clicked(annotation, 1))
        assert len(set(clicked(annotation, 1))) == 5


def radii(annotation_marks: tuple[Points, ...], label: int) -> list[float]:
    return [mark.radius for mark in annotation_marks if mark.label == label for _ in mark.at]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_discs_keep_their_radius_where_the_class_has_room(strategy: str) -> None:
    truth = disc(100, 50, 50, 30)
    person = PointsAnnotator(positive=6, negative=6, radius=3, jitter=2, strategy=strategy)
    annotation = drawn_by(person, truth)
    assert radii(annotation.marks, 0) == radii(annotation.marks, 1) == [3.0] * 6
    assert (to_labels(annotation) == 1).sum() > 29  # The pixels of one disc.


def test_a_disc_goes_to_the_one_place_where_it_fits() -> None:
    (truth,) = maps("0000000 0010000 0111111 0010000 0000000")
    for seed in range(9):
        (mark,) = drawn_by(PointsAnnotator(positive=1, negative=0, radius=1), truth, seed).marks
        assert (mark.at, mark.radius) == (((2.0, 2.0),), 1.0)


def test_a_disc_shrinks_to_what_lies_inside_its_class() -> None:
    (truth,) = maps("00000 01110 01110 01110 00000")
    person = PointsAnnotator(positive=9, negative=0, radius=4)
    annotation = drawn_by(person, truth)
    assert [(m.radius, len(m.at)) for m in annotation.marks] == [(1.0, 1), (0.0, 8)]
    assert np.array_equal(to_labels(annotation) == 1, truth == 1)
