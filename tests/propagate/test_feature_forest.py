"""The pixel classifier: its filters, what it learns, what it says where it knows nothing."""

import numpy as np
import pytest
from scipy import ndimage

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.rng import numpy_rng
from pointillist.core.shapes import IGNORE
from pointillist.propagate import FeatureForest
from pointillist.propagate.feature_forest import at_places
from pointillist.propagate.filters import filter_maps, guided
from pointillist.propagate.propagator import Example

KINDS = ("committee", "extra-trees", "boosting", "logistic")
FAST = FeatureForest(sigmas=(1.0, 3.0), smooth_px=0)


def scene(number: int, side: int = 40, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A bright rough disc somewhere on a dark ground; the light differs from image to image."""
    rng = numpy_rng(number, "scene")
    rows, cols = np.mgrid[:side, :side]
    row, col = rng.integers(12, side - 12, size=2)
    mask = (np.hypot(rows - row, cols - col) < 9).astype(np.uint8)
    image = rng.uniform(0.1, 0.4) + 0.3 * mask + rng.normal(0, 0.05, (channels, side, side))
    return image.clip(0, 1).astype(np.float32), mask


def clicked(number: int, clicks: int = 3, **sizes: int) -> Example:
    image, mask = scene(number, **sizes)
    known = Known.nothing(2, *mask.shape)
    for label in (0, 1):
        places = np.argwhere(mask == label)
        chosen = places[numpy_rng(number, "clicks", label).choice(len(places), clicks, replace=False)]
        known.labels[chosen[:, 0], chosen[:, 1]] = label
    return image, known


EXAMPLES = [clicked(number) for number in range(6)]


def dice(prediction: np.ndarray, mask: np.ndarray) -> float:
    return 2 * (prediction & mask).sum() / (prediction.sum() + mask.sum())


def sums_to_one(probs: np.ndarray) -> None:
    np.testing.assert_allclose(probs.sum(0), 1, atol=1e-5)
    assert probs.min() >= 0


@pytest.mark.parametrize("kind", KINDS)
def test_segments_an_image_that_nobody_annotated(kind: str) -> None:
    spreader = FeatureForest(classifier=kind, sigmas=(1.0, 3.0)).prepare(EXAMPLES, seed=0)
    image, mask = scene(100)
    probs = spreader(image, Known.nothing(2, *mask.shape))
    sums_to_one(probs)
    np.testing.assert_array_equal(spreader.segment(image), probs.argmax(0))
    assert dice(spreader.segment(image), mask) > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_answer(kind: str) -> None:
    recipe = FeatureForest(classifier=kind, sigmas=(1.0,), smooth_px=0)
    image, _ = scene(100)
    first, second = (recipe.prepare(EXAMPLES[:3], seed=4).probs(image) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_propagation_keeps_the_seeds_and_forgets_what_is_unsure() -> None:
    image, known = EXAMPLES[0]
    # A click that contradicts the image wins all the same.
    known.labels[0, 0] = 1
    recipe = FeatureForest(sigmas=(1.0, 3.0), smooth_px=0, confidence=0.9)
    told = recipe.propagate(recipe.prepare(EXAMPLES[1:], seed=0), image, known)
    labelled = known.labels != IGNORE
    np.testing.assert_array_equal(told.argmax(0)[labelled], known.labels[labelled])
    sure = told.max(0)[~labelled & (told.max(0) > 0)]
    assert 0 < len(sure) < (~labelled).sum()
    assert (sure >= 0.9).all()
    known.labels[0, 0] = IGNORE


def test_knowing_fewer_than_two_classes_it_says_nothing() -> None:
    image, known = clicked(0)
    known.labels[known.labels == 0] = IGNORE
    for examples in ([(image, known)], [(image, Known.nothing(2, *known.labels.shape))]):
        assert not FeatureForest().prepare(examples, seed=0)(image, known).any()


def test_a_class_that_nobody_labelled_gets_no_probability() -> None:
    image, known = clicked(0)
    three = Known.nothing(3, *known.labels.shape)
    three.labels[...] = np.where(known.labels == 1, 2, known.labels)
    probs = FAST.prepare([(image, three)], seed=0).probs(image)
    assert not probs[1].any()
    sums_to_one(probs)
    mask = scene(0)[1]
    assert dice((probs.argmax(0) == 2).astype(np.uint8), mask) > 0.8


def test_dense_maps_are_sampled_evenly_between_classes() -> None:
    mask = scene(0)[1]
    known = Known.nothing(2, *mask.shape)
    known.labels[...] = mask
    recipe = FeatureForest(pixels=7)
    places = recipe.choose(known, np.random.default_rng(0))
    assert np.bincount(mask[places[:, 0], places[:, 1]]).tolist() == [7, 7]
    assert len(np.unique(places, axis=0)) == 14


def test_images_of_different_sizes_and_one_channel() -> None:
    examples = [clicked(n, side=side, channels=1) for n, side in ((0, 40), (1, 57), (2, 33))]
    spreader = FAST.prepare(examples, seed=0)
    image, mask = scene(9, side=70, channels=1)
    assert dice(spreader.segment(image), mask) > 0.8


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3)])
def test_tiny_images(size: tuple[int, int]) -> None:
    spreader = FeatureForest(classifier="logistic", smooth_px=4).prepare(EXAMPLES, seed=0)
    probs = spreader.probs(np.full((3, *size), 0.5, np.float32))
    assert probs.shape == (2, *size)
    sums_to_one(probs)


def test_a_large_image_is_looked_at_smaller() -> None:
    recipe = FeatureForest(sigmas=(1.0, 2.0), side=40, smooth_px=0)
    examples = [(i.repeat(2, 1).repeat(2, 2), _twice(known)) for i, known in EXAMPLES]
    spreader = recipe.prepare(examples, seed=0)
    image, mask = scene(100)
    assert recipe.describe(image.repeat(2, 1), None).shape[1:] == (40, 20)
    assert dice(spreader.segment(image.repeat(2, 1).repeat(2, 2)), mask.repeat(2, 0).repeat(2, 1)) > 0.85


def _twice(known: Known) -> Known:
    larger = Known.nothing(2, *(2 * side for side in known.labels.shape))
    larger.labels[::2, ::2] = known.labels
    return larger


def test_position_is_learnt_when_asked() -> None:
    """On noise alone only the place tells the left from the right."""
    rng = np.random.default_rng(0)
    examples = []
    for _ in range(4):
        known = Known.nothing(2, 24, 24)
        known.labels[::3, 2], known.labels[::3, 21] = 0, 1
        examples.append((rng.uniform(size=(3, 24, 24)).astype(np.float32), known))
    image = rng.uniform(size=(3, 24, 24)).astype(np.float32)
    mask = np.zeros((24, 24), np.uint8)
    mask[:, 12:] = 1
    placed = FAST.model_copy(update={"position": True}).prepare(examples, seed=0).segment(image)
    blind = FAST.prepare(examples, seed=0).segment(image)
    assert (placed == mask).mean() > 0.9
    assert (blind == mask).mean() < 0.7


def test_how_far_to_smooth_is_chosen_by_the_clicks() -> None:
    """Large blobs in noise ask for a wide window, lines of two pixels for none."""
    wide, thin = [], []
    for number in range(9):
        rng = numpy_rng(number, "smoothing")
        stripes = np.zeros((64, 64), np.uint8)
        stripes[:, number % 4 :: 6] = 1
        stripes[:, number % 4 + 1 :: 6] = 1
        blob = np.zeros((64, 64), np.uint8)
        blob[16:48, 16 + number : 48 + number] = 1
        for mask, contrast, noise, kept in ((blob, 0.1, 0.25, wide), (stripes, 0.03, 0.005, thin)):
            image = 0.4 + contrast * mask + rng.normal(0, noise, (3, 64, 64))
            known = Known.nothing(2, 64, 64)
            drawn = rng.random(mask.shape) < 0.01
            known.labels[drawn] = mask[drawn]
            kept.append((image.clip(0, 1).astype(np.float32), known))
    # Trees know the pixels that they learnt from by heart: only others can tell that smoothing helps.
    recipe = FeatureForest(sigmas=(0.7, 1.4), classifier="extra-trees")
    assert recipe.prepare(wide, seed=0).smooth_px >= 2
    assert recipe.prepare(thin, seed=0).smooth_px == 0


def test_learned_features_join_the_filters() -> None:
    """The second half of the features is the truth itself: the forest must find it."""
    rng = np.random.default_rng(0)
    truths = {}
    examples = []
    for number in range(3):
        image, mask = rng.uniform(size=(3, 20, 20)).astype(np.float32), scene(number, side=26)[1][:20, :20]
        truths[image.tobytes()] = mask
        known = Known.nothing(2, 20, 20)
        known.labels[::4, ::4] = mask[::4, ::4]
        examples.append((image, known))

    def oracle(image: np.ndarray) -> np.ndarray:
        return truths[image.tobytes()][None].astype(np.float32)

    recipe = FeatureForest(features=("filters", "encoder"), sigmas=(1.0,), smooth_px=0)
    assert recipe.wants == "encoder"
    spreader = recipe.prepare(examples, seed=0, features=oracle)
    assert dice(spreader.segment(examples[0][0]), truths[examples[0][0].tobytes()]) == 1
    with pytest.raises(InputError, match="encoder features must be given"):
        recipe.prepare(examples, seed=0)


def test_mistakes_are_told() -> None:
    with pytest.raises(InputError, match="one learned kind"):
        validated(FeatureForest, {"features": ["encoder", "vae"]})
    with pytest.raises(InputError, match="must hold an image"):
        FeatureForest().prepare([], seed=0)
    spreader = FAST.prepare(EXAMPLES, seed=0)
    with pytest.raises(InputError, match="3 channels"):
        spreader.probs(np.zeros((1, 8, 8), np.float32))
    with pytest.raises(InputError, match="3 channels"):
        FAST.prepare([*EXAMPLES, clicked(7, channels=1)], seed=0)


def test_filters_of_a_ramp_by_hand() -> None:
    """Brightness rises by 0.01 a pixel to the right: the slope is 0.01 times the scale, and nothing bends."""
    ramp = np.broadcast_to(np.arange(64) * 0.01, (1, 64, 64)).astype(np.float32)
    for sigma in (0.7, 2.0, 6.0):
        smooth, _, slope, *hessian, along, across, deviation = filter_maps(ramp, (sigma,))[:, 32, 32]
        assert smooth == pytest.approx(0.32, abs=2e-3)
        assert slope == pytest.approx(0.01 * sigma, rel=0.02)
        np.testing.assert_allclose(hessian, 0, atol=1e-4)
        assert along == pytest.approx(0.01 * sigma, rel=0.02)
        assert across == pytest.approx(0, abs=1e-3)
        assert deviation < 0.01 * sigma * 2


def test_filters_turn_with_the_image() -> None:
    image = numpy_rng(0, "turn").uniform(size=(2, 32, 32)).astype(np.float32)
    turned = filter_maps(np.rot90(image, axes=(1, 2)).copy(), (1.0, 4.0))
    np.testing.assert_allclose(turned, np.rot90(filter_maps(image, (1.0, 4.0)), axes=(1, 2)), atol=1e-4)


def test_colours_relative_to_the_image_forget_the_light() -> None:
    image, _ = scene(0)
    dim, bright = (filter_maps((image * factor).astype(np.float32), (1.0,))[3:6] for factor in (0.5, 1.0))
    np.testing.assert_allclose(dim, bright, atol=0.25)


def test_the_guided_filter_equals_a_slow_one() -> None:
    rng = np.random.default_rng(0)
    image = rng.uniform(size=(3, 12, 10)).astype(np.float32)
    raw = rng.uniform(size=(3, 12, 10)).astype(np.float32)
    probs = raw / raw.sum(0)
    guide = image.mean(0)

    def boxed(maps: np.ndarray) -> np.ndarray:
        return ndimage.convolve(maps.astype(float), np.full((5, 5), 1 / 25), mode="nearest")

    slow = []
    for share in probs:
        cov = boxed(guide * share) - boxed(guide) * boxed(share)
        slope = cov / (boxed(guide * guide) - boxed(guide) ** 2 + 0.001)
        slow.append(boxed(slope) * guide + boxed(boxed(share) - slope * boxed(guide)))
    expected = np.clip(slow, 0, None)
    np.testing.assert_allclose(guided(probs, image, 2), expected / expected.sum(0), atol=1e-4)
    np.testing.assert_array_equal(guided(probs, image, 0), probs)


def test_a_click_on_a_large_image_is_read_where_its_middle_lies_on_the_smaller_maps() -> None:
    maps = np.arange(4, dtype=np.float32)[None, :, None] + 10 * np.arange(3, dtype=np.float32)
    places = np.array([[0, 0], [2, 1], [5, 4], [3, 2]])
    rows, cols = ((places + 0.5) * [4 / 6, 3 / 5]).astype(int).T
    assert at_places(maps, places, (6, 5))[:, 0].tolist() == (rows + 10 * cols).tolist()
    assert at_places(maps, np.array([[3, 2]]), (4, 3))[0, 0] == maps[0, 3, 2]
