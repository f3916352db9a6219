"""Held-out marks tell how good what is shown is, whom to believe, and whether more marks are worth it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from pointillist.propagate import FeatureForest
from pointillist.propagate.feature_forest import Rows
from pointillist.web.gauge import FEWEST, Gauge, Labelled, gauge

FOREST = FeatureForest(classifier="logistic")


def learn(rows: Sequence[Rows]) -> object:
    return FOREST.learn(rows, seed=0)


def image(seed: int, noise: float, network_right: float | None = None, fresh: bool = True) -> Labelled:
    """Ten pixels of two classes that one feature tells apart, but for the noise."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.array([0, 1], np.uint8), 5)
    features = (labels + noise * rng.standard_normal(10))[:, None].astype(np.float32)
    said = None
    if network_right is not None:
        right = np.arange(10) % 5 < round(5 * network_right)
        told = np.where(right, labels, 1 - labels)
        said = np.stack([told == 0, told == 1], 1) * 0.98 + np.float32(0.01)
    return Labelled((features, labels), 2, said, np.full(10, fresh))


def judged(images: Sequence[Labelled]) -> Gauge:
    found = gauge(images, learn, 2, lambda: True)
    assert found is not None
    return found


def test_nothing_is_said_of_few_images() -> None:
    found = judged([image(seed, 0.1) for seed in range(FEWEST - 1)])
    assert (found.agreement, found.curve, found.source) == (None, (), "forest")
    assert f"{FEWEST} annotated images" in found.verdict
    assert f"there are {FEWEST - 1}" in found.verdict


def test_what_is_easily_told_apart_agrees_and_needs_no_more() -> None:
    found = judged([image(seed, 0.05) for seed in range(40)])
    assert found.agreement is not None
    assert found.agreement > 0.99
    assert found.verdict.startswith("More marks of this kind are hardly worth it")
    assert [marks for marks, _ in found.curve] == [16, 32, 64]
    assert (found.images, found.marks) == (40, 80)


def test_chance_is_told_as_chance() -> None:
    found = judged([image(seed, 50.0) for seed in range(60)])
    assert found.agreement is not None
    assert abs(found.agreement - 0.5) < 0.12
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.agreement < found.high


def test_images_of_one_class_alone_are_not_enough() -> None:
    def alone(seed: int) -> Labelled:
        whole = image(seed, 0.1)
        rows = whole.rows[0][:5], whole.rows[1][:5]
        return Labelled(rows, 1, None, np.ones(5, bool))

    found = judged([alone(seed) for seed in range(8)])
    assert found.agreement is None, "a classifier that knows one class tells nothing"
    assert "one class" in found.verdict
    few = judged([alone(0), image(1, 0.1)])
    assert "annotated images on" in few.verdict, "two classes, but two images"


def test_the_better_source_is_shown() -> None:
    good = judged([image(seed, 3.0, network_right=1.0) for seed in range(20)])
    assert good.source in ("network", "both")
    assert good.sources["network"] == 1.0
    assert good.sources["network"] > good.sources["forest"]
    assert good.of == good.source
    assert good.agreement == good.sources[good.source]
    bad = judged([image(seed, 0.05, network_right=0.2) for seed in range(20)])
    assert (bad.source, bad.of) == ("forest", "forest")
    assert "changed the agreement of the classifier by" in bad.verdict


def test_of_few_images_that_are_all_told_right_the_rest_may_be_wrong() -> None:
    few = judged([image(seed, 0.05) for seed in range(7)])
    assert (few.agreement, few.high) == (1, 1)
    assert few.low == pytest.approx(0.5904, abs=1e-4), "0.025 to the power of 1/7"
    assert few.verdict.startswith("Whether more marks are worth it can't be told yet")


def test_the_verdict_on_both_is_about_both() -> None:
    images = [image(seed, 1.0, network_right=0.8) for seed in range(40)]
    found = judged(images)
    assert (found.of, found.source) == ("both", "both")
    assert found.agreement == found.sources["both"] > found.sources["forest"]
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.agreement < found.high
    assert found.curve[-1][1] == found.agreement
    assert "changed the agreement of classifier and network by" in found.verdict
    alone = judged([replace(one, network=None) for one in images])
    assert alone.agreement != found.agreement
    assert "changed the agreement of the classifier by" in alone.verdict


def test_the_verdict_on_a_network_promises_nothing_that_only_a_training_can_tell() -> None:
    # Where the classifier is sure and wrong, the mean is, too: the network alone is best.
    images = [image(seed, 6.0, network_right=0.8) for seed in range(40)]
    unsure = [replace(one, network=0.5 + 0.2 * (one.network - 0.5)) for one in images]
    found = judged(unsure)
    assert (found.of, found.source) == ("network", "network")
    assert found.agreement == found.sources["network"] == pytest.approx(0.8)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.agreement <= found.high
    assert found.curve == ()
    assert "the network" in found.verdict
    assert "train again" in found.verdict


def test_only_marks_that_are_new_to_the_network_judge_what_it_shares_in() -> None:
    new = [image(seed, 1.0, network_right=0.8) for seed in range(20)]
    learnt = [image(seed, 1.0, network_right=1.0, fresh=False) for seed in range(20, 50)]
    found = judged([*new, *learnt])
    assert found.sources["network"] == pytest.approx(0.8)
    assert found.of == found.source == "both"
    assert found.agreement == found.sources["both"] < 1


def test_of_an_image_only_its_new_marks_count() -> None:
    wrong = np.arange(10) % 5 == 4
    images = [replace(image(seed, 0.05, network_right=0.8), fresh=wrong) for seed in range(20)]
    found = judged(images)
    assert found.sources["network"] == 0.0
    assert found.source == "forest"


def test_too_few_new_marks_leave_the_figure_to_the_classifier_and_say_so() -> None:
    learnt = [image(seed, 0.1, network_right=1.0, fresh=False) for seed in range(20)]
    new = [image(seed, 0.1, network_right=1.0) for seed in range(20, 20 + FEWEST - 1)]
    found = judged(learnt + new)
    assert (found.source, found.of) == ("both", "forest")
    assert found.agreement is not None
    assert "changed the agreement of the classifier by" in found.verdict
    assert judged([*learnt, *new, image(99, 0.1, network_right=1.0)]).of == "both"


def test_what_the_network_has_learnt_from_says_nothing_about_it() -> None:
    found = judged([image(seed, 0.1, network_right=1.0, fresh=False) for seed in range(20)])
    assert found.sources == {}
    assert found.source == "both"


def test_it_is_left_when_someone_clicks() -> None:
    asked = iter([True, True, False])
    assert gauge([image(seed, 0.1) for seed in range(10)], learn, 2, lambda: next(asked)) is None
