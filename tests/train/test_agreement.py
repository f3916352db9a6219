"""How held-out annotations of each kind are counted: maps drawn by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE
from pointillist.train.agreement import BOX_SLACK, SLACK, TOLD, Agreement
from pointillist.train.line import OFFSETS

NOTHING = Known.nothing(2, 4, 5)
USUAL = int(np.flatnonzero(OFFSETS == 0)[0])


def probs_of(rows: str, sure: float = 0.9) -> np.ndarray:
    """Give the probabilities of a prediction that is drawn as digits, row by row."""
    prediction = np.array([list(map(int, row)) for row in rows.split()])
    probs = np.full((2, *prediction.shape), 1 - sure)
    np.put_along_axis(probs, prediction[None], sure, axis=0)
    return probs


def agreement_on(rows: str, known: Known) -> Agreement:
    agreement = Agreement(2)
    agreement.add(probs_of(rows), known)
    return agreement


def counted(rows: str, known: Known) -> list[float]:
    """Give hits, misses and false alarms of what is told of class 1, where the line is drawn as usual."""
    counts: list[float] = agreement_on(rows, known).told[USUAL, 1].tolist()
    return counts


def lines(hits: float, misses: float, false: float) -> object:
    """Expect so many of the nine rows and columns."""
    return pytest.approx([hits / 9, misses / 9, false / 9])


def told(tag: int = IGNORE, low: float = 0, high: float = np.inf) -> Known:
    sizes = NOTHING.sizes.copy()
    sizes[1] = low, high
    return replace(NOTHING, tags=np.array([IGNORE, tag], np.uint8), sizes=sizes)


NONE = "00000 00000 00000 00000"
ALL = "11111 11111 11111 11111"
SIX = "00000 01110 01110 00000"


def test_labelled_pixels_count_as_they_are() -> None:
    labels = NOTHING.labels.copy()
    labels[0, 0], labels[1, 1], labels[1, 2], labels[3, 3] = 0, 1, 0, 1
    agreement = agreement_on(SIX, replace(NOTHING, labels=labels))
    assert agreement.clicks[USUAL].tolist() == [[1, 1], [1, 1]]


def test_a_full_mask_gives_the_dice_score() -> None:
    labels = np.zeros((4, 5), np.uint8)
    labels[1:3, 2:5] = 1
    agreement = agreement_on(SIX, replace(NOTHING, labels=labels))
    assert agreement.at(0.0) == pytest.approx(2 * 4 / (6 + 6), abs=0.02)


def test_of_a_box_each_line_that_meets_the_object_is_a_hit() -> None:
    boxed = replace(NOTHING, boxes=np.array([[1, 0, 1, 3, 5]]))
    # Of three rows and four columns, two rows and three columns show the object.
    assert counted(SIX, boxed) == lines(5, 2, 0)
    assert counted(NONE, boxed) == lines(0, 7, 0)
    assert counted(ALL, boxed) == lines(7, 0, 2)


@pytest.mark.parametrize(
    ("known", "rows", "expected"),
    [
        (told(), SIX, [0, 0, 0]),
        (told(tag=0, high=0), NONE, [0, 0, 0]),
        (told(tag=0, high=0), SIX, [0, 0, TOLD]),
        (told(tag=1, low=1), SIX, [TOLD, 0, 0]),
        (told(tag=1, low=1), NONE, [0, TOLD, 0]),
        (told(tag=1, high=8), NONE, [0, TOLD, 0]),
        (told(low=5, high=7), SIX, [TOLD, 0, 0]),
        (told(low=12, high=15), SIX, [TOLD / 2, TOLD / 2, 0]),
        (told(low=12, high=15), NONE, [0, TOLD, 0]),
        (told(low=1, high=3), SIX, [TOLD / 2, 0, TOLD / 2]),
        (told(high=10), ALL, [TOLD / 2, 0, TOLD / 2]),
    ],
)
def test_tags_and_sizes_count_a_tenth_of_an_image(known: Known, rows: str, expected: list[float]) -> None:
    assert counted(rows, known) == pytest.approx(expected)


def test_what_labels_or_boxes_say_is_not_counted_again() -> None:
    labels = NOTHING.labels.copy()
    labels[1, 1] = 1
    assert counted(SIX, replace(told(tag=1, low=1), labels=labels)) == [0, 0, 0]
    assert counted(SIX, replace(told(tag=1, low=12), labels=labels)) == pytest.approx([TOLD / 2, TOLD / 2, 0])
    boxed = replace(told(tag=1, low=12), boxes=np.array([[1, 1, 1, 3, 4]]))
    assert counted(SIX, boxed) == lines(5, 0, 0)
    full = replace(told(tag=0, high=0), labels=np.zeros((4, 5), np.uint8))
    assert counted(SIX, full) == [0, 0, 0]


def test_images_add_up_and_classes_weigh_the_same_in_the_likelihood() -> None:
    labels = np.full((4, 5), IGNORE, np.uint8)
    labels[0], labels[1, 1] = 0, 1
    known, agreement = replace(NOTHING, labels=labels), Agreement(2)
    agreement.add(probs_of(SIX, sure=0.9), known)
    agreement.add(probs_of(NONE, sure=0.8), known)
    assert agreement.at(0.0) == pytest.approx((1 + 0) / 2)
    background = (np.log(0.9) + np.log(0.8)) / 2
    lesion = (np.log(0.9) + np.log(0.2)) / 2
    assert agreement.likelihood() == pytest.approx((background + lesion) / 2)


def test_without_labels_there_is_no_likelihood_and_no_dice() -> None:
    agreement = agreement_on(SIX, NOTHING)
    assert agreement.likelihood() == 0
    assert agreement.best() == (0, 0)


def test_a_better_prediction_never_agrees_less() -> None:
    known = told(tag=1, low=8, high=12)
    drawn = [NONE, "10000 00000 00000 00000", SIX, "11111 11110 00000 00000"]
    scores = [agreement_on(rows, known).at(0.0) for rows in drawn]
    assert scores == sorted(scores)
    assert (scores[0], scores[-1]) == (0, 1)


def boxed(truth: np.ndarray) -> Known:
    rows, cols = np.nonzero(truth)
    box = np.array([[1, rows.min(), cols.min(), rows.max() + 1, cols.max() + 1]])
    return replace(Known.nothing(2, *truth.shape), boxes=box)


def ended(truth: np.ndarray) -> Known:
    """Give extreme points: the box, and the middle of the object's part on each of its sides."""
    known = boxed(truth)
    _, top, left, bottom, right = known.boxes[0]
    for edge in (np.s_[top, :], np.s_[bottom - 1, :], np.s_[:, left], np.s_[:, right - 1]):
        there = np.flatnonzero(truth[edge])
        known.labels[edge][there[len(there) // 2]] = 1
    return known


def drawn_by(
    clicks: str, bias: float, images: int = 40, seed: int = 0, by_heart: bool = False
) -> tuple[Agreement, Agreement]:
    """Discs seen by a network whose line is off by `bias`: what clicks tell of it, and what masks do."""
    told, masks = Agreement(2), Agreement(2)
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:48, :48]
    for _ in range(images):
        radius, centre = rng.uniform(6, 15), rng.uniform(16, 32, 2)
        distance = np.hypot(rows - centre[0], cols - centre[1])
        truth = (distance < radius).astype(np.uint8)
        noise = ndimage.gaussian_filter(rng.normal(0, 6, truth.shape), 2)
        foreground = 1 / (1 + np.exp(-((radius - distance) / 1.5 + noise + bias)))
        labels = np.full(truth.shape, IGNORE, np.uint8)
        for k in (0, 1):
            places = np.argwhere(truth == k)
            if clicks == "deep":
                places = places[np.argsort(-np.abs(distance - radius)[truth == k])[: len(places) // 10]]
            at = places[rng.choice(len(places), 5, replace=False)]
            labels[at[:, 0], at[:, 1]] = k
            if by_heart:
                foreground[at[:, 0], at[:, 1]] = (0.001, 0.999)[k]
        probs = np.stack([1 - foreground, foreground])
        drawn = {"box": boxed, "ends": ended}.get(clicks)
        told.add(probs, drawn(truth) if drawn else Known.from_labels(labels, 2))
        masks.add(probs, Known.from_labels(truth, 2))
    return told, masks


@pytest.mark.parametrize("bias", [-1.5, 0.0, 1.5])
def test_random_clicks_find_the_line_that_masks_would_draw(bias: float) -> None:
    told, masks = drawn_by("anywhere", bias)
    score, offset = told.best()
    assert masks.at(offset) > masks.curve.max() - 0.01
    assert score == pytest.approx(masks.at(offset), abs=0.05)


@pytest.mark.parametrize("bias", [-1.5, 1.5])
def test_learnt_clicks_help_a_few_held_out_ones_to_draw_the_line(bias: float) -> None:
    lost: dict[str, list[float]] = {"few": [], "both": []}
    for seed in range(1, 9):
        few, learnt = drawn_by("anywhere", bias, 2, seed)[0], drawn_by("anywhere", bias, 40, seed + 10)[0]
        both = few.with_learnt(learnt)
        assert few.by_few
        assert both is not None
        masks = drawn_by("anywhere", bias, 40, seed + 20)[1]
        for name, agreement in (("few", few), ("both", both)):
            lost[name].append(masks.curve.max() - masks.at(agreement.best()[1]))
    assert np.mean(lost["both"]) < 0.01
    assert np.mean(lost["few"]) > 2 * np.mean(lost["both"])


def test_clicks_that_are_known_by_heart_draw_no_line() -> None:
    few, learnt = drawn_by("anywhere", 1.5, 10)[0], drawn_by("anywhere", 1.5, by_heart=True)[0]
    assert few.with_learnt(learnt) is None


@pytest.mark.parametrize(("images", "enough"), [(6, False), (7, False), (8, True)])
def test_fifty_clicks_of_each_class_draw_a_line_learnt_ones_among_them(images: int, enough: bool) -> None:
    few, learnt = drawn_by("anywhere", 1.5, 2)[0], drawn_by("anywhere", 1.5, images, 1)[0]
    assert (few.with_learnt(learnt) is not None) == enough


def test_nothing_is_joined_to_what_masks_or_boxes_tell_and_masks_are_not_joined() -> None:
    (few, masks), boxes = drawn_by("anywhere", 1.5, 4), drawn_by("box", 1.5, 4)[0]
    assert not masks.by_few
    assert not boxes.by_few
    assert few.with_learnt(masks) is None
    assert few.with_learnt(boxes) is None


@pytest.mark.parametrize("bias", [-1.5, 0.0, 1.5])
def test_deep_clicks_which_say_little_about_the_line_do_no_harm(bias: float) -> None:
    told, masks = drawn_by("deep", bias)
    assert masks.at(told.best()[1]) > masks.at(0.0) - 0.03


@pytest.mark.parametrize("drawn", ["box", "ends"])
@pytest.mark.parametrize("bias", [-1.5, 0.0, 1.5])
def test_tight_boxes_and_extreme_points_find_the_line_that_masks_would_draw(bias: float, drawn: str) -> None:
    told, masks = drawn_by(drawn, bias)
    assert masks.at(told.best()[1]) > masks.curve.max() - 0.02


def test_a_row_is_met_by_a_tenth_of_what_is_usual_and_a_thin_line_by_a_pixel() -> None:
    broad, thin = np.zeros((2, 40, 50)), np.zeros((2, 40, 50))
    broad[1, 5:25, 5:25], broad[1, 30, 40] = 1, 1  # A stray pixel.
    thin[1, range(5, 25), range(5, 25)], thin[1, 30, 40] = 1, 1
    known = replace(Known.nothing(2, 40, 50), boxes=np.array([[1, 5, 5, 25, 25]]))
    for drawn, stray in ((broad, 0), (thin, 2)):
        agreement = Agreement(2)
        agreement.add(np.stack([1 - drawn[1], drawn[1]]), known)
        assert agreement.told[USUAL, 1] * 90 == pytest.approx(np.array([40, 0, stray]))


def test_only_what_is_estimated_is_uncertain() -> None:
    labels = np.full((4, 5), IGNORE, np.uint8)
    labels[0, 0], labels[2, 2] = 0, 1
    assert agreement_on(SIX, replace(NOTHING, labels=labels)).slack == SLACK
    assert agreement_on(SIX, boxed(1 - labels % 2)).slack == BOX_SLACK
    assert agreement_on(SIX, replace(NOTHING, labels=labels % 2)).slack == 0


def test_no_score_is_above_1() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        agreement = Agreement(3)
        probs = rng.dirichlet(np.ones(3), (8, 9)).transpose(2, 0, 1)
        labels = rng.choice([0, 1, 2, IGNORE, IGNORE, IGNORE], (8, 9)).astype(np.uint8)
        labels[labels == rng.integers(3)] = IGNORE  # One class is not clicked at all.
        agreement.add(probs, Known.from_labels(labels, 3))
        assert (agreement.curve <= 1 + 1e-9).all()
        assert (agreement.curve >= 0).all()


def test_of_many_images_fewer_pixels_each_are_looked_at_and_the_answer_stays() -> None:
    labels = np.full((200, 200), IGNORE, np.uint8)
    labels[:100:2, 10], labels[:100:2, 150] = 0, 1
    foreground = 1 / (1 + np.exp(-(np.arange(200) - 99.5) / 8)) * np.ones((200, 1))
    probs, answers = np.stack([1 - foreground, foreground]), []
    for images in (1, 1000):
        agreement = Agreement(2, images)
        agreement.add(probs, Known.from_labels(labels, 2))
        answers.append(agreement.at(0.0))
    assert answers[0] == pytest.approx(answers[1], abs=0.03)
    assert agreement._sparse[0].everywhere.shape == (256, 2)


def discs(radii: list[int], side: int = 64) -> list[np.ndarray]:
    """Draw one disc on each image."""
    away = np.hypot(*(np.mgrid[:side, :side] - side / 2))
    return [(away < radius).astype(np.uint8) for radius in radii]


def blurred(truth: np.ndarray) -> np.ndarray:
    """Give the probabilities of a network that is unsure along the outline."""
    foreground = np.clip(ndimage.gaussian_filter(truth.astype(float), 4), 0.01, 0.99)
    return np.stack([1 - foreground, foreground])


def test_every_image_weighs_the_same_however_large_its_object_is() -> None:
    small, large = discs([5, 28])
    agreement = Agreement(2)
    agreement.add(probs_of_map(small), Known.from_labels(small, 2))
    agreement.add(probs_of_map(np.zeros_like(large)), Known.from_labels(large, 2))
    assert agreement.at(0.0) == pytest.approx((1 + 0) / 2)


def probs_of_map(prediction: np.ndarray) -> np.ndarray:
    """Give sure probabilities of a label map."""
    return np.stack([1.0 - prediction, prediction]).clip(0.01, 0.99)


def test_clicks_and_masks_alike_estimate_the_mean_of_the_images_dice() -> None:
    told, masks = Agreement(2), Agreement(2)
    rng = np.random.default_rng(0)
    for truth in discs([4, 5, 6, 26, 27] * 8):
        labels = np.full(truth.shape, IGNORE, np.uint8)
        for k in (0, 1):
            at = rng.choice(np.flatnonzero(truth == k), 10, replace=False)
            labels.ravel()[at] = k
        probs = blurred(truth)
        told.add(probs, Known.from_labels(labels, 2))
        masks.add(probs, Known.from_labels(truth, 2))
    # Three small discs in five, of which little is found: together they are a twentieth of all areas.
    assert masks.at(0.0) < 0.6
    assert told.at(0.0) == pytest.approx(masks.at(0.0), abs=0.1)
    assert told.best()[1] == masks.best()[1]


def test_what_is_found_where_nothing_is_counts_against_it() -> None:
    truth, nothing = discs([10])[0], np.zeros((64, 64), np.uint8)
    alone, besides = Agreement(2), Agreement(2)
    for agreement in (alone, besides):
        agreement.add(probs_of_map(truth), Known.from_labels(truth, 2))
    besides.add(probs_of_map(truth), Known.from_labels(nothing, 2))
    assert alone.at(0.0) == 1
    # A false object as large as a true one: 2 * 1 / (2 * 1 + 1).
    assert besides.at(0.0) == pytest.approx(2 / 3)


def test_without_each_image_the_estimate_is_that_of_the_others() -> None:
    labels = NOTHING.labels.copy()
    labels[0, 0], labels[1, 1], labels[1, 2] = 0, 1, 1
    known = replace(NOTHING, labels=labels)
    shown = [probs_of(rows, sure=0.9) for rows in (SIX, NONE, ALL, SIX)]
    agreement = Agreement(2)
    for probs in shown:
        agreement.add(probs, known)
    for left_out, found in enumerate(agreement.without_each()):
        others = Agreement(2)
        for probs in shown[:left_out] + shown[left_out + 1 :]:
            others.add(probs, known)
        # Of so small images the same pixels are looked at, however many images there are.
        assert found == pytest.approx(others.best()[0])
    assert len(agreement.without_each()) == 4
    masks = Agreement(2)
    for rows in (SIX, NONE, ALL):
        masks.add(probs_of(rows, sure=0.9), replace(NOTHING, labels=(labels == 1).astype(np.uint8)))
    assert len(set(masks.without_each())) == 3
    assert agreement_on(SIX, known).without_each() == [], "one image"
    boxed = agreement_on(SIX, replace(NOTHING, boxes=np.array([[1, 0, 1, 3, 5]])))
    assert boxed.without_each() == [], "not of pixels alone"


@pytest.mark.parametrize("bias", [-1.5, 1.5])
def test_without_an_image_too_few_clicks_to_draw_a_line_leave_it_where_all_drew_it(bias: float) -> None:
    """Four images with five clicks on each class just draw one; three do not."""
    told, _ = drawn_by("anywhere", bias, images=4)
    offset = told.best()[1]
    assert offset != 0
    without = np.array(told.without_each())
    assert without.mean() == pytest.approx(told.at(offset), abs=0.02)
    # As many pseudo-values; of a Dice none lies far beyond what a Dice can be.
    pseudo_values = 4 * told.at(offset) - 3 * without
    assert 0.5 < pseudo_values.min() < pseudo_values.max() < 1.2


def test_many_images_are_left_out_in_twenty_parts() -> None:
    labels = NOTHING.labels.copy()
    labels[0, 0], labels[1, 1] = 0, 1
    agreement = Agreement(2, 45)
    for number in range(45):
        agreement.add(probs_of(SIX if number % 3 else NONE, sure=0.9), replace(NOTHING, labels=labels))
    assert len(agreement.without_each()) == 20
