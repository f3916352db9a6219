"""Images with boxes alone are spread by one propagator, all others by another."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from pointillist.core.known import Known
from pointillist.propagate import (
    AnyPropagator,
    Boxed,
    FeatureForest,
    FilledBox,
    Geodesic,
    Grabcut,
    Propagator,
    Superpixels,
)
from tests.propagate.scenes import boxed, clicks, disc, seeded

APART = Boxed(boxes=Grabcut(), others=Superpixels())
IMAGE, _ = disc()
BOX = boxed(40, 40, (1, 7, 11, 30, 34))
CLICKED = seeded(clicks(40, 40, (18, 22, 1), (3, 3, 0)))


def alone(propagator: Propagator, known: Known) -> np.ndarray:
    return propagator.propagate(propagator.prepare([], 0), IMAGE, known)


def test_each_image_is_spread_by_its_kind_as_that_one_alone_would() -> None:
    spreader = APART.prepare([(IMAGE, BOX), (IMAGE, CLICKED)], 0)
    for known, chosen in ((BOX, APART.boxes), (CLICKED, APART.others)):
        expected = alone(chosen, known)
        assert (expected.argmax(0) == 1).any()
        np.testing.assert_array_equal(APART.propagate(spreader, IMAGE, known), expected)


def test_a_box_with_a_click_in_it_is_no_box_alone() -> None:
    known = replace(BOX, labels=np.where(CLICKED.labels == 1, 1, BOX.labels).astype(np.uint8))
    np.testing.assert_array_equal(alone(APART, known), alone(APART.others, known))
    assert not np.array_equal(alone(APART, known), alone(APART.boxes, known))


def test_an_image_of_which_nothing_is_known_is_left_to_the_others() -> None:
    nothing = Known.nothing(2, 40, 40)
    assert not alone(Boxed(boxes=FilledBox(), others=Geodesic()), nothing).any()


def test_it_wants_what_either_wants_and_comes_back_from_json() -> None:
    encoder, vae = (FeatureForest(features=(kind,)) for kind in ("encoder", "vae"))
    asked = Boxed(boxes=Grabcut(), others=encoder)
    assert asked.wants == "encoder"
    assert APART.wants is None
    assert TypeAdapter(AnyPropagator).validate_json(asked.to_json()) == asked
    with pytest.raises(ValidationError, match="one learned kind in all"):
        Boxed(boxes=vae, others=encoder)
