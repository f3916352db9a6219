"""The check of a folder: each row of the table of bad inputs is found, clean folders are not accused."""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from scipy.ndimage import gaussian_filter

from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.rng import numpy_rng
from pointillist.data.layout import survey
from pointillist.data.validate import Finding, Report, check_folder

SIZE = 48
Files = Mapping[str, np.ndarray | bytes]


def scene(*keys: object, height: int = SIZE, width: int = SIZE) -> np.ndarray:
    """A smooth random picture: no two alike."""
    rough = numpy_rng(0, *keys).normal(size=(height, width, 4))
    smooth = np.stack([gaussian_filter(rough[:, :, c], 2.5) for c in range(4)], -1)
    # As in photographs, most of the light is common to the three colours.
    return np.clip(128 + 400 * smooth[:, :, 3:] + 50 * smooth[:, :, :3], 0, 255).astype(np.uint8)


def blob(*keys: object, height: int = SIZE, width: int = SIZE) -> np.ndarray:
    rng = numpy_rng(0, *keys, "blob")
    rows, cols = np.mgrid[:height, :width]
    centre = rng.uniform(14, 34, 2)
    return (np.hypot(rows - centre[0], cols - centre[1]) < rng.uniform(5, 12)).astype(np.uint8) * 255


def clean(number: int = 6) -> dict[str, np.ndarray | bytes]:
    files: dict[str, np.ndarray | bytes] = {}
    for i in range(number):
        split = ("train", "val", "test")[i % 3]
        files[f"{split}/images/s{i}.png"] = scene(i)
        files[f"{split}/masks/s{i}.png"] = blob(i)
    return files


def flat(number: int = 6) -> dict[str, np.ndarray | bytes]:
    """The same in one folder."""
    return {name.split("/", 1)[1]: content for name, content in clean(number).items()}


def lay(root: Path, files: Files, **declared: object) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            Image.fromarray(content).save(path)
    if declared:
        (root / "pointillist.yaml").write_text(yaml.safe_dump(declared))
    return root


