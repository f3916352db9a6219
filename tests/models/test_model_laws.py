"""The laws that every model of the table obeys."""

import pytest
import torch
import torch.nn.functional as F
from pydantic import TypeAdapter
from torch import Tensor, nn

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.models import AnyModel, EncoderDecoder, Model, PretrainedUnet, TimmUnet, Unet
from pointillist.models.model import EncodedNetwork
from tests.models.recipes import EVERY, SMALL, every_model, every_size, every_small_model, name


def seeded(model: Model, channels: int = 3, num_classes: int = 2, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return model.build(channels, num_classes)


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


@every_model
@every_size
@pytest.mark.parametrize(("channels", "num_classes"), [(3, 2), (1, 5)])
def test_logits_have_the_images_size(
    model: Model, size: tuple[int, int], channels: int, num_classes: int
) -> None:
    network = seeded(model, channels, num_classes)
    for training in (True, False):
        logits = network.train(training)(noise(1, channels, *size))
        assert logits.shape == (1, num_classes, *size)
        assert logits.isfinite().all()


@every_model
@pytest.mark.parametrize("size", [(1, 1), (13, 30)], ids=name)
def test_alone_as_in_a_batch(model: Model, size: tuple[int, int]) -> None:
    network = seeded(model)
    for _ in range(5):  # so that a norm has statistics of its own
        network(noise(4, 3, *size))
    network.eval()
    images = noise(3, 3, *size)
    together = network(images)
    for image, logits in zip(images, together, strict=True):
        torch.testing.assert_close(network(image[None])[0], logits, rtol=1e-5, atol=1e-5)


@every_small_model
def test_overfits_one_image(model: Model) -> None:
    rows, cols = torch.meshgrid(torch.arange(29), torch.arange(35), indexing="ij")
    truth = ((rows - 12) ** 2 + (cols - 20) ** 2 < 60).long()[None]
    image = 0.3 * noise(1, 3, 29, 35) + 0.5 * truth
    network = seeded(model)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        loss = F.cross_entropy(network(image), truth)
        loss.backward()
        optimizer.step()
        if loss < 0.003:
            break
    with torch.no_grad():
        for _ in range(30):  # The norms' averages lag behind weights that were learned in a few steps.
            network(image)
    network.eval()
    assert (network(image).argmax(1) == truth).float().mean() > 0.98


@every_model
def test_seed_decides_the_weights(model: Model) -> None:
    first, again, other = (seeded(model, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@every_model
def test_gradients_reach_every_parameter(model: Model) -> None:
    network = seeded(model)
    with torch.no_grad():
        for parameter in network.parameters():  # Some residual branches end in a norm that starts at 0.
            parameter += 0.01 * noise(*parameter.shape)
    F.cross_entropy(network(noise(2, 3, 40, 40)), (noise(2, 40, 40) > 0.5).long()).backward()
    silent = [key for key, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent


@every_model
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_images_stay_finite(model: Model, value: float) -> None:
    network = seeded(model)
    images = torch.full((2, 3, 20, 20), value)
    logits = network(images)
    logits.sum().backward()
    assert logits.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert network.eval()(images).isfinite().all()


@every_model
def test_fresh_logits_are_moderate(model: Model) -> None:
    """Weights that are too large or too small show in the logits of a deep network without norms."""
    spread = seeded(model, num_classes=8)(noise(2, 3, 64, 64) * 2 - 1).std()
    assert 0.05 < spread < 5


@every_model
def test_images_stay_untouched_and_answers_are_repeatable(model: Model) -> None:
    network = seeded(model).eval()
    images = noise(2, 3, 16, 48)
    before = images.clone()
    assert torch.equal(network(images), network(images))
    assert torch.equal(images, before)


@every_model
def test_weights_round_trip(model: Model) -> None:
    network, other = seeded(model), seeded(model, seed=1)
    network(noise(2, 3, 32, 32))
    other.load_state_dict(network.state_dict())
    images = noise(2, 3, 17, 20)
    assert torch.equal(network.eval()(images), other.eval()(images))


@every_small_model
def test_layout_and_half_precision_change_little(model: Model) -> None:
    network = seeded(model).eval()
    images = noise(2, 3, 33, 47)
    plain = network(images)
    network.to(memory_format=torch.channels_last)
    images = images.to(memory_format=torch.channels_last)
    torch.testing.assert_close(network(images), plain, rtol=1e-4, atol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(images)
    assert half.dtype == torch.bfloat16
    assert (half.float() - plain).abs().mean() < 0.05 * plain.std()


@pytest.mark.parametrize("model", [m for m in SMALL if m.to_json().find("batch") > 0], ids=name)
def test_a_tile_on_the_grid_sees_what_the_whole_image_sees(model: Model) -> None:
    """Tiles are blended on this: far from the border, only the pools' grid ties a pixel to its place."""
    network = seeded(model).eval()
    image = noise(1, 3, 121, 130)
    tile = network(image[:, :, 16:120, 24:129])
    inside = network(image)[:, :, 16:120, 24:129]
    middle = (..., slice(40, -40), slice(40, -40))
    torch.testing.assert_close(tile[middle], inside[middle], rtol=1e-5, atol=1e-5)


@every_small_model
@pytest.mark.parametrize("size", [(1, 1), (13, 30), (30, 13)], ids=name)
def test_any_size_is_its_last_row_and_column_repeated(model: Model, size: tuple[int, int]) -> None:
    network = seeded(model).eval()
    image = noise(1, 3, *size)
    inside = model.layers(3, 2, *size)[0]
    rows = torch.arange(inside.height).clamp(max=size[0] - 1)
    cols = torch.arange(inside.width).clamp(max=size[1] - 1)
    logits = network(image[:, :, rows][:, :, :, cols])[:, :, : size[0], : size[1]]
    torch.testing.assert_close(network(image), logits, rtol=1e-5, atol=1e-5)


@every_model
def test_other_channels_are_refused(model: Model) -> None:
    with pytest.raises(InputError, match=r"images must have 3 channels, .* got 1"):
        seeded(model)(noise(1, 1, 8, 8))


@every_model
@pytest.mark.parametrize("size", [(13, 30), (64, 33)], ids=name)
def test_a_network_is_its_two_halves(model: Model, size: tuple[int, int]) -> None:
    network = seeded(model).eval()
    assert isinstance(network, EncodedNetwork)
    images = noise(2, 3, *size)
    torch.testing.assert_close(network.decode(network.encode(images), *size), network(images))


@every_model
def test_a_new_decoder_is_another_of_the_same_shape(model: Model) -> None:
    network = seeded(model)
    assert isinstance(network, EncodedNetwork)
    for _ in range(3):
        network(noise(4, 3, 40, 40))
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    with torch.random.fork_rng():
        torch.manual_seed(5)
        second = network.new_decoder()
    old = [*network.decoder.parameters(), *network.head.parameters()]
    assert [p.shape for p in second.parameters()] == [p.shape for p in old]
    convs = [(a, b) for a, b in zip(second.parameters(), old, strict=True) if a.ndim == 4]
    assert all(not torch.equal(a, b) for a, b in convs)
    # Its norms have seen nothing yet.
    assert all(not b.any() for key, b in second.named_buffers() if key.endswith("running_mean"))
    second(network.encode(noise(2, 3, 40, 40)), 40, 40).square().sum().backward()
    assert all(p.grad is not None for p in (*second.parameters(), *network.encoder.parameters()))
    assert all(p.grad is None for p in old)
    assert all(torch.equal(before[key], p) for key, p in network.named_parameters())


@pytest.mark.parametrize("model", EVERY, ids=name)
def test_json_round_trip(model: Model) -> None:
    again: Model = TypeAdapter(AnyModel).validate_json(model.to_json())
    assert again == model
    assert again.id == model.id


@pytest.mark.parametrize("cls", [EncoderDecoder, Unet, PretrainedUnet, TimmUnet])
@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"widths": []}, "widths"),
        ({"widths": [16, 0]}, "widths.1"),
        ({"widths": [1] * 11}, "widths"),
        ({"width": 16}, "Did you mean 'widths'"),
    ],
)
def test_bad_recipes_are_refused(cls: type[Model], data: object, field: str) -> None:
    with pytest.raises(InputError, match=field):
        validated(cls, data)


@pytest.mark.parametrize("cls", [EncoderDecoder, Unet])
def test_an_unknown_norm_is_refused(cls: type[Model]) -> None:
    with pytest.raises(InputError, match="norm"):
        validated(cls, {"norm": "layer"})
