"""What is carried into a training window is true of what the window shows, and nothing else is claimed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE
from pointillist.data.augment import Augment
from pointillist.data.facts import Window, carry_facts

CLASSES = 4
TURNS = Augment(rotate_degrees=0, scale=0)
STILL = Augment(flip=False, quarter_turns=False, rotate_degrees=0, scale=0)
SIDES = st.integers(3, 40)


def scene(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draw a few rectangles and dots of the classes 1 and 2; class 3 is never there, 2 at times."""
    mask = np.zeros((height, width), np.uint8)
    for _ in range(rng.integers(1, 5)):
        top, left = rng.integers(height), rng.integers(width)
        tall, wide = rng.integers(1, 1 + max(1, height // 3)), rng.integers(1, 1 + max(1, width // 3))
        mask[top : top + tall, left : left + wide] = rng.integers(1, 3)
    return mask


def all_about(mask: np.ndarray) -> Known:
    """Say all that can be said: tags, a box around each object, and ranges around sizes and centroids."""
    known = Known.nothing(CLASSES, *mask.shape)
    boxes, sizes, centroids = [], known.sizes.copy(), known.centroids.copy()
    tags = np.array([(mask == k).any() for k in range(CLASSES)], np.uint8)
    for k in range(1, CLASSES):
        count = (mask == k).sum()
        sizes[k] = count, count
        if count:
            centroids[k] = np.argwhere(mask == k).mean(0)[:, None] + [-0.25, 0.25]
        for rows, cols in ndimage.find_objects(ndimage.label(mask == k, np.ones((3, 3)))[0]):
            boxes.append([k, rows.start, cols.start, rows.stop, cols.stop])
    return Known(known.labels, tags, np.array(boxes, np.int64).reshape(-1, 5), sizes, centroids)


def window_of(mask: np.ndarray, window: Window) -> np.ndarray:
    """Cut a window, mirrored beyond the image's edges."""
    rows = [mirrored(row, mask.shape[0]) for row in range(window.top, window.top + window.height)]
    cols = [mirrored(col, mask.shape[1]) for col in range(window.left, window.left + window.width)]
    cut: np.ndarray = mask[np.ix_(rows, cols)]
    return cut


def mirrored(place: int, length: int) -> int:
    while not 0 <= place < length:
        place = -1 - place if place < 0 else 2 * length - 1 - place
    return place


def moved(
    mask: np.ndarray, known: Known, window: Window, augment: Augment, size: tuple[int, int], seed: int
) -> tuple[Known, np.ndarray]:
    """Carry facts, and carry the dense mask along as a label map."""
    labels = torch.from_numpy(window_of(mask, window))[None]
    draws = augment.draw([("a",)], seed)
    result = augment(labels[:, None].expand(-1, 3, -1, -1), labels, draws, size)
    facts = carry_facts(known, window, result.inverses[0].double().numpy(), size)
    return facts, result.labels[0].numpy()


def assert_true(facts: Known, truth: np.ndarray) -> None:
    for k in range(CLASSES):
        here = truth == k
        if facts.tags[k] != IGNORE:
            assert facts.tags[k] == here.any()
        assert facts.sizes[k, 0] <= here.sum() <= facts.sizes[k, 1]
        if np.isfinite(facts.centroids[k]).all():
            centre = np.argwhere(here).mean(0)
            assert (facts.centroids[k, :, 0] <= centre + 1e-6).all()
            assert (centre <= facts.centroids[k, :, 1] + 1e-6).all()
        mine = facts.boxes[facts.boxes[:, 0] == k]
        outside = here.copy()
        for _, top, left, bottom, right in mine:
            inside = here[top:bottom, left:right]
            assert inside.shape == (bottom - top, right - left)
            assert all(side.any() for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))
            outside[top:bottom, left:right] = False
        assert not (len(mine) and outside.any())


@given(seed=st.integers(0, 10**6), height=SIDES, width=SIDES, square=st.booleans())
def test_of_a_whole_image_every_fact_moves_along_and_stays_true(
    seed: int, height: int, width: int, square: bool
) -> None:
    width = height if square else width
    mask = scene(np.random.default_rng(seed), height, width)
    known = all_about(mask)
    facts, truth = moved(mask, known, Window(0, 0, height, width, height, width), TURNS, mask.shape, seed)
    assert_true(facts, truth)
    assert np.array_equal(facts.tags, known.tags)
    assert np.array_equal(facts.sizes, known.sizes)
    assert len(facts.boxes) == len(known.boxes)
    assert np.array_equal(np.isfinite(facts.centroids), np.isfinite(known.centroids))
    # The ranges keep their lengths, rows and columns perhaps in turn.
    lengths = [np.sort(np.diff(c.centroids[1:3]), axis=1) for c in (facts, known)]
    np.testing.assert_allclose(*np.nan_to_num(lengths), atol=1e-9)


@given(
    seed=st.integers(0, 10**6),
    height=st.integers(3, 60),
    width=st.integers(3, 60),
    crop=st.integers(16, 33),
    askew=st.booleans(),
)
def test_what_is_claimed_of_a_crop_is_true_of_it(
    seed: int, height: int, width: int, crop: int, askew: bool
) -> None:
    rng = np.random.default_rng(seed)
    mask, margin = scene(rng, height, width), crop // 4
    top, left = rng.integers(max(1, height - crop + 1)), rng.integers(max(1, width - crop + 1))
    side = crop + 2 * margin
    window = Window(int(top) - margin, int(left) - margin, side, side, height, width)
    augment = Augment(rotate_degrees=30, scale=0.3) if askew else TURNS
    facts, truth = moved(mask, all_about(mask), window, augment, (crop, crop), seed)
    assert_true(facts, truth)
    if askew or height < crop or width < crop:
        assert_nothing_but_absence(facts)


def assert_nothing_but_absence(facts: Known) -> None:
    assert len(facts.boxes) == 0
    assert not (facts.tags == 1).any()
    assert not facts.sizes[:, 0].any()
    assert not np.isfinite(facts.centroids).any()
    assert np.array_equal(facts.sizes[:, 1] == 0, facts.tags == 0)
    assert np.isinf(facts.sizes[facts.tags != 0, 1]).all()
    assert (facts.labels == IGNORE).all()


@given(seed=st.integers(0, 10**6), height=SIDES, width=SIDES, down=st.integers(0, 9), right=st.integers(0, 9))
def test_of_an_image_that_was_padded_only_absence_is_claimed(
    seed: int, height: int, width: int, down: int, right: int
) -> None:
    mask = scene(np.random.default_rng(seed), height, width)
    size = height + down, width + right
    facts, truth = moved(mask, all_about(mask), Window(0, 0, *size, height, width), TURNS, size, seed)
    assert_true(facts, truth)
    if down or right:
        assert_nothing_but_absence(facts)


def test_in_a_crop_a_box_seen_whole_stays_and_with_one_cut_none_of_its_class() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[4:9, 5:8], mask[12:15, 2:7], mask[2:5, 14:20] = 1, 2, 2
    window, size = Window(-4, -4, 24, 24, 40, 40), (16, 16)
    facts, _ = moved(mask, all_about(mask), window, STILL, size, 0)
    # The second box of class 2 goes beyond column 16: of that class no box would be true.
    assert facts.boxes.tolist() == [[1, 4, 5, 9, 8]]
    mask[2:5, 14:20] = 0
    mask[2:5, 16:20] = 2
    facts, _ = moved(mask, all_about(mask), window, STILL, size, 0)
    assert sorted(facts.boxes.tolist()) == [[1, 4, 5, 9, 8], [2, 12, 2, 15, 7]]
    assert facts.sizes[1].tolist() == [0, 15]
    assert facts.tags.tolist() == [IGNORE, IGNORE, IGNORE, 0]
    assert not np.isfinite(facts.centroids).any()


def test_a_quarter_turn_moves_box_and_centroid_by_hand() -> None:
    mask = np.zeros((5, 5), np.uint8)
    mask[0:2, 1:4] = 1
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])  # Of (x, y): right goes down, down goes left.
    facts = carry_facts(all_about(mask), Window(0, 0, 5, 5, 5, 5), turn, (5, 5))
    assert facts.boxes.tolist() == [[1, 1, 3, 4, 5]]
    assert facts.centroids[1].mean(1).tolist() == [2.0, 3.5]


@pytest.mark.parametrize("size", [(5, 5), (7, 4)])
def test_of_nothing_known_nothing_is_claimed(size: tuple[int, int]) -> None:
    nothing = Known.nothing(2, *size)
    assert carry_facts(nothing, Window(0, 0, *size, *size), np.eye(2), size).empty
    labelled = replace(nothing, labels=np.zeros(size, np.uint8))
    assert carry_facts(labelled, Window(0, 0, *size, *size), np.eye(2), size).empty
