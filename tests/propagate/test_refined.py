"""A propagator's labels, cut along the outlines of each image."""

import numpy as np
from pydantic import TypeAdapter

from pointillist.core.known import Known
from pointillist.propagate import AnyPropagator, FeatureForest, FilledBox, Grabcut, Refined
from tests.propagate.scenes import boxed, clicks, disc, seeded

FOREST = FeatureForest(classifier="logistic", smooth_px=0)
BOX = FilledBox(shape="rectangle")


def overlap(found: np.ndarray, mask: np.ndarray) -> float:
    return float(2 * (found & mask).sum() / (found.sum() + mask.sum()))


def two_discs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A red disc, which is wanted, and a blue one, which is not, on grey."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:40, :60]
    red, blue = ((rows - 20) ** 2 + (cols - col) ** 2 < 81 for col in (15, 44))
    image = np.full((3, 40, 60), 0.5)
    image[0] += 0.3 * red
    image[2] += 0.3 * blue
    return (image + 0.03 * rng.standard_normal(image.shape)).clip(0, 1).astype(np.float32), red


def spread(refined: Refined, image: np.ndarray, known: Known, others: int = 0) -> np.ndarray:
    """Learn from the image and others that are fully labelled."""
    drawn = [two_discs(1 + n) for n in range(others)]
    examples = [(other, seeded(red)) for other, red in drawn]
    return refined.propagate(refined.prepare([*examples, (image, known)], 0), image, known)


def disc_in_a_loose_box() -> tuple[np.ndarray, np.ndarray, Known]:
    image, mask = disc()
    rows, cols = np.nonzero(mask)
    return image, mask, boxed(40, 40, (1, rows.min() - 3, cols.min() - 3, rows.max() + 3, cols.max() + 3))


def test_what_other_images_taught_decides_which_outline_is_meant() -> None:
    image, red = two_discs(0)
    known = seeded(clicks(40, 60, (3, 30, 0)))  # Alone, nothing shows what is foreground here.
    assert Grabcut().propagate(Grabcut().spread, image, known).sum() == 1
    assert overlap(spread(Refined(of=FOREST), image, known, 4).argmax(0) == 1, red) > 0.9


def test_the_outline_is_the_images_not_the_refined_labels() -> None:
    image, mask, known = disc_in_a_loose_box()
    filled = BOX.spread(image, known).argmax(0) == 1
    cut = Refined(of=BOX, weight=0.1).prepare([], 0)(image, known).argmax(0) == 1
    assert overlap(filled, mask == 1) < 0.8
    assert overlap(cut, mask == 1) > 0.9


def test_the_weight_says_how_much_the_refined_labels_count() -> None:
    image, _, known = disc_in_a_loose_box()
    filled = BOX.spread(image, known).argmax(0) == 1
    obeyed = Refined(of=BOX, weight=1000.0).prepare([], 0)(image, known).argmax(0) == 1
    assert overlap(obeyed, filled) > 0.99


def test_where_the_refined_says_nothing_it_cuts_from_the_seeds() -> None:
    image, _ = disc()
    known = seeded(clicks(40, 40, (18, 22, 1), (3, 3, 0), (36, 5, 0)))
    silent = Refined(of=FilledBox()).prepare([], 0)(image, known)
    np.testing.assert_array_equal(silent, Grabcut().spread(image, known))


def test_what_was_drawn_wins_and_an_absent_class_is_not_there() -> None:
    image, red = two_discs(0)
    known = seeded(clicks(40, 60, (20, 15, 0), (3, 30, 0)))
    soft = spread(Refined(of=FOREST), image, known, 4)
    assert soft[:, 20, 15].tolist() == [1, 0]
    assert (soft.argmax(0) == 1)[red].mean() > 0.5
    known.tags[1] = 0
    assert not spread(Refined(of=FOREST), image, known, 4)[1].any()


def test_it_wants_what_the_refined_wants_and_comes_back_from_json() -> None:
    refined = Refined(of=FeatureForest(features=("filters", "encoder")), by=Grabcut(rounds=1))
    assert refined.wants == "encoder"
    assert TypeAdapter(AnyPropagator).validate_json(refined.to_json()) == refined
