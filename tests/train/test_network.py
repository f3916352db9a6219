"""The network of a run: normalised by its data, drawn from its seed alone, averaged as declared."""

import numpy as np
import pytest
import torch

from pointillist.core.known import Known
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE
from pointillist.models import Unet
from pointillist.train.network import Average, build_network
from pointillist.train.supervise import Supervised
from pointillist.train.tally import Tally

MOMENTS = (torch.tensor([0.5, 0.2, 0.1]), torch.tensor([0.25, 0.1, 1.0]))


def test_weights_depend_on_the_seed_alone_and_leave_other_chance_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = build_network(Unet(widths=(4, 8)), 2, 0, MOMENTS)
    assert torch.equal(torch.rand(3), expected)
    again = build_network(Unet(widths=(4, 8)), 2, 0, MOMENTS)
    other = build_network(Unet(widths=(4, 8)), 2, 1, MOMENTS)
    pairs = list(zip(first.parameters(), again.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_the_normalisation_is_stored_with_the_weights() -> None:
    network = build_network(Unet(widths=(4, 8)), 2, 0, MOMENTS).eval()
    images = torch.rand(2, 3, 8, 8)
    mean, deviation = (m.reshape(1, 3, 1, 1) for m in MOMENTS)
    torch.testing.assert_close(network(images), network.model((images - mean) / deviation))
    assert {"mean", "deviation"} <= network.state_dict().keys()


def test_the_tally_counts_colours_labels_and_seconds() -> None:
    rng = np.random.default_rng(0)
    images = [rng.random((3, 6, 7), dtype=np.float32) for _ in range(4)]
    images[0][2], images[1][2], images[2][2], images[3][2] = 0.5, 0.5, 0.5, 0.5
    tally = Tally(("background", "cat"))
    for number, image in enumerate(images):
        labels = np.full((6, 7), IGNORE, np.uint8)
        labels[0, :number] = 1
        tally.add(Supervised(Sample(f"a{number}", image), Known.from_labels(labels, 2), None))
    mean, deviation = tally.moments()
    pixels = np.stack(images).transpose(1, 0, 2, 3).reshape(3, -1)
    assert mean.tolist() == pytest.approx(pixels.mean(1).tolist(), rel=1e-5)
    assert deviation[:2].tolist() == pytest.approx(pixels[:2].std(1).tolist(), rel=1e-4)
    assert deviation[2] == 1  # A constant channel carries nothing.
    facts = tally.to_json()
    assert facts == {
        "images": 4,
        "annotated": 3,
        "marks": {},
        "seconds": 0.0,
        "labelled_pixels": {"background": 0, "cat": 6},
    }


def test_another_region_of_interest_is_other_data() -> None:
    image, labels = np.zeros((3, 4, 5), np.float32), np.full((4, 5), IGNORE, np.uint8)
    labels[1, 1] = 1
    hashes = set()
    for region in (None, labels == 1, np.ones((4, 5), bool)):
        tally = Tally(("background", "cat"))
        tally.add(Supervised(Sample("a", image), Known.from_labels(labels, 2), None, region))
        hashes.add(tally.sha256)
    assert len(hashes) == 3, "a run goes on with what it began with"


def test_the_average_follows_its_formula() -> None:
    network = build_network(Unet(widths=(4, 8)), 2, 0, MOMENTS)
    average = Average(network, decay=0.9)
    expected = next(network.parameters()).detach().clone()
    for step in range(30):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.1)
        average.update(network, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * next(network.parameters()).detach()
    torch.testing.assert_close(next(average.network.parameters()), expected)
    assert not average.network.training
