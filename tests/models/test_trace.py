"""The feature maps' sizes: by hand, against the real network, and as a picture."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageDraw

from pointillist.core.errors import InputError
from pointillist.models import EncoderDecoder, LayerSize, Model, Unet
from pointillist.models.sketch import COLOURS, draw_model
from pointillist.models.trace import TraceError, activation_megabytes, count_parameters, trace
from tests.models.recipes import every_model, name

# The exercise: sketch the network, and the size of every feature map, by hand.
BY_HAND = """
pad                3 576 768         0
encoder.0.conv1   16 576 768       464
encoder.0.conv2   16 576 768      2336
encoder.1.pool    16 288 384         0
encoder.1.conv1   32 288 384      4672
encoder.1.conv2   32 288 384      9280
encoder.2.pool    32 144 192         0
encoder.2.conv1   64 144 192     18560
encoder.2.conv2   64 144 192     36992
decoder.0.up      32 288 384      8192
decoder.0.join    64 288 384         0
decoder.0.conv1   32 288 384     18496
decoder.0.conv2   32 288 384      9280
decoder.1.up      16 576 768      2048
decoder.1.join    32 576 768         0
decoder.1.conv1   16 576 768      4640
decoder.1.conv2   16 576 768      2336
head               2 576 768        34
crop               2 574 765         0
"""


def test_three_levels_by_hand() -> None:
    layers = trace(Unet(widths=(16, 32, 64)), channels=3, num_classes=2, size=(574, 765))
    rows = [f"{x.name} {x.channels} {x.height} {x.width} {x.parameters}" for x in layers]
    assert rows == [" ".join(line.split()) for line in BY_HAND.strip().splitlines()]


@every_model
@settings(max_examples=8)
@given(
    channels=st.integers(1, 4),
    num_classes=st.integers(1, 5),
    size=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
)
def test_arithmetic_and_network_agree(
    model: Model, channels: int, num_classes: int, size: tuple[int, int]
) -> None:
    layers = trace(model, channels, num_classes, size)
    assert (layers[-1].channels, layers[-1].height, layers[-1].width) == (num_classes, *size)
    network = model.build(channels, num_classes)
    assert count_parameters(layers) == sum(p.numel() for p in network.parameters())


def test_a_trace_draws_no_random_number() -> None:
    before = torch.get_rng_state()
    trace(Unet(), 3, 2, (64, 64))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_gigapixel_costs_nothing() -> None:
    layers = trace(Unet(), 3, 2, (40_000, 50_000))
    assert activation_megabytes(layers) > 1e6


class Liar(Unet):
    """A recipe whose arithmetic may be wrong."""

    lie: str = ""

    def layers(self, channels: int, num_classes: int, height: int, width: int) -> tuple[LayerSize, ...]:
        first, *rest = super().layers(channels, num_classes, height, width)
        return {
            "none": (first, *rest),
            "size": (dataclasses.replace(first, width=first.width + 1), *rest),
            "name": (dataclasses.replace(first, name="padding"), *rest),
            "order": (rest[0], first, *rest[1:]),
            "forgotten conv": (first, *rest[1:]),
            "parameters": (dataclasses.replace(first, parameters=1), *rest),
        }[self.lie]


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        ("size", r"layer 0 must be \('pad', \(3, 20, 21\)\); the forward pass gave \('pad', \(3, 20, 20\)"),
        ("name", "the network has no layer 'padding'"),
        ("order", "layer 0 must be"),
        ("forgotten conv", "parameters were predicted; there are"),
        ("parameters", "pad must have 1 parameters; it has 0"),
    ],
)
def test_a_wrong_prediction_is_found(lie: str, message: str) -> None:
    trace(Liar(lie="none"), 3, 2, (20, 20))
    with pytest.raises(TraceError, match=message):
        trace(Liar(lie=lie, widths=(4, 8)), 3, 2, (20, 20))


@every_model
def test_memory_is_what_the_backward_pass_keeps(model: Model) -> None:
    """Counted in the real graph: every tensor that is kept, once, but for the weights."""
    network = model.build(3, 2)
    weights = {t.untyped_storage().data_ptr() for t in (*network.parameters(), *network.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = network(torch.rand(2, 3, 61, 80))
    keep(logits)  # the loss keeps these
    measured = sum(storage.nbytes() for start, storage in kept.items() if start not in weights) / 1e6
    assert measured == pytest.approx(activation_megabytes(trace(model, 3, 2, (61, 80)), batch=2), rel=0.01)


def test_an_empty_image_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1x1; got 0x5"):
        trace(Unet(), 3, 2, (0, 5))


def share(picture: np.ndarray, operation: str) -> float:
    return float((picture == np.array(COLOURS[operation])).all(axis=2).mean())


@every_model
@pytest.mark.parametrize("size", [(1, 1), (565, 584), (2000, 30)], ids=name)
def test_every_model_can_be_drawn(model: Model, size: tuple[int, int]) -> None:
    picture = draw_model(trace(model, 3, 2, size))
    assert picture.dtype == np.uint8
    assert picture.shape[0] < 1600
    assert picture.shape[1] < 2600
    assert share(picture, "conv 3x3") > 0.001
    # Nothing runs out of the picture: its border is white.
    for edge in (picture[:8], picture[-8:], picture[:, :8], picture[:, -8:]):
        assert (edge == 255).all()


def test_the_picture_shows_the_skips_and_the_levels() -> None:
    unet = draw_model(trace(Unet(), 3, 2, (576, 768)))
    plain = draw_model(trace(EncoderDecoder(), 3, 2, (576, 768)))
    assert share(unet, "join") > 0.001
    assert share(plain, "join") == 0
    # The tallest column of a convolution's colour is the full resolution's, the lowest box a sixteenth of it.
    rows = (unet == np.array(COLOURS["conv 3x3"])).all(axis=2)
    tall = rows[:, rows.sum(0).argmax()].sum()
    lowest = rows[: unet.shape[0] - 100].nonzero()[0].max()
    low = rows[lowest - 40 : lowest + 1].any(axis=1).sum()
    assert tall / low == pytest.approx(16, rel=0.25)


def test_texts_do_not_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five levels and wide layers: every text's rectangle is its own."""
    boxes: list[tuple[float, float, float, float]] = []
    write = ImageDraw.ImageDraw.text

    def note(self: ImageDraw.ImageDraw, at: tuple[float, float], text: str, **how: object) -> None:
        boxes.append(self.textbbox(at, text, font=how["font"], anchor=how["anchor"]))  # type: ignore[arg-type]
        write(self, at, text, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", note)
    draw_model(trace(Unet(widths=(64, 128, 256, 512, 1024)), 3, 21, (1500, 1500)))
    assert len(boxes) > 40
    for place, (left, top, right, bottom) in enumerate(boxes):
        for a, b, c, d in boxes[:place]:
            assert right <= a or c <= left or bottom <= b or d <= top
