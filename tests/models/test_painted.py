"""Networks that have learnt painted images: what they know before any label, and how weights are kept."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.datasets import Synthetic
from pointillist.models import PretrainedUnet, Unet, painted
from pointillist.models.imagenet import available
from pointillist.models.unet import UnetNetwork

CURVES = Unet(start="curves")


def filled(channels: int = 3, num_classes: int = 2) -> UnetNetwork:
    network = CURVES.build(channels, num_classes)
    CURVES.fill(network)
    assert isinstance(network, UnetNetwork)
    return network.eval()


def seen(network: UnetNetwork, images: np.ndarray) -> np.ndarray:
    """Give the probabilities of images that are normalised by their own mean and deviation."""
    tensor = torch.from_numpy(
        (images - images.mean((2, 3), keepdims=True)) / images.std((2, 3), keepdims=True)
    )
    with torch.no_grad():
        return network(tensor).softmax(1).numpy()


def test_it_finds_curves_before_it_has_seen_a_label() -> None:
    data = Synthetic(scene="curves", seed=1)  # Another seed than it has learnt from.
    samples = [data.read(name) for name in data.names("test")]
    found = seen(filled(), np.stack([s.image for s in samples]))[:, 1] > 0.5
    masks = np.stack([s.truth() for s in samples]) == 1
    assert 2 * (found & masks).sum() / (found.sum() + masks.sum()) > 0.6


def test_a_grey_image_is_seen_as_its_three_equal_colours() -> None:
    grey = Synthetic(scene="curves", seed=1).read("test-00000").image.mean(0)
    of_one = seen(filled(channels=1), grey[None, None])
    of_three = seen(filled(), np.stack([grey] * 3)[None])
    assert of_one == pytest.approx(of_three, abs=1e-4)


def test_several_foreground_classes_share_what_the_curves_have() -> None:
    image = Synthetic(scene="curves", seed=1).read("test-00000").image[None]
    two, four = seen(filled(), image), seen(filled(num_classes=4), image)
    assert four[:, 1:].sum(1) == pytest.approx(two[:, 1], abs=1e-4)
    assert four[:, 1] == pytest.approx(four[:, 3], abs=1e-6)


def test_weights_are_filled_in_when_a_training_starts_and_not_when_a_network_is_built() -> None:
    drawn, random = CURVES.build(3, 2).state_dict(), Unet().build(3, 2).state_dict()
    assert drawn.keys() == random.keys()
    torch.manual_seed(0)
    drawn = CURVES.build(3, 2).state_dict()
    torch.manual_seed(0)
    random = Unet().build(3, 2).state_dict()
    assert all(torch.equal(drawn[name], random[name]) for name in random)


@pytest.mark.parametrize("other", [{"widths": [8, 16]}, {"norm": "group"}])
def test_other_widths_or_norms_cannot_start_from_them(other: dict[str, object]) -> None:
    with pytest.raises(InputError, match="start from random weights"):
        validated(Unet, {"start": "curves", **other})


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(painted.weights_file("curves").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "curves.safetensors").write_bytes(data)
    (tmp_path / "curves.json").write_bytes(painted.card_file("curves").read_bytes())
    monkeypatch.setattr(painted, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="SHA-256"):
        filled()


OBJECTS = PretrainedUnet(decoder="objects")
needs_imagenet = pytest.mark.skipif(not available(), reason="the extra 'pretrained' is not installed")


@needs_imagenet
def test_a_decoder_finds_objects_before_it_has_seen_a_label() -> None:
    data = Synthetic(scene="objects", seed=1)  # Another seed than it has learnt from.
    samples = [data.read(name) for name in data.names("test")]
    network = OBJECTS.build(3, 3)
    OBJECTS.fill(network)
    images = (torch.from_numpy(np.stack([s.image for s in samples])) - 0.5) / 0.5
    with torch.no_grad():
        found = network.eval()(images).softmax(1)[:, 1:].sum(1).numpy() > 0.5
    masks = np.stack([s.truth() for s in samples]) == 1
    assert 2 * (found & masks).sum() / (found.sum() + masks.sum()) > 0.7


@pytest.mark.parametrize("other", [{"encoder": "efficientnet-lite1"}, {"pretrained": False}])
def test_a_decoder_for_another_encoder_is_refused(other: dict[str, object]) -> None:
    with pytest.raises(InputError, match="random decoder"):
        validated(PretrainedUnet, {"decoder": "objects", **other})


def test_a_frozen_encoder_stays_as_it_is_while_the_decoder_learns() -> None:
    network = PretrainedUnet(pretrained=False, freeze=True).build(3, 2)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    network.train()
    network(torch.rand(2, 3, 64, 64)).square().mean().backward()
    optimizer.step()
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert not any(name.startswith("encoder.") for name in changed)
