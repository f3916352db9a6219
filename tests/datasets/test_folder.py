"""A person's own folder: what they may lay there, what they may declare, and what is refused in words."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.errors import InputError, InputErrors
from pointillist.core.marks import Points
from pointillist.core.raster import to_labels
from pointillist.core.shapes import IGNORE
from pointillist.datasets.folder import Folder

SHAPE = (12, 16)
MASK = np.zeros(SHAPE, np.uint8)
MASK[3:9, 4:12] = 255


def picture(seed: int = 0, channels: int = 3) -> np.ndarray:
    shape = (*SHAPE, 3) if channels == 3 else SHAPE
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def lay(root: Path, files: Mapping[str, np.ndarray], **declared: object) -> Folder:
    for name, pixels in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / name)
    if declared:
        (root / "pointillist.yaml").write_text(yaml.safe_dump(declared))
    return Folder(root=root)


def refused(folder: Folder, name: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        _ = folder.entries if name is None else folder.read(name)
    return str(caught.value)


def test_images_alone_can_be_read(tmp_path: Path) -> None:
    folder = lay(tmp_path, {"images/a.png": picture(), "images/b.png": picture(1)})
    sample = folder.read("a")
    assert (sample.mask, sample.region, sample.annotation, sample.group, sample.bits) == (
        None,
        None,
        None,
        "a",
        8,
    )
    np.testing.assert_array_equal(sample.image, picture().transpose(2, 0, 1) / np.float32(255))
    assert folder.classes == ("background", "foreground")


@pytest.mark.parametrize("stem", ["a", "a_mask", "a-segmentation", "a_gt", "a_label", "a_manual1"])
def test_masks_pair_by_stem(stem: str, tmp_path: Path) -> None:
    folder = lay(tmp_path, {"images/a.png": picture(), f"masks/{stem}.bmp": MASK, "regions/a.gif": MASK})
    sample = folder.read("a")
    np.testing.assert_array_equal(sample.mask, MASK // 255)
    np.testing.assert_array_equal(sample.region, MASK > 0)


def test_an_image_word_may_end_the_image(tmp_path: Path) -> None:
    folder = lay(tmp_path, {"images/a_image.png": picture(), "masks/a_mask.png": MASK})
    assert folder.read("a_image").mask is not None


def test_several_classes_void_and_colours(tmp_path: Path) -> None:
    mask = np.zeros((*SHAPE, 3), np.uint8)
    mask[:4], mask[4:6] = (255, 0, 0), (0, 0, 255)
    folder = lay(
        tmp_path,
        {"images/a.png": picture(), "masks/a.png": mask},
        classes=["ground", "roof", "road"],
        codes={"0,0,0": "ground", "255, 0, 0": "road", "0,0,255": "void"},
        colours=[[0, 0, 0], [9, 9, 9], [255, 0, 0]],
    )
    read = folder.read("a").mask
    assert read is not None
    assert (read[0, 0], read[5, 0], read[9, 9]) == (2, IGNORE, 0)
    assert folder.classes == ("ground", "roof", "road")
    assert folder.colours[2] == (255, 0, 0)


def test_classes_without_codes_count_from_zero(tmp_path: Path) -> None:
    mask = np.arange(192).reshape(SHAPE).astype(np.uint8) % 3
    folder = lay(tmp_path, {"images/a.png": picture(), "masks/a.png": mask}, classes=["a", "b", "c"])
    np.testing.assert_array_equal(folder.read("a").mask, mask)


def test_label_maps_become_annotations(tmp_path: Path) -> None:
    labels = np.full(SHAPE, 4, np.uint8)
    labels[2, 2:6], labels[8, 3] = 1, 0
    codes = {0: "background", 1: "foreground", 4: "unlabelled"}
    folder = lay(tmp_path, {"images/a.png": picture(), "labels/a_scribble.png": labels}, codes=codes)
    sample = folder.read("a")
    assert sample.mask is None
    assert sample.annotation is not None
    assert (sample.annotation.annotator, sample.annotation.classes) == ("person", folder.classes)
    np.testing.assert_array_equal(to_labels(sample.annotation, *SHAPE), np.where(labels == 4, IGNORE, labels))


def test_h52_a_full_label_map_is_refused(tmp_path: Path) -> None:
    folder = lay(tmp_path, {"images/a.png": picture(), "labels/a.png": MASK // 255})
    assert "every pixel" in refused(folder, "a")


def annotation(**changes: object) -> Annotation:
    plain: dict[str, object] = {
        "name": "a",
        "height": SHAPE[0],
        "width": SHAPE[1],
        "classes": ("background", "foreground"),
        "marks": (Points(label=1, at=((4.0, 5.0),)),),
    }
    return Annotation.model_validate(plain | changes)


def test_annotations_keep_their_coordinates(tmp_path: Path) -> None:
    lay(tmp_path, {"images/a.png": picture(), "masks/a.png": MASK})
    write_annotation(tmp_path / "annotations" / "a.json", annotation())
    sample = Folder(root=tmp_path, size=8).read("a")
    assert sample.image.shape == (3, 6, 8)
    assert sample.annotation == annotation()
    assert sample.mask is not None
    assert set(np.unique(sample.mask)) == {0, 1}


@pytest.mark.parametrize(
    "wrong", [{"name": "b"}, {"classes": ("sky", "tree")}, {"height": 400, "width": 100}]
)
def test_a_foreign_annotation_is_refused(wrong: dict[str, object], tmp_path: Path) -> None:
    folder = lay(tmp_path, {"images/a.png": picture()})
    write_annotation(tmp_path / "annotations" / "a.json", annotation(**wrong))
    assert "must belong to its image" in refused(folder, "a")


def test_sixteen_bits_are_kept_and_a_range_stretches_them(tmp_path: Path) -> None:
    deep = np.arange(192, dtype=np.uint16).reshape(SHAPE) * 21
    folder = lay(tmp_path, {"images/a.png": deep})
    assert folder.read("a").bits == 16
    np.testing.assert_allclose(folder.read("a").image[0], deep / 65535, atol=1e-7)
    folder = lay(tmp_path, {}, value_range=[0, 4095])
    np.testing.assert_allclose(folder.read("a").image[0], deep / 4095, atol=1e-6)


def test_grey_among_colours_becomes_rgb_and_alone_stays_grey(tmp_path: Path) -> None:
    assert lay(tmp_path / "grey", {"images/a.png": picture(0, 1)}).read("a").image.shape[0] == 1
    mixed = lay(tmp_path / "mixed", {"images/a.png": picture(0, 1), "images/b.png": picture()})
    grey = mixed.read("a").image
    assert grey.shape[0] == 3
    assert (grey[0] == grey[2]).all()
    assert "1 channel" in refused(lay(tmp_path / "mixed", {}, channels=1), "b")


def test_h32_sizes_must_agree(tmp_path: Path) -> None:
    folder = lay(tmp_path, {"images/a.png": picture(), "masks/a.png": MASK[:-1]})
    assert "12 x 16" in refused(folder, "a")
    assert "11 x 16" in refused(folder, "a")


def test_split_folders(tmp_path: Path) -> None:
    folder = lay(
        tmp_path,
        {"train/images/a.png": picture(), "train/masks/a.png": MASK, "test/images/b.png": picture(1)},
    )
    assert (folder.names("train"), folder.names("val"), folder.names("test")) == (("a",), (), ("b",))
    assert folder.read("a").mask is not None
    assert "declared once" in refused(lay(tmp_path, {}, split={"train": ["a"], "test": ["b"]}))


def test_declared_splits_and_groups(tmp_path: Path) -> None:
    images = {f"images/p{p}_{eye}.png": picture(p) for p in range(6) for eye in "lr"}
    folder = lay(tmp_path, images, groups="(p[0-9]+)_")
    assert folder.entry("p3_l").group == "p3"
    names = sorted(Path(name).stem for name in images)
    listed = {"train": names[:4], "val": names[4:6], "test": names[6:]}
    assert lay(tmp_path, {}, split=listed, groups="(p[0-9]+)_").names("val") == tuple(names[4:6])
    crossing = {"train": names[:3], "val": names[3:6], "test": names[6:]}
    assert "group 'p1' in train and val" in refused(lay(tmp_path, {}, split=crossing, groups="(p[0-9]+)_"))
    shares = lay(tmp_path, {}, split={"train": 1, "val": 0, "test": 0})
    assert shares.names("train") == tuple(names)


@pytest.mark.parametrize("name", ["groups.csv", "groups.yaml"])
def test_groups_from_a_file(name: str, tmp_path: Path) -> None:
    folder = lay(tmp_path, {"images/a.png": picture(), "images/b.png": picture(1)}, groups=name)
    (tmp_path / name).write_text("a,x\nb,x\n" if name.endswith("csv") else "{a: x, b: x}")
    assert [entry.group for entry in folder.entries] == ["x", "x"]
    assert len({entry.split for entry in folder.entries}) == 1
    # As spreadsheets save "CSV UTF-8".
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + (tmp_path / name).read_bytes())
    assert [entry.group for entry in Folder(root=tmp_path).entries] == ["x", "x"]
    (tmp_path / name).write_text("a,x\n" if name.endswith("csv") else "{a: x}")
    assert "none for 1: b" in refused(Folder(root=tmp_path))


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"clases": ["a", "b"]}, "Did you mean 'classes'?"),
        ({"classes": ["a", "a"]}, "classes must differ"),
        ({"classes": ["a", "void"]}, "classes must differ"),
        ({"codes": {0: "background", 7: "foregruond"}}, "Did you mean 'foreground'?"),
        ({"codes": {"red": "foreground"}}, "must be numbers or colours like '255,0,0'; got 'red'"),
        ({"colours": [[0, 0, 0]]}, "one for each class; got 1"),
        ({"value_range": [5, 5]}, "[lowest, highest]"),
        ({"groups": "p[0-9]+"}, "with 0 groups"),
        ({"groups": "(q"}, "regular expression"),
        ({"groups": "(q)"}, "none for 1: a"),
        ({"split": {"train": ["a", "z"]}}, "'z', which is not there"),
        ({"split": {"train": ["a"], "test": ["a"]}}, "more than once: a"),
        ({"split": {"train": []}}, "1 images in none: a"),
        ({"split": {"train": 0.9, "val": 0.9, "test": 0}}, "shares"),
    ],
)
def test_a_wrong_declaration_is_named(declared: dict[str, object], said: str, tmp_path: Path) -> None:
    assert said in refused(lay(tmp_path, {"images/a.png": picture()}, **declared))


def test_all_bad_pairs_are_named_at_once(tmp_path: Path) -> None:
    folder = lay(
        tmp_path, {"images/a.png": picture(), "masks/b.png": MASK, "masks/c.png": MASK, "regions/d.png": MASK}
    )
    with pytest.raises(InputErrors) as caught:
        _ = folder.entries
    assert [error.file.stem for error in caught.value.errors if error.file] == ["b", "c", "d"]


def test_two_masks_for_one_image_are_refused(tmp_path: Path) -> None:
    message = refused(
        lay(tmp_path, {"images/a.png": picture(), "masks/a.png": MASK, "masks/a_mask.png": MASK})
    )
    assert "a.png and a_mask.png" in message


def test_a_mask_of_a_missing_image_is_not_given_to_a_neighbour(tmp_path: Path) -> None:
    assert "must have an image" in refused(lay(tmp_path, {"images/a.png": picture(), "masks/a_2.png": MASK}))


def test_names_of_digits_may_stand_in_the_lists_as_yaml_reads_them(tmp_path: Path) -> None:
    folder = lay(
        tmp_path,
        {f"images/{n}.png": picture(n) for n in range(1, 5)},
        split={"train": [1, 2], "val": [3, "4"]},
    )
    assert (folder.names("train"), folder.names("val")) == (("1", "2"), ("3", "4"))


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ({"train": ["a", 4.5]}, "split.train.1 must be text; got 4.5"),
        ({"train": ["a"], "val": 0.5}, "split.val must be a list; got 0.5"),
        ({"train": 0.5, "val": "some"}, "split.val must be a valid number; got 'some'"),
        ({"training": ["a"]}, "split.training must be a known field"),
        (["a"], "split must be a mapping of fields"),
    ],
)
def test_a_mistake_in_the_lists_is_told_once_in_the_words_of_what_was_meant(
    split: object, words: str, tmp_path: Path
) -> None:
    told = refused(lay(tmp_path, {"images/a.png": picture()}, split=split))
    assert words in told
    assert "\n" not in told


def test_h56_one_name_in_two_split_folders_is_refused(tmp_path: Path) -> None:
    folder = lay(tmp_path, {"train/images/a.png": picture(), "test/images/a.png": picture(1)})
    assert "names must differ" in refused(folder)
