"""What the default recipe sees in annotations: kinds of marks, and whether things are thin."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pointillist.annotate import (
    AnyAnnotator,
    Boxes,
    Density,
    ExtremePointsAnnotator,
    Full,
    Mixed,
    PointsAnnotator,
    Scribbles,
    Several,
    SizeRanges,
    Tags,
)
from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.marks import Size
from pointillist.core.raster import to_labels
from pointillist.core.shapes import IGNORE, AnyMask
from pointillist.datasets import Folder, Synthetic
from pointillist.models.imagenet import available
from pointillist.propagate import Average, Boxed, FeatureForest, Grabcut
from pointillist.train.bounds import SizeBounds
from pointillist.train.evidence import gather
from pointillist.train.feed import steps_per_epoch
from pointillist.train.recipe import RECIPES, apply_recipe
from pointillist.train.supervise import supervised
from pointillist.train.thinness import alike, joined, mixing, seen_px, stroked, width_px
from tests.train.small import small_run

LESIONS = Synthetic(size=(96, 128), train=12, val=2, test=2)
VESSELS = Synthetic(scene="vessels", size=(96, 128), train=12, val=2, test=2)
BUILDINGS = Synthetic(scene="aerial", train=12, val=2, test=2)
CLICKS = PointsAnnotator(positive=8, negative=8)


EVERY_SHARE = [Density(probability=p) for p in (0.01, 0.02, 0.05, 0.1, 0.3)]


@pytest.mark.parametrize("annotate", [CLICKS, *EVERY_SHARE, Full()], ids=str)
def test_vessels_are_thin_and_lesions_are_not(annotate: object) -> None:
    assert gather(small_run(data=VESSELS, annotate=annotate)).thin
    assert not gather(small_run(data=LESIONS, annotate=annotate)).thin


@pytest.fixture(scope="module")
def full_depth_px() -> float:
    depth = gather(small_run(data=BUILDINGS, annotate=Full())).shape.depth_px
    assert depth is not None
    return depth


@pytest.mark.parametrize("annotate", EVERY_SHARE, ids=str)
def test_how_deep_things_are_does_not_depend_on_how_much_is_labelled(
    annotate: Density, full_depth_px: float
) -> None:
    """Buildings of 4 px: clicks of both classes mix as on broad things where a tenth is labelled."""
    found = gather(small_run(data=BUILDINGS, annotate=annotate))
    assert found.shape.depth_px is not None
    assert abs(found.shape.depth_px - full_depth_px) < 1
    assert found.thin


def test_one_click_of_each_says_nothing_about_thinness() -> None:
    lone = gather(small_run(data=VESSELS, annotate=PointsAnnotator(positive=1, negative=1)))
    assert lone.shape.mixing is None
    assert not lone.thin
    assert lone.kinds == {"points": 12}


def test_mixing_by_hand() -> None:
    maps = np.full((1, 40), IGNORE, np.uint8)
    maps[0, :4] = [1, 0, 1, 0]
    # Both foreground pixels' nearest is background; chance would give 2 of the 3 others.
    assert mixing([maps]) == pytest.approx(1.5)
    assert mixing([np.array([[0, 0, 1]], np.uint8)]) is None
    assert mixing([]) is None


@pytest.mark.parametrize("strategy", ["border", "spread"])
def test_wherever_one_clicks_lesions_are_broad_and_vessels_thin(strategy: str) -> None:
    """Clicks at the outline lie beside those of the other class, and so do those that keep their distance."""
    annotate = PointsAnnotator(positive=5, negative=5, strategy=strategy)
    broad = gather(small_run(data=LESIONS, annotate=annotate))
    assert broad.shape.mixing is not None
    assert broad.shape.mixing > 0.5
    assert not broad.thin
    assert gather(small_run(data=VESSELS, annotate=annotate)).thin


STROKES = [Scribbles(length=0.5), Scribbles(), PointsAnnotator(positive=5, negative=5, radius=2)]


@pytest.mark.parametrize("annotate", STROKES, ids=str)
def test_strokes_and_discs_never_mix_but_show_how_broad_things_are(annotate: object) -> None:
    broad, thin = (gather(small_run(data=data, annotate=annotate)) for data in (LESIONS, VESSELS))
    assert broad.shape.mixing is thin.shape.mixing is None
    assert thin.thin
    assert not broad.thin


@pytest.mark.parametrize("annotate", STROKES, ids=str)
def test_many_broad_things_are_not_thin_though_background_lies_between_them(
    annotate: object,
) -> None:
    data = Synthetic(scene="aerial", size=(512, 512), train=4, val=1, test=1)
    found = gather(small_run(data=data, annotate=annotate))
    assert found.shape.joined is not None
    assert found.shape.joined < 0.7
    assert not found.thin


def drawn_folder(root: Path, classes: str, scene: Callable[[int], tuple[np.ndarray, AnyMask]]) -> Folder:
    """Write eight images (grey) with their masks."""
    for number in range(8):
        for kind, pixels in zip(("images", "masks"), scene(number), strict=True):
            (root / "train" / kind).mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(number).normal(0, 8, pixels.shape) * (kind == "images")
            noisy = np.clip(pixels + noise, 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(root / "train" / kind / f"{number}.png")
    (root / "pointillist.yaml").write_text(f"classes: [{classes}]\n")
    return Folder(root=root)


def fields_and_roads(number: int) -> tuple[np.ndarray, AnyMask]:
    """Draw water above a field with roads of 3 px."""
    mask = np.ones((96, 96), np.uint8)
    mask[:20] = 0
    for at in (10, 45, 80):
        mask[24:, at + number : at + number + 3] = 2
    return np.array([60, 110, 210])[mask], mask


def lungs(number: int) -> tuple[np.ndarray, AnyMask]:
    """Draw two broad things of one colour, each a class of its own."""
    rows, cols = np.mgrid[:96, :128]
    mask = np.zeros((96, 128), np.uint8)
    for label, col in ((1, 36 + number), (2, 90 + number)):
        mask[((rows - 48) / 36) ** 2 + ((cols - col) / 22) ** 2 < 1] = label
    return np.array([170, 70, 70])[mask], mask


@pytest.mark.parametrize(
    "annotate",
    [Full(), Density(probability=0.02), Scribbles(), PointsAnnotator(positive=8, negative=8)],
    ids=lambda a: a.kind,
)
def test_a_thin_class_beside_broad_ones_is_not_smoothed_away(annotate: object, tmp_path: Path) -> None:
    run = small_run(data=drawn_folder(tmp_path, "water, field, road", fields_and_roads), annotate=annotate)
    found = gather(run)
    assert found.thin
    assert found.shape.of == "road"
    chosen, choice = apply_recipe(run, "auto")
    assert not isinstance(chosen.propagate, Grabcut | Average)
    assert "thin or scattered things (road: " in choice.why


@pytest.mark.parametrize(
    "annotate",
    [
        Full(),
        Scribbles(),
        PointsAnnotator(positive=5, negative=5),
        PointsAnnotator(positive=5, negative=5, strategy="border"),
        PointsAnnotator(positive=8, negative=8, strategy="centre"),
        PointsAnnotator(positive=5, negative=5, radius=2),
    ],
    ids=str,
)
def test_broad_things_of_one_colour_and_two_classes_are_broad(annotate: object, tmp_path: Path) -> None:
    """Half of what lies beside a click on the left lung looks like the right one, and is the left one."""
    data = drawn_folder(tmp_path, "background, left, right", lungs)
    assert not gather(small_run(data=data, annotate=annotate)).thin


def test_alike_by_hand() -> None:
    image = np.full((1, 40, 60), 0.2, np.float32)
    image[:, 5:15], image[:, 25:35] = 0.8, 0.8
    image[:, :, 40:] += np.linspace(0, 0.01, 20, dtype=np.float32)
    labels = np.full((40, 60), IGNORE, np.uint8)
    labels[10, 45:55], labels[30, 42:58] = 1, 2
    labels[10, 10:20], labels[30, 10:20] = 1, 2
    labels[20, 5:55] = 0
    assert alike(image, labels) == {(1, 2), (2, 1)}
    image[:, 25:35] = 0.6
    assert alike(image, labels) == set()


def test_seen_px_by_hand() -> None:
    image = np.full((1, 40, 60), 0.2, np.float32)
    image[:, 14:27] = 0.8  # A bar of 13 px: from its middle line, 7 px to the background.
    labels = np.full((40, 60), IGNORE, np.uint8)
    labels[20, 15:45] = 1
    assert seen_px(image, labels) is None
    labels[4, 15:45] = 0
    assert seen_px(image, labels) == pytest.approx(7, abs=0.5)
    image[:, :] = 0.8  # Nothing ends anywhere.
    assert seen_px(image, labels) == 8


def test_width_px_by_hand() -> None:
    image = np.full((1, 60, 60), 0.2, np.float32)
    image[:, 20:27] = 0.8
    labels = np.full((60, 60), IGNORE, np.uint8)
    labels[[23, 24], [15, 40]] = 1
    assert width_px(image, labels) is None
    labels[[4, 50], [15, 30]] = 0
    assert width_px(image, labels) == pytest.approx(7, abs=0.5), "of a bar of 7 px"
    image[:, 20:] = 0.8
    labels[50, 30], labels[5, 30], labels[21, 50] = IGNORE, 0, 1
    across, within = 1.5 + 8.5, 2 * 8.5
    assert width_px(image, labels) == pytest.approx((across + 2 * within) / 3, abs=4), (
        "at an outline, and inside"
    )


@pytest.mark.parametrize("count", [8, 20])
def test_clicks_in_the_middle_of_vessels_and_far_from_them_are_on_thin_things(count: int) -> None:
    annotate = PointsAnnotator(positive=count, negative=count, strategy="centre")
    found = gather(small_run(data=VESSELS, annotate=annotate))
    assert found.shape.mixing is not None
    assert found.shape.mixing < 0.3, "they keep together, as on blobs"
    assert found.thin
    for broad in (LESIONS, BUILDINGS, Synthetic(scene="objects", train=12, val=2, test=2)):
        assert not gather(small_run(data=broad, annotate=annotate)).thin


def test_joined_by_hand() -> None:
    image = np.full((1, 40, 40), 0.2, np.float32)
    image[:, 8:32, 8:32] = 0.8
    labels = np.full((40, 40), IGNORE, np.uint8)
    labels[[12, 28], [12, 28]] = 1
    assert joined(image, labels) is None
    labels[[2, 38], [2, 38]] = 0
    assert joined(image, labels) == 1
    image[:, 16:24] = 0.2  # Two things: in the middle of the way lies background, a third of 16 px of 12.
    assert joined(image, labels) == pytest.approx(1 / 3, abs=0.1)


def test_joined_does_not_list_the_pairs_of_a_scribbles_pixels() -> None:
    image = np.full((1, 300, 300), 0.2, np.float32)
    image[:, 50:] = 0.8
    labels = np.full((300, 300), IGNORE, np.uint8)
    labels[60:120], labels[:5, :5] = 1, 0  # 18,000 pixels: 162 million pairs.
    assert joined(image, labels) == 1


def test_kinds_are_counted_by_image() -> None:
    mixed = Mixed(of=((CLICKS, 0.3), (Boxes(), 0.3), (Tags(), 0.2)))
    found = gather(small_run(data=LESIONS, annotate=mixed))
    assert found.images == 12
    assert {"points", "box"} <= set(found.kinds)
    assert found.silent == 12 - sum(found.kinds.values())
    assert found.full == 0


def clicked_on(folder: Path, data: Synthetic, names: tuple[str, ...]) -> Path:
    """Write files of clicks on these images alone."""
    for name in names:
        write_annotation(folder / f"{name}.json", CLICKS.annotate(data.read(name), data.classes, 0))
    return folder


def test_what_few_of_many_images_hold_is_seen_wherever_they_stand(tmp_path: Path) -> None:
    data = Synthetic(scene="vessels", size=(96, 128), train=300, val=2, test=2)
    clicks = clicked_on(tmp_path, data, data.names("train")[1:9])
    found = gather(small_run(data=data, annotate=None, annotations=clicks))
    assert (found.images, found.silent, found.kinds) == (300, 292, {"points": 8})
    assert found.thin
    run, choice = apply_recipe(small_run(data=data, annotate=None, annotations=clicks), "auto")
    assert "clicks on 8 of 300 images" in choice.why
    assert isinstance(run.propagate, FeatureForest)
    bounds = SizeBounds(low=(0.1,), high=(0.3,))
    assert gather(small_run(data=data, annotate=None, annotations=clicks, sizes=bounds)).sized == 300


def test_a_mark_of_one_image_of_hundreds_is_counted() -> None:
    data = Synthetic(size=(96, 128), train=150, val=2, test=2)
    people = Mixed(of=((CLICKS, 0.98), (Tags(), 0.02)))
    kinds = [
        mark.kind
        for name in data.names("train")
        for mark in people.annotate(data.read(name), data.classes, 0).marks[:1]
    ]
    found = gather(small_run(data=data, annotate=people))
    assert 0 < kinds.count("tag") < 10
    assert found.kinds == {kind: kinds.count(kind) for kind in set(kinds)}


def test_images_that_nobody_can_have_annotated_are_not_decoded_to_choose(tmp_path: Path) -> None:
    """All but the first of them are no images at all, which the training says."""
    data = Synthetic(size=(24, 32), train=40, val=0, test=0)
    names = data.names("train")
    clicked_on(tmp_path / "train" / "annotations", data, names[5:10])
    (tmp_path / "train" / "images").mkdir()
    for name in names:
        file = tmp_path / "train" / "images" / f"{name}.png"
        if name in (names[0], *names[5:10]):
            pixels = np.rint(data.read(name).image * 255).astype(np.uint8)
            Image.fromarray(pixels.transpose(1, 2, 0)).save(file)
        else:
            file.write_bytes(b"no image")
    (tmp_path / "pointillist.yaml").write_text("classes: [background, lesion]\n")
    found = gather(small_run(data=Folder(root=tmp_path), annotate=None))
    assert (found.images, found.silent, found.kinds) == (40, 35, {"points": 5})


def masked(root: Path, void: AnyMask, codes: str, without: int = 0) -> Folder:
    """Write lesions whose masks are 255 there; the first of them have no mask."""
    for number, name in enumerate(LESIONS.names("train")):
        sample = LESIONS.read(name)
        assert sample.mask is not None
        files = {"images": np.rint(sample.image * 255).astype(np.uint8).transpose(1, 2, 0)}
        if number >= without:
            files["masks"] = np.where(void, np.uint8(255), sample.mask)
        for kind, pixels in files.items():
            (root / "train" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / "train" / kind / f"{name}.png")
    (root / "pointillist.yaml").write_text(f"classes: [background, lesion]\ncodes: {codes}\n")
    return Folder(root=root)


VOID = "{0: background, 1: lesion, 255: void}"
GAPS = "{0: background, 1: lesion, 255: unlabelled}"
NOWHERE = np.zeros((96, 128), bool)
BORDER = np.pad(NOWHERE[10:-10, 10:-10], 10, constant_values=True)


@pytest.mark.parametrize(("void", "without"), [(NOWHERE, 0), (BORDER, 0), (NOWHERE, 1), (BORDER, 3)])
def test_full_masks_are_full_though_parts_are_void_or_some_images_have_none(
    void: AnyMask, without: int, tmp_path: Path
) -> None:
    run = small_run(data=masked(tmp_path, void, VOID, without), annotate=Full())
    assert gather(run).full == 12 - without
    chosen, _ = apply_recipe(run, "auto")
    assert chosen.propagate is None
    assert [term.loss.kind for term in chosen.supervise] == ["cross-entropy", "dice"]


@pytest.mark.parametrize(
    ("void", "codes", "annotate"),
    [
        (BORDER, GAPS, Full()),  # Nobody has labelled the border yet.
        (~BORDER, VOID, Full()),  # Hardly anything is drawn.
        (BORDER, VOID, Density(probability=0.9)),
        (BORDER, VOID, CLICKS),
    ],
    ids=["unlabelled", "mostly void", "density", "clicks"],
)
def test_what_shows_less_than_a_mask_is_not_full(
    void: AnyMask, codes: str, annotate: object, tmp_path: Path
) -> None:
    run = small_run(data=masked(tmp_path, void, codes), annotate=annotate)
    assert gather(run).full == 0
    assert all(supervised(run, name).region is None for name in run.data.names("train"))


def as_label_maps(root: Path, data: Synthetic, annotate: AnyAnnotator) -> Folder:
    """Write what is drawn as ilastik and napari do: an image of labels."""
    for name in data.names("train"):
        sample = data.read(name)
        drawn = to_labels(annotate.annotate(sample, data.classes, 0))
        image = np.rint(sample.image * 255).astype(np.uint8).transpose(1, 2, 0)
        for kind, pixels in (("images", image), ("labels", drawn)):
            (root / "train" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / "train" / kind / f"{name}.png")
    (root / "pointillist.yaml").write_text(f"classes: [{', '.join(data.classes)}]\n")
    return Folder(root=root)


@pytest.mark.parametrize("data", [LESIONS, VESSELS], ids=["lesions", "vessels"])
@pytest.mark.parametrize(
    "annotate", [Scribbles(), PointsAnnotator(positive=5, negative=5, radius=2)], ids=["lines", "dabs"]
)
def test_strokes_are_learnt_from_alike_as_marks_and_as_a_label_map(
    data: Synthetic, annotate: AnyAnnotator, tmp_path: Path
) -> None:
    maps = small_run(data=as_label_maps(tmp_path, data, annotate), annotate=None)
    assert gather(maps).kinds == {"strokes": 12}
    (of_maps, choice), (of_marks, _) = (
        apply_recipe(run, "auto") for run in (maps, small_run(data=data, annotate=annotate))
    )
    assert of_maps.supervise == of_marks.supervise
    assert of_maps.propagate == of_marks.propagate
    assert of_maps.model == of_marks.model
    assert "strokes in label maps on 12 images" in choice.why


@pytest.mark.parametrize("data", [LESIONS, VESSELS, BUILDINGS], ids=["lesions", "vessels", "buildings"])
@pytest.mark.parametrize("annotate", [Density(probability=0.001), *EVERY_SHARE, Full()], ids=str)
def test_maps_labelled_by_chance_or_all_over_are_no_strokes(data: Synthetic, annotate: object) -> None:
    assert set(gather(small_run(data=data, annotate=annotate)).kinds) == {"dense"}


def test_what_is_filled_in_a_map_is_no_stroke() -> None:
    labels = np.full((200, 200), IGNORE, np.uint8)
    labels[10:14, 10:190], labels[60:64, 10:190] = 1, 0
    assert stroked(labels)
    labels[100:130, 100:130] = 1
    assert not stroked(labels)


def test_sizes_are_seen_only_where_somebody_states_them() -> None:
    assert gather(small_run(data=LESIONS, annotate=SizeRanges())).sized == 12
    assert gather(small_run(data=LESIONS, annotate=Tags())).sized == 0
    assert gather(small_run(data=LESIONS, annotate=Boxes())).sized == 0


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("annotate", [CLICKS, Boxes(), Tags(), Full(), SizeRanges()], ids=lambda a: a.kind)
def test_every_recipe_makes_a_run_of_everything(recipe: str, annotate: object) -> None:
    run, choice = apply_recipe(small_run(data=LESIONS, annotate=annotate), recipe)
    assert run.annotate == annotate
    assert run.data == LESIONS
    assert run.supervise
    assert "\n" not in choice.what + choice.why
    reads = set().union(*(term.loss.reads for term in run.supervise))
    if run.propagate or run.teacher:
        assert "soft" in reads  # What is written is read.


@pytest.mark.parametrize("annotate", [Tags(), SizeRanges()], ids=lambda a: a.kind)
def test_where_nothing_is_drawn_nothing_is_spread_and_the_line_says_what_is_learnt_from(
    annotate: object,
) -> None:
    run, choice = apply_recipe(small_run(data=LESIONS, annotate=annotate), "auto")
    assert run.propagate is None
    assert "GrabCut" not in choice.what
    assert ("tag" in choice.what) == (annotate == Tags())
    assert ("size" in choice.what) == (annotate == SizeRanges())


def test_the_default_smooths_nothing_thin_and_spreads_what_is_broad() -> None:
    some, _ = apply_recipe(small_run(data=VESSELS, annotate=Density(probability=0.01)), "auto")
    few, choice = apply_recipe(small_run(data=VESSELS, annotate=CLICKS), "auto")
    broad, _ = apply_recipe(small_run(data=LESIONS, annotate=CLICKS), "auto")
    boxed, _ = apply_recipe(small_run(data=LESIONS, annotate=Boxes()), "auto")
    assert some.propagate is None
    assert {term.loss.kind for term in some.supervise} == {"cross-entropy", "dice"}
    assert isinstance(few.propagate, FeatureForest)
    assert "boosted trees" in choice.what
    assert isinstance(broad.propagate, Average)
    # No pixel of an object is labelled where boxes alone are drawn: a forest would learn nothing.
    assert isinstance(boxed.propagate, Grabcut)


def test_so_few_clicks_that_nothing_shows_the_shape_are_told_and_what_to_do_about_thin_things() -> None:
    said = "so few clicks on an image don't show it; of thin things take --recipe plain"
    for clicks in (1, 8):
        people = PointsAnnotator(positive=clicks, negative=clicks)
        _, choice = apply_recipe(small_run(data=VESSELS, annotate=people), "auto")
        assert (said in choice.why) == (clicks == 1)
    plain, _ = apply_recipe(small_run(data=VESSELS, annotate=people), "plain")
    assert plain.propagate is None


def test_boxes_beside_clicks_are_spread_as_boxes_are() -> None:
    people = Mixed(of=((CLICKS, 0.3), (Boxes(), 0.6)))
    data = LESIONS.model_copy(update={"train": 24})
    mixed, choice = apply_recipe(small_run(data=data, annotate=people), "auto")
    assert isinstance(mixed.propagate, Boxed)
    assert isinstance(mixed.propagate.boxes, Grabcut)
    assert isinstance(mixed.propagate.others, Average)
    assert re.search(r"boxes on \d+, clicks on \d+ of \d+ images", choice.why)
    both, _ = apply_recipe(small_run(data=LESIONS, annotate=Several(of=(CLICKS, Boxes()))), "auto")
    assert isinstance(both.propagate, Average), "a click in a box tells of what is in it"


def test_that_a_class_has_no_pixel_is_a_size_too(tmp_path: Path) -> None:
    for name in LESIONS.names("train"):
        none = Annotation(
            name=name, height=96, width=128, classes=LESIONS.classes, marks=(Size(label=1, low=0, high=0),)
        )
        write_annotation(tmp_path / f"{name}.json", none)
    run, _ = apply_recipe(small_run(data=LESIONS, annotate=None, annotations=tmp_path), "auto")
    assert "size" in {term.loss.kind for term in run.supervise}
    full, _ = apply_recipe(small_run(data=LESIONS, annotate=Full()), "auto")
    assert "size" not in {term.loss.kind for term in full.supervise}


@pytest.mark.parametrize("recipe", ["auto", "knowledge"])
def test_what_holds_for_whole_images_is_learnt_from_whole_images(recipe: str) -> None:
    tagged = Several(of=(CLICKS, Tags()))  # Of what is there a pixel is clicked, and moves along.
    for annotate, crop in ((Tags(), None), (SizeRanges(), None), (CLICKS, 64), (tagged, 64)):
        run, choice = apply_recipe(
            small_run(data=VESSELS, annotate=annotate, crop=64, crops_per_image=4), recipe
        )
        assert run.crop == crop
        assert run.crops_per_image == (1 if crop is None else 4)
        assert ("whole images" in choice.what) == (crop is None)


@pytest.mark.skipif(not available(), reason="needs the extra pretrained")
def test_full_masks_are_learnt_from_for_longer_than_labels_that_may_be_wrong() -> None:
    masks, _ = apply_recipe(small_run(data=LESIONS, annotate=Full(), epochs=2000), "auto")
    weak, _ = apply_recipe(small_run(data=LESIONS, annotate=CLICKS, epochs=2000), "auto")
    assert masks.epochs == 2 * weak.epochs


def test_few_images_are_passed_over_as_often_as_makes_enough_steps() -> None:
    for annotate in (Full(), CLICKS):
        run, _ = apply_recipe(small_run(data=LESIONS, annotate=annotate), "auto")
        steps = steps_per_epoch(run, len(LESIONS.names("train")))
        assert run.epochs * steps >= 400 > (run.epochs - 1) * steps


def test_the_share_that_is_labelled_is_that_of_the_images_where_any_is() -> None:
    some = Mixed(of=((CLICKS, 0.5), (Tags(), 0.5)))
    assert gather(small_run(data=VESSELS, annotate=some)).labelled == pytest.approx(16 / (96 * 128))
    assert not gather(small_run(data=VESSELS, annotate=Tags())).few
    assert not gather(small_run(data=VESSELS, annotate=Full())).few


@pytest.mark.parametrize("annotate", [ExtremePointsAnnotator(), Boxes()], ids=str)
def test_what_a_box_says_of_all_around_it_shows_no_shape(annotate: object, tmp_path: Path) -> None:
    """A broad thing that fills most of each image: little is left around its box."""
    rows, cols = np.mgrid[:96, :128]
    broad = ((rows - 48) / 46) ** 2 + ((cols - 64) / 62) ** 2 < 1
    for split in ("train", "val", "test"):
        for kind in ("images", "masks"):
            (tmp_path / split / kind).mkdir(parents=True)
        for number in range(3):
            noise = np.random.default_rng(number).normal(0, 25, (96, 128, 3))
            image = np.clip(np.where(broad[..., None], 110, 170) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(image).save(tmp_path / split / "images" / f"{split}-{number}.png")
            Image.fromarray(broad.astype(np.uint8) * 255).save(
                tmp_path / split / "masks" / f"{split}-{number}.png"
            )
    found = gather(small_run(data=Folder(root=tmp_path), annotate=annotate))
    assert not found.thin
    assert found.shape.seen_px is None
    assert found.shape.joined is None