def snapshot(root: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def checked(root: Path) -> Report:
    """Check, and hold the promises of every check."""
    before = snapshot(root)
    report = check_folder(root)
    assert snapshot(root) == before, "the check must only read"
    data = json.loads(report.to_json())
    assert len(data["findings"]) == len(report.findings)
    text = "\n".join(report.lines())
    for finding in report.findings:
        assert finding.row in text
        assert finding.fix in text
    return report


def only(report: Report, row: str) -> Finding:
    found = [finding for finding in report.findings if finding.row == row]
    assert len(found) == 1, "\n".join(report.lines())
    return found[0]


def encoded(pixels: np.ndarray, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("files", [clean(), flat(), flat(24)])
def test_a_clean_folder_is_not_accused(files: Files, tmp_path: Path) -> None:
    report = checked(lay(tmp_path, files))
    assert report.findings == (), "\n".join(report.lines())
    assert report.ok
    assert report.images == report.masks == len(files) // 2
    assert list(report.lines()) == [f"{report.images} images, {report.masks} masks: all well"]


GOOD = encoded(scene("x"), "PNG")
DECODING: list[tuple[str, str, bytes, str]] = [
    ("H01", "error", b"", "empty file"),
    ("H02", "error", b"<!DOCTYPE html>", "<!DOCTYPE"),
    ("H03", "error", GOOD[:-30], "truncated"),
    ("H07", "error", b"%PDF-1.4", "PDF"),
    ("H06", "warning", encoded(scene("y"), "JPEG"), "named .png, is JPEG"),
]


@pytest.mark.parametrize(("row", "severity", "data", "found"), DECODING, ids=[d[0] for d in DECODING])
def test_every_bad_file_is_named(row: str, severity: str, data: bytes, found: str, tmp_path: Path) -> None:
    files = flat() | {"images/s0.png": data, "images/s3.png": data}
    findings = [f for f in checked(lay(tmp_path, files)).findings if f.row == row]
    assert [f.files for f in findings] == [("images/s0.png",), ("images/s3.png",)]
    assert all(f.severity == severity and found in f.found for f in findings)


def test_h27_invalid_orientation_is_a_warning(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 9
    report = checked(lay(tmp_path, flat() | {"images/s0.png": encoded(scene(0), "PNG", exif=exif)}))
    assert (only(report, "H27").severity, only(report, "H27").files) == ("warning", ("images/s0.png",))
    assert report.ok


MASKS: list[tuple[str, str, Files, dict[str, object], str]] = [
    ("H32", "error", {"masks/s0.png": blob(0)[:-1]}, {}, "47 x 48"),
    (
        "H33",
        "error",
        {"images/s0.png": scene(0, width=30), "masks/s0.png": blob(0, height=30)},
        {},
        "30 x 48",
    ),
    ("H38", "error", {"masks/s0.png": encoded(blob(0), "JPEG", quality=50)}, {}, "lossy"),
    ("H39", "error", {"masks/s0.png": np.asarray(gaussian_filter(blob(0), 2))}, {}, "distinct values"),
    ("H41", "error", {"masks/s0.png": scene(0) // 200 * 200}, {}, "in "),
    ("H45", "warning", {"masks/s0.png": blob(0) * 0, "masks/s1.png": blob(0) * 0}, {}, "2 of 6"),
    ("H46", "warning", {"masks/s0.png": blob(0) * 0 + 255}, {}, "1 of 6"),
    ("H49", "error", {"masks/s0.png": blob(0), "images/s0.png": blob(0)}, {}, "same file"),
    ("H50", "warning", {"masks/s0.png": 255 - blob(0)}, {}, "1 of 6"),
    ("H51", "error", {"masks/s0.png": blob(0) // 255 * 5}, {}, "5 in "),
    ("H55", "warning", {}, {"classes": ["a", "b", "c"], "codes": {0: "a", 255: "b", 9: "c"}}, "'c'"),
    ("H59", "error", {"masks/lost.png": blob(0)}, {}, "none"),
    ("H59", "warning", {"images/extra.png": scene("extra")}, {}, "1 of 7"),
    ("H59", "note", {"images/readme.txt": b"hello"}, {}, "1 file with other endings"),
    ("H56", "error", {"images/s0.bmp": scene("other")}, {}, "'s0.bmp' and 's0.png'"),
    ("H57", "error", {"images/S0.png": scene("other")}, {}, "'S0.png' and 's0.png'"),
    ("H58", "error", {"images/a\nb.png": scene("other")}, {}, "cannot be printed"),
    ("H58", "error", {f"images/{'é' * 101}.png": scene("other")}, {}, "206 bytes"),
    # A name of a disk that is no UTF-8, as Python gives it.
    ("H58", "error", {"images/caf\udce9.png": scene("other")}, {}, "'caf\\udce9.png'"),
    ("H75", "error", {}, {"clases": ["a", "b"]}, "['a', 'b']"),
    ("H69", "error", {"annotations/s0.json": b'{"name": 3, "marks": NaN}'}, {}, ""),
]


@pytest.mark.parametrize(
    ("row", "severity", "files", "declared", "found"), MASKS, ids=[f"{m[0]}-{m[1]}" for m in MASKS]
)
def test_masks_and_pairs(
    row: str, severity: str, files: Files, declared: dict[str, object], found: str, tmp_path: Path
) -> None:
    report = checked(lay(tmp_path, flat() | dict(files), **declared))
    findings = [f for f in report.findings if f.row == row]
    assert findings, "\n".join(report.lines())
    assert findings[0].severity == severity
    assert found in findings[0].found
    assert report.ok == (severity != "error")
    assert {f.row for f in report.findings} <= {row, "H59", "H49"} or row == "H75"


def test_h37_two_codings_in_one_set(tmp_path: Path) -> None:
    files = flat() | {f"masks/s{i}.png": blob(i) // 255 for i in range(2)}
    finding = only(checked(lay(tmp_path, files)), "H37")
    assert finding.severity == "error"
    assert "2 masks in 0/1" in finding.found
    assert "4 in 0/255" in finding.found
    declared = {"codes": {0: "background", 1: "foreground", 255: "foreground"}}
    assert checked(lay(tmp_path, {}, **declared)).ok


def test_one_bit_masks_are_no_second_coding(tmp_path: Path) -> None:
    assert checked(lay(tmp_path, flat() | {"masks/s0.png": blob(0) > 0})).findings == ()


def test_h45_nothing_but_background_is_an_error(tmp_path: Path) -> None:
    files = {
        name: c * 0 if "masks" in name and isinstance(c, np.ndarray) else c for name, c in flat().items()
    }
    assert only(checked(lay(tmp_path, files)), "H45").severity == "error"


def discs(number: int) -> dict[str, np.ndarray | bytes]:
    rows, cols = np.mgrid[:96, :90]
    return {
        f"masks/s{i}.png": (np.hypot(rows - 47 - i % 2, cols - 45 + i % 3) < 42).astype(np.uint8) * 255
        for i in range(number)
    }


def test_h47_fields_of_view_as_masks(tmp_path: Path) -> None:
    images = {f"images/s{i}.png": scene(i, height=96, width=90) for i in range(6)}
    finding = only(checked(lay(tmp_path, images | discs(6))), "H47")
    assert finding.severity == "error"
    assert len(finding.files) == 6
    assert "6 masks nearly identical" in finding.found
    assert "disc-shaped" in finding.found
    assert "regions/" in finding.fix


def test_h48_one_mask_for_all(tmp_path: Path) -> None:
    files = flat() | {f"masks/s{i}.png": blob(0) for i in range(6)}
    assert "6 masks with the same bytes" in only(checked(lay(tmp_path, files)), "H48").found


def test_h49_folders_swapped(tmp_path: Path) -> None:
    swapped = {
        name.replace("images", "x").replace("masks", "images").replace("x", "masks"): c
        for name, c in flat().items()
    }
    report = checked(lay(tmp_path, swapped))
    assert "swapped" in only(report, "H49").found
    assert not report.ok


def label_maps(number: int = 6, unlabelled: int = 255) -> dict[str, np.ndarray | bytes]:
    files: dict[str, np.ndarray | bytes] = {}
    for i in range(number):
        image, labels = scene(i) // 2, np.full((SIZE, SIZE), unlabelled, np.uint8)
        image[20:28, 20:28] += 100
        labels[22:26, 22:26], labels[2:5, 3:20] = 1, 0
        files |= {f"images/s{i}.png": image, f"labels/s{i}.png": labels}
    return files


def test_label_maps_are_not_accused(tmp_path: Path) -> None:
    report = checked(lay(tmp_path, label_maps()))
    assert report.findings == (), "\n".join(report.lines())


def test_h52_full_label_maps(tmp_path: Path) -> None:
    files = label_maps() | {f"labels/s{i}.png": blob(i) // 255 for i in range(6)}
    finding = only(checked(lay(tmp_path, files)), "H52")
    assert (finding.severity, len(finding.files)) == ("error", 6)


def test_h53_unlabelled_differs_between_files(tmp_path: Path) -> None:
    declared = {"codes": {0: "background", 1: "foreground", 4: "background", 255: "unlabelled"}}
    files = label_maps()
    files["labels/s2.png"] = label_maps(3, unlabelled=4)["labels/s2.png"]
    finding = only(checked(lay(tmp_path, files, **declared)), "H53")
    assert finding.files == ("labels/s2.png",)
    assert "0, 1, 4" in finding.found


def test_h54_exchanged_codes_in_one_label_map(tmp_path: Path) -> None:
    files = label_maps()
    labels = files["labels/s2.png"]
    assert isinstance(labels, np.ndarray)
    files["labels/s2.png"] = np.where(labels == 255, 255, 1 - labels.clip(0, 1)).astype(np.uint8)
    assert only(checked(lay(tmp_path, files)), "H54").files == ("labels/s2.png",)


def test_h55_counts_annotations_too(tmp_path: Path) -> None:
    lay(tmp_path, {"images/a.png": scene(0), "images/b.png": scene(1)})
    marks = ({"kind": "points", "label": 1, "at": ((3, 3),)},)
    drawn = Annotation.model_validate(
        {"name": "a", "height": SIZE, "width": SIZE, "classes": ("background", "foreground"), "marks": marks}
    )
    write_annotation(tmp_path / "annotations" / "a.json", drawn)
    assert "'background'" in only(checked(tmp_path), "H55").found
    write_annotation(tmp_path / "annotations" / "a.json", drawn.model_copy(update={"name": "b"}))
    assert "one of 'b' for 'a'" in only(checked(tmp_path), "H69").found
    box = ({"kind": "box", "label": 1, "top": 2, "left": 2, "bottom": 9, "right": 9},)
    boxed = Annotation.model_validate({**drawn.model_dump(), "marks": box})
    write_annotation(tmp_path / "annotations" / "a.json", boxed)
    found = checked(tmp_path).findings
    assert not [one for one in found if one.row == "H55"], "around boxes is background"
    turned = drawn.model_copy(update={"height": SIZE * 2})
    write_annotation(tmp_path / "annotations" / "a.json", turned)
    assert "pixels" in only(checked(tmp_path), "H69").found


def test_h71_marks_that_contradict_each_other_are_a_warning(tmp_path: Path) -> None:
    lay(tmp_path, {"images/a.png": scene(0)})
    points = {"kind": "points", "at": ((3, 3),)}
    drawn = Annotation.model_validate(
        {
            "name": "a",
            "height": SIZE,
            "width": SIZE,
            "classes": ("background", "foreground"),
            "marks": ({**points, "label": 0}, {**points, "label": 1}),
        }
    )
    write_annotation(tmp_path / "annotations" / "a.json", drawn)
    finding = only(checked(tmp_path), "H71")
    assert (finding.severity, finding.found) == ("warning", "1 pixel clicked as two classes")


def test_h60_the_same_bytes_in_two_splits(tmp_path: Path) -> None:
    finding = only(checked(lay(tmp_path, clean() | {"test/images/s5.png": scene(0)})), "H60")
    assert finding.severity == "error"
    assert finding.files == ("train/images/s0.png", "test/images/s5.png")
    assert "train and test" in finding.found


def test_h60_copies_within_a_split_are_a_warning(tmp_path: Path) -> None:
    assert (
        only(checked(lay(tmp_path, clean() | {"train/images/s3.png": scene(0)})), "H60").severity == "warning"
    )


NEAR: dict[str, Callable[[np.ndarray], np.ndarray | bytes]] = {
    "jpeg": lambda a: encoded(a, "JPEG", quality=50),
    "half": lambda a: np.asarray(Image.fromarray(a).resize((48, 64), Image.Resampling.BICUBIC)),
    "mirror": lambda a: np.ascontiguousarray(a[:, ::-1]),
    "quarter": lambda a: np.ascontiguousarray(np.rot90(a)),
    "mirrored quarter": lambda a: np.ascontiguousarray(np.rot90(a, -1)[::-1]),
    "brighter": lambda a: (a * 0.8 + 40).astype(np.uint8),
}


@pytest.mark.parametrize("way", NEAR)
@pytest.mark.parametrize("number", [4, 12])
def test_h61_nearly_the_same_picture_in_two_splits(way: str, number: int, tmp_path: Path) -> None:
    files: dict[str, np.ndarray | bytes] = {
        f"{'train' if i % 2 else 'test'}/images/s{i}.png": scene(i, height=128, width=96)
        for i in range(number)
    }
    twin = NEAR[way](scene(1, height=128, width=96))
    report = checked(lay(tmp_path, files | {"test/images/twin.png": twin}))
    finding = only(report, "H61")
    assert set(finding.files) == {"train/images/s1.png", "test/images/twin.png"}
    assert finding.severity == "warning"


def test_h62_a_group_in_two_splits(tmp_path: Path) -> None:
    files = {
        f"{split}/images/p{p}_{split}.png": scene(p, split) for p in range(3) for split in ("train", "test")
    }
    finding = [f for f in checked(lay(tmp_path, files, groups="(p[0-9])")).findings if f.row == "H62"]
    assert [f.found for f in finding] == [f"group 'p{p}' in train and test" for p in range(3)]


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        ("(s)", "1 group ('s'), and none for val and test"),
        ("(s[0-5])", None),
        (None, None),
    ],
)
def test_h62_so_few_groups_that_nothing_is_held_out(
    groups: str | None, found: str | None, tmp_path: Path
) -> None:
    files = {f"images/s{n}.png": scene(n) for n in range(6)}
    report = checked(lay(tmp_path, files, **({"groups": groups} if groups else {})))
    told = [(f.severity, f.found) for f in report.findings if f.row == "H62"]
    assert told == ([("warning", found)] if found else [])


def test_h63_tiles_of_one_source_in_two_splits(tmp_path: Path) -> None:
    files = {
        f"{split}/images/map{m}_{row}_{i}.png": scene(m, row, i)
        for m in range(2)
        for row in range(2)
        for i, split in enumerate(("train", "test"))
    }
    assert only(checked(lay(tmp_path, files)), "H63").files == ("map0", "map1")


def test_h64_links_that_lead_away(tmp_path: Path) -> None:
    root = lay(tmp_path / "root", flat())
    outside = tmp_path / "secret.png"
    Image.fromarray(scene("secret")).save(outside)
    for name, target in (("out", outside), ("loop", root / "images/loop.png"), ("none", root / "nothing")):
        (root / "images" / f"{name}.png").symlink_to(target)
    (root / "images" / "inside.png").symlink_to(root / "images" / "s0.png")
    found = {f.files[0]: f.found for f in checked(root).findings if f.row == "H64"}
    assert found.keys() == {f"images/{name}.png" for name in ("out", "loop", "none")}
    assert found["images/out.png"] == f"a link to {outside}"


def test_a_linked_folder_is_meant(tmp_path: Path) -> None:
    lay(tmp_path / "elsewhere", flat())
    (tmp_path / "root").mkdir()
    for part in ("images", "masks"):
        (tmp_path / "root" / part).symlink_to(tmp_path / "elsewhere" / part)
    assert check_folder(tmp_path / "root").findings == ()


def test_h65_pipes_and_folders_named_like_images(tmp_path: Path) -> None:
    lay(tmp_path, flat())
    (tmp_path / "images" / "folder.png").mkdir()
    os.mkfifo(tmp_path / "images" / "pipe.png")
    found = {f.files[0]: f.found for f in check_folder(tmp_path).findings if f.row == "H65"}
    assert found == {"images/folder.png": "a folder", "images/pipe.png": "a pipe"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "an empty folder"),
        ({".hidden.png": scene(0)}, "an empty folder"),
        ({"images/.hidden.png": scene(0)}, "0 images"),
        ({"data/images/a.png": scene(0)}, "Did you mean {root}/data?"),
        ({"images/notes.txt": b"", "a.png": scene(0)}, "lie outside of {root}/images"),
        ({"Images/a.png": scene(0)}, "Did you mean 'Images'? Rename it to 'images'."),
        ({"img/a.png": scene(0)}, "0 images"),
        (
            {"images/a/1.png": scene(0)},
            "not lie in subfolders, as in {root}/images/a: put",
        ),
    ],
)
def test_h68_wrong_nesting_is_explained(files: Files, said: str, tmp_path: Path) -> None:
    report = check_folder(lay(tmp_path, files))
    assert not report.ok
    assert said.format(root=tmp_path) in "\n".join(report.lines())
    assert only(report, "H68").severity == "error"


def test_h68_the_folder_of_the_images_itself_is_named(tmp_path: Path) -> None:
    lay(tmp_path, flat())
    assert f"Did you mean {tmp_path}" in only(check_folder(tmp_path / "images"), "H68").fix
    assert "nothing there" in only(check_folder(tmp_path / "nowhere"), "H68").found


def test_loose_images_are_a_folder_too(tmp_path: Path) -> None:
    files = {name.removeprefix("images/"): c for name, c in flat().items() if name.startswith("images/")}
    report = checked(
        lay(tmp_path / "photos", files | {"masks/s0.png": blob(0) > 0}, classes=["ground", "blob"])
    )
    assert report.ok, report.lines()
    layout = survey(tmp_path / "photos")
    assert [item.name for item in layout.items] == [f"s{i}" for i in range(6)]
    assert [item.mask is not None for item in layout.items] == [True, *[False] * 5]
    assert layout.passed_over == ()


def test_masks_among_loose_images_are_not_taken_for_images(tmp_path: Path) -> None:
    lay(tmp_path, {"a.png": scene(0), "a_mask.png": blob(0), "b.png": scene(1)})
    (found,) = (one for one in check_folder(tmp_path).findings if one.severity == "error")
    assert (found.row, found.found) == ("H59", "a_mask.png, which seems to belong to a")
    assert "masks/" in found.fix


def test_h67_the_last_of_many_is_found_and_twenty_are_shown(tmp_path: Path) -> None:
    files: dict[str, np.ndarray | bytes] = {f"images/n{i:03d}.png": b"" for i in range(40)}
    report = checked(lay(tmp_path, files | {"images/z.png": scene(0)}))
    assert len(report.of("error")) == 40
    text = list(report.lines())
    assert sum("empty file" in line for line in text) == 20
    assert any("... and 20 more" in line for line in text)


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    check_folder(lay(tmp_path, flat()), lambda done, whole: seen.append((done, whole)))
    assert seen == [(i, 6) for i in range(6)]


@pytest.mark.real_data
@pytest.mark.parametrize(("part", "rows"), [("mask", {"H47"}), ("1st_manual", set())])
def test_drive_with_its_fields_of_view_as_masks(
    part: str, rows: set[str], drive_root: Path, tmp_path: Path
) -> None:
    for name, folder in (("images", "images"), ("masks", part)):
        (tmp_path / name).mkdir()
        for file in (drive_root / "training" / folder).iterdir():
            shutil.copyfile(file, tmp_path / name / f"{file.name[:2]}{file.suffix}")
    report = check_folder(tmp_path)
    assert {f.row for f in report.findings} == rows, "\n".join(report.lines())
    assert (report.images, report.masks) == (20, 20)


@pytest.mark.real_data
def test_ph2_is_not_accused(ph2_root: Path, tmp_path: Path) -> None:
    """Two hundred real masks, one of them RGB, lesions up to the border, no two images alike."""
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for file in ph2_root.rglob("*.bmp"):
        shutil.copyfile(file, tmp_path / ("masks" if "lesion" in file.stem else "images") / file.name)
    report = check_folder(tmp_path)
    assert report.findings == (), "\n".join(report.lines())
    assert report.masks == 200
