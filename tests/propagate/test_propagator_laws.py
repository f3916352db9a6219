"""The laws of propagators, for each that is listed and needs nothing but images."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE
from pointillist.propagate import PROPAGATORS, AnyPropagator, LocalPropagator, Propagator
from tests.propagate.scenes import boxed, clicks, disc, seeded

# Those that learn from all images, or need a file of weights, have laws of their own.
LOCAL: list[LocalPropagator] = [
    kind()
    for kind in PROPAGATORS.values()
    if issubclass(kind, LocalPropagator) and "weights" not in kind.model_fields
]
SEEDED = [p for p in LOCAL if p.kind in {"random-walker", "geodesic", "superpixels", "grabcut"}]
every = pytest.mark.parametrize("propagator", LOCAL, ids=lambda p: p.kind)
every_seeded = pytest.mark.parametrize("propagator", SEEDED, ids=lambda p: p.kind)


def spread(propagator: Propagator, image: np.ndarray, known: Known) -> np.ndarray:
    return propagator.propagate(propagator.prepare([(image, known)], seed=0), image, known)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[np.ndarray, Known]:
    channels, k = draw(st.sampled_from([1, 3, 4])), draw(st.integers(1, 4))
    height, width = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = rng.integers(0, k, (height, width))
    labels[rng.random((height, width)) < draw(st.sampled_from([0.0, 0.5, 0.9, 0.97]))] = IGNORE
    image = rng.random((channels, height, width)).round(draw(st.integers(0, 3))).astype(np.float32)
    return image, seeded(labels, k)


@every
@settings(max_examples=25)
@given(scene=scenes())
def test_keeps_its_seeds_and_gives_probabilities(
    propagator: LocalPropagator, scene: tuple[np.ndarray, Known]
) -> None:
    image, known = scene
    before = image.copy(), known.labels.copy()
    probs = spread(propagator, image, known)
    assert probs.dtype == np.float32
    drawn = known.labels != IGNORE
    assert (probs.argmax(0)[drawn] == known.labels[drawn]).all()
    assert (probs.max(0)[drawn] == 1).all()
    total = probs.sum(0)
    assert ((np.abs(total - 1) < 1e-5) | (total == 0)).all()
    assert (probs >= 0).all()
    assert (np.where(total > 0, probs.max(0), 1) >= propagator.confidence).all()
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(known.labels, before[1])


@every
def test_leaves_a_full_map_as_it_is(propagator: LocalPropagator) -> None:
    image, mask = disc(20)
    np.testing.assert_array_equal(spread(propagator, image, seeded(mask)), np.stack([mask == 0, mask == 1]))


@every
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (20, 20)], ids=str)
def test_says_nothing_where_nothing_is_known(propagator: LocalPropagator, size: tuple[int, int]) -> None:
    image = np.full((3, *size), 0.5, np.float32)
    assert not spread(propagator, image, Known.nothing(3, *size)).any()


@every
def test_same_answer_twice(propagator: LocalPropagator) -> None:
    image, _ = disc()
    known = seeded(clicks(40, 40, (18, 22, 1), (3, 3, 0), (36, 5, 0)))
    np.testing.assert_array_equal(spread(propagator, image, known), spread(propagator, image, known))


@every
def test_json_round_trip(propagator: LocalPropagator) -> None:
    assert TypeAdapter(AnyPropagator).validate_json(propagator.to_json()) == propagator


@every_seeded
def test_one_colour_goes_to_the_nearest_seed(propagator: LocalPropagator) -> None:
    """Two clicks that mirror each other; a superpixel may straddle the middle."""
    image = np.full((3, 24, 48), 0.5, np.float32)
    known = seeded(clicks(24, 48, (12, 12, 0), (12, 35, 1)))
    if propagator.kind == "grabcut":
        # The least cut fences one click in; but colours that tell nothing apart leave the rest unknown.
        assert spread(propagator, image, known).sum() == 2
        return
    probs = propagator.spread(image, known)
    assert (probs[0, :, :22] > 0.5).all()
    assert (probs[1, :, 26:] > 0.5).all()


@every_seeded
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("drawn", ["clicks", "box"])
def test_finds_a_disc(propagator: LocalPropagator, channels: int, drawn: str) -> None:
    image, mask = disc(channels=channels)
    dots = seeded(clicks(40, 40, (18, 22, 1), (14, 20, 1), (3, 3, 0), (36, 5, 0), (20, 37, 0), (5, 33, 0)))
    rows, cols = np.nonzero(mask)
    box = boxed(40, 40, (1, rows.min(), cols.min(), rows.max() + 1, cols.max() + 1))
    known = dots if drawn == "clicks" else box
    found = propagator.spread(image, known).argmax(0)
    overlap = 2 * (found & mask).sum() / (found.sum() + mask.sum())
    assert overlap > 0.9
    told = spread(propagator, image, known)
    sure = told.sum(0) > 0
    assert sure.mean() > 0.15
    assert (told.argmax(0) == mask)[sure].mean() > 0.9


@every_seeded
@pytest.mark.parametrize("turn", [np.fliplr, np.transpose], ids=["mirrored", "transposed"])
def test_turned_image_turned_answer(
    propagator: LocalPropagator, turn: Callable[[np.ndarray], np.ndarray]
) -> None:
    image, _ = disc(noise=0.1)
    labels = clicks(40, 40, (18, 22, 1), (3, 3, 0), (36, 5, 0), (20, 37, 0))
    plain = np.stack([turn(p) for p in propagator.spread(image, seeded(labels))])
    turned = propagator.spread(np.stack([turn(band) for band in image]), seeded(turn(labels)))
    # SLIC lays its grid from the top left, so superpixels differ; all others agree to a solver's tolerance.
    if propagator.kind == "superpixels":
        assert (plain.argmax(0) == turned.argmax(0)).mean() > 0.9
    else:
        assert (np.abs(plain - turned) > 0.01).any(0).mean() < 0.002


@every_seeded
def test_contrast_is_immaterial(propagator: LocalPropagator) -> None:
    image, _ = disc()
    known = seeded(clicks(40, 40, (18, 22, 1), (3, 3, 0), (36, 5, 0), (20, 37, 0)))
    pale = (0.25 + image / 8).astype(np.float32)
    plain, faint = propagator.spread(image, known), propagator.spread(pale, known)
    assert (np.abs(plain - faint) < 0.01).all(0).mean() > 0.99


@every_seeded
def test_one_seeded_class_stays_where_it_is_unless_the_tags_rule_out_the_others(
    propagator: LocalPropagator,
) -> None:
    image, _ = disc()
    known = seeded(clicks(40, 40, (3, 3, 0), (36, 5, 0)))
    assert spread(propagator, image, known).sum() == 2
    known.tags[:] = 1, 0
    assert (spread(propagator, image, known)[0] == 1).all()


@every_seeded
def test_a_class_without_a_seed_gets_nothing(propagator: LocalPropagator) -> None:
    image, _ = disc()
    known = seeded(clicks(40, 40, (18, 22, 3), (3, 3, 1), (36, 5, 1)), num_classes=5)
    probs = propagator.spread(image, known)
    assert not probs[[0, 2, 4]].any()
    np.testing.assert_allclose(probs.sum(0), 1, atol=1e-5)
    assert probs[:, 18, 24].argmax() == 3


@every_seeded
def test_large_images_are_looked_at_smaller(propagator: LocalPropagator) -> None:
    image, mask = disc(120)
    known = seeded(clicks(120, 120, (54, 66, 1), (40, 60, 1), (9, 9, 0), (108, 15, 0), (60, 111, 0)))
    small = propagator.model_copy(update={"side": 40})
    probs = spread(small, image, known)
    sure = probs.sum(0) > 0
    assert (probs.argmax(0) == mask)[sure].mean() > 0.9
    assert (probs.argmax(0) == known.labels)[known.labels != IGNORE].all()
