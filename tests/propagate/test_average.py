"""Several propagators asked at once."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from pointillist.core.known import Known
from pointillist.propagate import AnyPropagator, Average, FeatureForest, FilledBox, Geodesic, RandomWalker

IMAGE = np.linspace(0, 1, 3 * 12 * 16, dtype=np.float32).reshape(3, 12, 16)


def two_clicks() -> Known:
    labels = np.full((12, 16), 255, np.uint8)
    labels[3, 3], labels[9, 12] = 1, 0
    return Known.from_labels(labels, 2)


def test_it_is_the_mean_of_its_members() -> None:
    members = (Geodesic(), RandomWalker())
    known = two_clicks()
    alone = [member.prepare([], 0)(IMAGE, known) for member in members]
    together = Average(of=members).prepare([], 0)(IMAGE, known)
    np.testing.assert_allclose(together, np.mean(alone, 0), atol=1e-6)


def test_a_member_that_says_nothing_does_not_count() -> None:
    known = two_clicks()  # No box: the filled box is silent.
    silent = FilledBox().prepare([], 0)(IMAGE, known)
    assert not silent[:, known.labels == 255].any()
    alone = Geodesic().prepare([], 0)(IMAGE, known)
    together = Average(of=(Geodesic(), FilledBox())).prepare([], 0)(IMAGE, known)
    np.testing.assert_allclose(together[:, 0, 0], alone[:, 0, 0], atol=1e-6)


def test_what_was_drawn_wins() -> None:
    known = two_clicks()
    asked = Average(of=(Geodesic(), RandomWalker()))
    soft = asked.propagate(asked.prepare([], 0), IMAGE, known)
    assert soft[:, 3, 3].tolist() == [0, 1]
    assert soft[:, 9, 12].tolist() == [1, 0]


def test_it_wants_what_a_member_wants_and_comes_back_from_json() -> None:
    nested = Average(of=(Geodesic(), Average(of=(FeatureForest(features=("filters", "encoder")),))))
    assert nested.wants == "encoder"
    assert TypeAdapter(AnyPropagator).validate_json(nested.to_json()) == nested
    with pytest.raises(ValidationError):
        Average(of=())


def test_members_that_want_two_learned_kinds_are_refused() -> None:
    one, other = (FeatureForest(features=(kind,)) for kind in ("encoder", "vae"))
    assert Average(of=(one, one, Geodesic())).wants == "encoder"
    for members in ((one, other), (Average(of=(one,)), Geodesic(), other)):
        with pytest.raises(ValidationError, match="one learned kind in all"):
            Average(of=members)
