"""Each importer on a file written by hand: the right pixels, by the tool's own convention."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pointillist.core.annotation import Annotation, read_annotation, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.marks import Box, Dense, ExtremePoints, Points, Scribble, Tag
from tests.exchange.project import CLASSES, SHAPE, brought, drawn, label_map, picture, project, write
from tests.exchange.test_runs import brush

MAP = label_map(
    """
    00000000
    0111....
    011100..
    00002200
    00002200
    00000000
    """
)


def marks(annotation: Annotation, kind: type) -> list[object]:
    return [mark for mark in annotation.marks if isinstance(mark, kind)]


def test_masks_by_value_and_unlabelled(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    write(tmp_path / "m" / "a_mask.png", MAP)
    intake = brought("masks", tmp_path / "m", root, unlabelled=255)
    assert np.array_equal(intake.annotations["a"].marks[0].to_map(), MAP)  # type: ignore[union-attr]
    write(tmp_path / "v" / "a.png", np.where(MAP == 255, 9, MAP * 40).astype(np.uint8))
    values = {"40": "cell", "80": "debris", "9": "unlabelled"}
    intake = brought("masks", tmp_path / "v", root, classes=values)
    assert np.array_equal(intake.annotations["a"].marks[0].to_map(), MAP)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["ilastik", "napari"])
@pytest.mark.parametrize("ending", ["png", "tif", "npy"])
def test_label_images_that_count_from_one(kind: str, ending: str, tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    values = np.where(MAP == 255, 0, MAP + 1).astype(np.uint8 if ending == "png" else np.int32)
    write(tmp_path / "m" / f"a_labels.{ending}", values[:, :, None] if ending == "npy" else values)
    intake = brought(kind, tmp_path / "m", root)
    assert np.array_equal(intake.annotations["a"].marks[0].to_map(), MAP)  # type: ignore[union-attr]
    other = brought(kind, tmp_path / "m", root, classes={"2": "debris", "3": "cell"})
    swapped = np.array([0, 2, 1], np.uint8)[np.where(MAP == 255, 0, MAP)]
    assert np.array_equal(
        other.annotations["a"].marks[0].to_map(),  # type: ignore[union-attr]
        np.where(MAP == 255, 255, swapped),
    )


def test_napari_points_are_rows_and_columns_of_centres(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    write(tmp_path / "s" / "a_cell.csv", "index,axis-0,axis-1\n0.0,2.0,5.0\n1.0,5.4,7.4\n2,9,9\n")
    write(tmp_path / "s" / "debris" / "a.csv", "index,axis-0,axis-1\n0,0,0\n")
    intake = brought("napari", tmp_path / "s", root)
    assert set(marks(intake.annotations["a"], Points)) == {
        Points(label=1, at=((2.0, 5.0), (5.4, 7.4))),
        Points(label=2, at=((0.0, 0.0),)),
    }
    assert intake.skipped == {"points outside their image": 1}


def napari_shapes(*shapes: tuple[str, list[list[float]]]) -> str:
    lines = [
        f"{float(index)},{kind},{float(number)},{row},{col}"
        for index, (kind, places) in enumerate(shapes)
        for number, (row, col) in enumerate(places)
    ]
    return "\n".join(["index,shape-type,vertex-index,axis-0,axis-1", *lines, ""])


def test_napari_shapes_are_drawn_and_not_clicked_on_their_corners(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    text = napari_shapes(
        ("polygon", [[0.5, 0.5], [0.5, 3.5], [2.5, 3.5], [2.5, 0.5]]),
        ("ellipse", [[2.8, 4.8], [2.8, 7.2], [5.2, 7.2], [5.2, 4.8]]),
        ("path", [[5, 0], [5, 1], [4, 2]]),
        ("line", [[0, 5], [0, 7]]),
        ("hexagon", [[0, 0]]),
    )
    intake = brought("napari", write(tmp_path / "s" / "a_cell.csv", text), root)
    assert drawn(intake.annotations["a"]) == picture(
        """
        .....111
        .111....
        .111....
        ......1.
        ..1..111
        11....1.
        """
    )
    assert not marks(intake.annotations["a"], Points)
    assert intake.skipped == {"shapes of kind 'hexagon'": 1}


def test_napari_rectangles_are_boxes_and_turned_ones_get_their_hull_which_is_said(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    upright = [[0.5, 0.5], [0.5, 3.5], [2.5, 3.5], [2.5, 0.5]]
    turned = [[2.0, 5.0], [3.5, 3.5], [5.0, 5.0], [3.5, 6.5]]
    text = napari_shapes(("rectangle", upright), ("rectangle", turned))
    # A spreadsheet may have sorted the rows in another way.
    head, *rows = text.splitlines()
    text = "\n".join([head, *reversed(rows)])
    intake = brought("napari", write(tmp_path / "s" / "a_cell.csv", text), root)
    assert intake.annotations["a"].marks == (
        Box(label=1, top=1, left=1, bottom=3, right=4),
        Box(label=1, top=2, left=4, bottom=5, right=7),
    )
    assert "Rectangles were turned: the upright box around each is taken (1)." in intake.said()


def coco(*objects: dict[str, object], **image: object) -> dict[str, object]:
    return {
        "images": [{"id": 1, "file_name": "sub/a.png", "height": 6, "width": 8, **image}],
        "categories": [{"id": 5, "name": "Cell"}, {"id": 6, "name": "debris"}, {"id": 7, "name": "tree"}],
        "annotations": [{"image_id": 1, "iscrowd": 0, **entry} for entry in objects],
    }


SQUARE = {"category_id": 5, "segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]], "bbox": [1, 1, 3, 2]}
RUNS = {"category_id": 6, "segmentation": {"size": [6, 8], "counts": [27, 2, 4, 2, 13]}, "bbox": [4, 3, 2, 2]}


def test_coco_polygons_and_runs_leave_background(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    tree = {"category_id": 7, "segmentation": [[0, 0, 1, 0, 1, 1]]}
    box_alone = {"category_id": 6, "segmentation": [], "bbox": [6, 0, 2, 1]}
    path = write(tmp_path / "c.json", coco(SQUARE, RUNS, tree, box_alone))
    intake = brought("coco", path, root)
    assert drawn(intake.annotations["a"]) == picture(
        """
        000000..
        01110000
        01110000
        00002200
        00002200
        00000000
        """
    )
    assert intake.undeclared == {"tree": 1}
    rest = brought("coco", path, root, rest="unlabelled").annotations["a"]
    assert drawn(rest).count("0") == 0


def test_coco_boxes_and_what_has_none(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    data = coco(SQUARE, RUNS)
    data["images"].append({"id": 2, "file_name": "b.png"})  # type: ignore[attr-defined]
    path = write(tmp_path / "c.json", data)
    intake = brought("coco", path, root, kind="boxes", rest="background")
    boxes = (
        Box(label=1, top=1, left=1, bottom=3, right=4),
        Box(label=2, top=3, left=4, bottom=5, right=6),
    )
    assert intake.annotations["a"].marks == boxes
    assert intake.annotations["b"].marks == (Tag(label=1, present=False), Tag(label=2, present=False))
    for rest in (None, "unlabelled"):
        intake = brought("coco", path, root, kind="boxes", rest=rest)
        assert {name: found.marks for name, found in intake.annotations.items()} == {"a": boxes}


def test_coco_outlines_without_a_box_do_not_tell_that_their_class_is_absent(tmp_path: Path) -> None:
    outline = {"category_id": 5, "segmentation": SQUARE["segmentation"]}
    with pytest.raises(InputError, match="nothing"):
        brought(
            "coco",
            write(tmp_path / "c.json", coco(outline)),
            project(tmp_path / "p"),
            kind="boxes",
            rest="background",
        )


def test_coco_images_without_an_object_stay_unlabelled(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    data = coco(SQUARE)
    data["images"].append({"id": 2, "file_name": "b.png"})  # type: ignore[attr-defined]
    # A click: no area, and no word about the pixels around it.
    data["annotations"].append({"image_id": 2, "category_id": 5, "keypoints": [3, 2, 2]})  # type: ignore[attr-defined]
    path = write(tmp_path / "c.json", data)
    intake = brought("coco", path, root)
    assert set(intake.annotations) == {"a"}
    assert "Unlabelled: images without any object (1): b." in intake.said()
    full = brought("coco", path, root, rest="background")
    assert drawn(full.annotations["b"]) == "\n".join(["0" * 8] * 6)
    assert not any("Unlabelled" in line for line in full.said())
    # Of a class that the folder does not declare: whoever drew it looked at the image.
    data["annotations"][-1] = {"image_id": 2, "category_id": 7, "bbox": [1, 1, 2, 2]}  # type: ignore[index]
    other = brought("coco", write(path, data), root).annotations["b"]
    assert drawn(other) == "\n".join(["0" * 8] * 6)


def test_coco_without_any_object_is_refused_with_the_way_to_say_background(tmp_path: Path) -> None:
    path, root = write(tmp_path / "c.json", coco()), project(tmp_path / "p")
    for kind in ("areas", "boxes"):
        with pytest.raises(InputError, match=r"got 1 image without any: a\. .*--rest background"):
            brought("coco", path, root, kind=kind)


def test_coco_keypoints_are_numbers_of_pixels(tmp_path: Path) -> None:
    entry = {"category_id": 5, "keypoints": [3, 2, 2, 0, 0, 0, 7, 5, 1]}
    intake = brought("coco", write(tmp_path / "c.json", coco(entry)), project(tmp_path / "p"), kind="points")
    assert intake.annotations["a"].marks == (Points(label=1, at=((2.0, 3.0), (5.0, 7.0))),)


def test_labelme_shapes(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.array([[True, False], [True, True]])).save(buffer, format="png")
    shapes = [
        {"label": "cell", "points": [[1, 1], [4, 1], [4, 3], [1, 3]], "shape_type": "polygon"},
        {"label": "debris", "points": [[6, 4]], "shape_type": "point"},
        {"label": "background", "points": [[0.5, 5.5], [7.5, 5.5]], "shape_type": "line"},
        {"label": "cell", "points": [[4, 3], [0, 0]], "shape_type": "rectangle"},
        {"label": "debris", "points": [[6.5, 1.5], [6.5, 2.6]], "shape_type": "circle"},
        {
            "label": "debris",
            "points": [[1, 3], [2, 4]],
            "shape_type": "mask",
            "mask": base64.b64encode(buffer.getvalue()).decode(),
        },
        {"label": "cell", "points": [[0, 0]], "shape_type": "cuboid"},
    ]
    data = {
        "shapes": shapes,
        "imagePath": "..\\images\\a.png",
        "imageHeight": 6,
        "imageWidth": 8,
        "flags": {},
    }
    intake = brought("labelme", write(tmp_path / "l" / "a.json", data).parent, project(tmp_path / "p"))
    annotation = intake.annotations["a"]
    areas = annotation.model_copy(update={"marks": tuple(marks(annotation, Dense))})
    assert drawn(areas) == picture(
        """
        ......2.
        .111.222
        .111..2.
        .2......
        .22.....
        ........
        """
    )
    assert marks(annotation, Box) == [Box(label=1, top=0, left=0, bottom=3, right=4)]
    assert marks(annotation, Scribble) == [Scribble(label=0, path=((5.0, 0.0), (5.0, 7.0)))]
    assert marks(annotation, Points) == [Points(label=2, at=((3.5, 5.5),))]
    assert intake.skipped == {"shapes of kind 'cuboid'": 1}


def test_labelme_rectangles_of_four_corners_are_the_boxes_around_all_of_them(tmp_path: Path) -> None:
    upright, turned = [[1, 1], [5, 1], [5, 4], [1, 4]], [[5, 1], [8, 4], [6, 6], [3, 3]]
    kinds = {"rectangle": upright, "rotation": turned}
    shapes = [{"label": "cell", "points": at, "shape_type": kind} for kind, at in kinds.items()]
    file = write(tmp_path / "l" / "a.json", {"shapes": shapes, "imageHeight": 6, "imageWidth": 8})
    intake = brought("labelme", file, project(tmp_path / "p"))
    assert marks(intake.annotations["a"], Box) == [
        Box(label=1, top=1, left=1, bottom=4, right=5),
        Box(label=1, top=1, left=3, bottom=6, right=8),
    ]
    assert intake.noted == {"rectangles were turned: the upright box around each is taken": 1}


def studio(*regions: dict[str, object], **task: object) -> list[dict[str, object]]:
    sized = [{"original_height": 6, "original_width": 8, "image_rotation": 0, **region} for region in regions]
    image = {"image": "/data/upload/3/1a2b3c4d-a.png"}
    return [{"id": 1, "data": image, "annotations": [{"result": sized}], **task}]


def region(kind: str, name: str, **value: object) -> dict[str, object]:
    return {"type": kind, "value": {**value, kind: [name]}}


def test_label_studio_regions(tmp_path: Path) -> None:
    stroke = np.zeros((6, 8, 4), np.uint8)
    stroke[0, 5:7] = 255
    data = studio(
        region("keypointlabels", "debris", x=56.25, y=25, width=2),
        region("rectanglelabels", "cell", x=0, y=0, width=25, height=50, rotation=0),
        region("polygonlabels", "cell", points=[[12.5, 100 / 6], [50, 100 / 6], [50, 50], [12.5, 50]]),
        region("ellipselabels", "debris", x=81.25, y=75, radiusX=18, radiusY=18),
        region("brushlabels", "debris", format="rle", rle=brush(stroke.ravel())),
        region("choices", "good"),
    )
    intake = brought("label-studio", write(tmp_path / "s.json", data), project(tmp_path / "p"))
    annotation = intake.annotations["a"]
    areas = annotation.model_copy(update={"marks": tuple(marks(annotation, Dense))})
    assert drawn(areas) == picture(
        """
        .....22.
        .111....
        .111....
        ......2.
        .....222
        ......2.
        """
    )
    assert marks(annotation, Box) == [Box(label=1, top=0, left=0, bottom=3, right=2)]
    assert marks(annotation, Points) == [Points(label=2, at=((1.0, 4.0),))]
    assert intake.skipped == {"results of type 'choices'": 1}


def test_label_studio_turned_boxes_get_their_hull_which_is_said(tmp_path: Path) -> None:
    # A quarter turn clockwise about the top left corner: to the left of it, as tall as it was wide.
    turned = region("rectanglelabels", "cell", x=50, y=0, width=25, height=100 / 6, rotation=90)
    intake = brought("label-studio", write(tmp_path / "s.json", studio(turned)), project(tmp_path / "p"))
    assert intake.annotations["a"].marks == (Box(label=1, top=0, left=3, bottom=2, right=4),)
    assert any("turned" in line for line in intake.said())


def test_label_studio_takes_the_last_annotation_that_was_not_cancelled(tmp_path: Path) -> None:
    works = [
        {"result": [region("keypointlabels", name, x=50, y=50)], "was_cancelled": cancelled}
        for name, cancelled in (("cell", False), ("debris", False), ("cell", True))
    ]
    path = write(tmp_path / "s.json", studio(annotations=works))
    intake = brought("label-studio", path, project(tmp_path / "p"))
    assert [mark.label for mark in intake.annotations["a"].marks] == [2]  # type: ignore[union-attr]


def cvat(shapes: str, size: str = 'width="8" height="6"') -> str:
    image = f'<image id="0" name="x/a.png" {size}>{shapes}</image>'
    return f'<?xml version="1.0"?><annotations>{image}</annotations>'


def test_cvat_shapes(tmp_path: Path) -> None:
    text = cvat(
        '<polygon label="cell" points="1,1;4,1;4,3;1,3" z_order="0"/>'
        '<mask label="debris" rle="1, 2, 1" left="1" top="3" width="2" height="2" z_order="1"/>'
        '<mask label="debris" rle="0, 1" left="2" top="1" width="1" height="1" z_order="-1"/>'
        '<ellipse label="debris" cx="6.5" cy="1.5" rx="1.2" ry="1.2"/>'
        '<box label="cell" xtl="0" ytl="0" xbr="4" ybr="3"/>'
        '<box label="cell" xtl="2" ytl="2" xbr="6" ybr="4" rotation="90"/>'
        '<points label="debris" points="6,4;0.5,0.5"/>'
        '<polyline label="background" points="0.5,5.5;7.5,5.5"/>'
        '<tag label="cell"/><cuboid label="cell"/>'
    )
    intake = brought("cvat", write(tmp_path / "c.xml", text), project(tmp_path / "p"))
    annotation = intake.annotations["a"]
    areas = annotation.model_copy(update={"marks": tuple(marks(annotation, Dense))})
    assert drawn(areas) == picture(
        """
        ......2.
        .111.222
        .111..2.
        ..2.....
        .2......
        ........
        """
    )
    assert marks(annotation, Box) == [
        Box(label=1, top=0, left=0, bottom=3, right=4),
        Box(label=1, top=1, left=3, bottom=5, right=5),
    ]
    assert marks(annotation, Points) == [Points(label=2, at=((3.5, 5.5), (0.0, 0.0)))]
    assert marks(annotation, Scribble) == [Scribble(label=0, path=((5.0, 0.0), (5.0, 7.0)))]
    assert marks(annotation, Tag) == [Tag(label=1, present=True)]
    assert intake.skipped == {"elements <cuboid>": 1}


def test_qupath_features(tmp_path: Path) -> None:
    def feature(kind: str, coordinates: object, name: object = "Cell", **more: object) -> dict[str, object]:
        said = {"classification": {"name": name, "color": [1, 2, 3]}, "objectType": "annotation", **more}
        return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": said}

    outer = [[1, 1], [6, 1], [6, 5], [1, 5], [1, 1]]
    hole = [[2, 2], [4, 2], [4, 4], [2, 4], [2, 2]]
    corner = [[6, 0], [8, 0], [8, 1], [6, 1], [6, 0]]
    features = [
        feature("Polygon", [outer, hole]),
        feature("MultiPolygon", [[corner]], "debris"),
        feature("MultiPoint", [[0.5, 0.5], [7.5, 5.5]], "debris"),
        feature("LineString", [[0.5, 5.5], [7.5, 5.5]], "background"),
        feature("Polygon", [outer], name="cell") | {"properties": {"name": "nothing said"}},
        feature("GeometryCollection", None),
    ]
    path = write(tmp_path / "a.geojson", {"type": "FeatureCollection", "features": features})
    root = project(tmp_path / "p")
    intake = brought("qupath", path, root)
    annotation = intake.annotations["a"]
    areas = annotation.model_copy(update={"marks": tuple(marks(annotation, Dense))})
    assert drawn(areas) == picture(
        """
        ......22
        .11111..
        .1..11..
        .1..11..
        .11111..
        ........
        """
    )
    assert marks(annotation, Points) == [Points(label=2, at=((0.0, 0.0), (5.0, 7.0)))]
    assert marks(annotation, Scribble) == [Scribble(label=0, path=((5.0, 0.0), (5.0, 7.0)))]
    assert set(intake.skipped) == {"annotations without a class", "geometries of type 'GeometryCollection'"}
    alone = write(tmp_path / "b.geojson", features[1])
    assert "b" in brought("qupath", alone, root).annotations


def test_csv_by_hand_needs_four_columns(tmp_path: Path) -> None:
    text = "class,image,col,row\ncell,a.png,3,2\nCELL,a.png,4,2\ndebris,a,0,0\n"
    intake = brought("csv", write(tmp_path / "c.csv", text), project(tmp_path / "p"))
    assert intake.annotations["a"].marks == (
        Points(label=1, at=((2.0, 3.0), (2.0, 4.0))),
        Points(label=2, at=((0.0, 0.0),)),
    )


def test_json_matches_classes_by_name(tmp_path: Path) -> None:
    theirs = Annotation(
        name="a",
        height=SHAPE[0],
        width=SHAPE[1],
        classes=("Background", "tree", "debris"),
        marks=(
            Dense.from_map(np.where(MAP == 255, 255, MAP).astype(np.uint8)),
            Points(label=2, at=((0, 0),)),
        ),
        seconds=3.5,
    )
    path = tmp_path / "theirs" / "a.json"
    write_annotation(path, theirs)
    intake = brought("json", path.parent, project(tmp_path / "p"))
    found = intake.annotations["a"]
    assert (found.classes, found.seconds) == (CLASSES, 3.5)
    assert found.marks[1] == Points(label=2, at=((0.0, 0.0),))
    assert drawn(found) == drawn(theirs).replace("1", ".")


def test_json_boxes_around_what_is_background_here_are_areas(tmp_path: Path) -> None:
    theirs = Annotation(
        name="a",
        height=SHAPE[0],
        width=SHAPE[1],
        classes=("background", "artefact"),
        marks=(
            Box(label=1, top=1, left=1, bottom=3, right=4),
            ExtremePoints(label=1, at=((0, 0), (0, 0), (0, 0), (0, 0))),
            Points(label=1, at=((5, 7),)),
        ),
    )
    path = tmp_path / "theirs" / "a.json"
    write_annotation(path, theirs)
    root = project(tmp_path / "p")
    intake = brought("json", path.parent, root, classes={"artefact": "background"})
    (written,) = intake.write("refuse")
    assert drawn(read_annotation(written)) == picture(
        """
        ........
        .000....
        .000....
        ........
        ........
        .......0
        """
    )
    assert intake.skipped == {"extreme points of no object": 1}


def test_classes_map_by_name_and_by_choice(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    path = write(tmp_path / "c.json", coco(SQUARE, {**RUNS, "category_id": 7}))
    intake = brought("coco", path, root, classes={"Tree": "debris", "nobody": "cell"})
    assert drawn(intake.annotations["a"]).count("2") == 4
    assert "--class nobody=... was never met." in intake.said()
    void = brought("coco", path, root, classes={"tree": "unlabelled"})
    assert drawn(void.annotations["a"]).count(".") == 4
    with pytest.raises(InputError, match="Did you mean 'debris'"):
        brought("coco", path, root, classes={"tree": "debri"})


def test_undeclared_classes_are_refused_with_the_line_to_declare_them(tmp_path: Path) -> None:
    root = project(tmp_path / "p", value_range=[0, 255])
    path = write(tmp_path / "c.json", coco(SQUARE, RUNS))
    with pytest.raises(InputError, match=r"classes: \[background, Cell, debris\]"):
        brought("coco", path, root)
    both = {"cell": "foreground", "debris": "foreground"}
    assert "a" in brought("coco", path, root, classes=both).annotations


def test_two_images_of_one_name_in_different_folders_are_refused(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    both = coco(SQUARE, {**RUNS, "image_id": 2})
    size = {"height": SHAPE[0], "width": SHAPE[1]}

    def path_of(*names: str) -> Path:
        images = [{"id": number, "file_name": name, **size} for number, name in enumerate(names, start=1)]
        return write(tmp_path / "c.json", {**both, "images": images})

    for others in (("p1/a.png", "p2/a.png"), ("x/p1/a.png", "x/p2/a.png"), ("p1\\a.png", "q/p2/a.png")):
        with pytest.raises(InputError, match="must come from one image") as caught:
            brought("coco", path_of(*others), root)
        assert " and ".join(others) in str(caught.value)
    # Three of which the first names no folder.
    with pytest.raises(InputError, match=r"p1/a\.png and p2/a\.png"):
        brought("coco", path_of("a.png", "p1/a.png", "p2/a.png"), root)
    for others in (("p1/a.png", "p1/a.png"), ("a.png", "p1/a.png"), ("x/p1/a.png", "../p1/a.png")):
        intake = brought("coco", path_of(*others), root)
        assert any("came more than once" in line for line in intake.said()), "nothing silently"


@pytest.mark.parametrize(("height", "width", "said"), [(8, 6, "swapped"), (12, 16, "very image")])
def test_another_size_is_refused(height: int, width: int, said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "c.json", coco(SQUARE, height=height, width=width))
    with pytest.raises(InputError, match=said):
        brought("coco", path, project(tmp_path / "p"))


def test_coordinates_are_of_the_upright_image(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    turned = Image.fromarray(np.zeros((8, 6, 3), np.uint8))
    exif = turned.getexif()
    exif[274] = 6
    (root / "images" / "a.png").unlink()
    turned.save(root / "images" / "a.jpg", exif=exif)
    intake = brought("coco", write(tmp_path / "c.json", coco(SQUARE)), root)
    assert (intake.annotations["a"].height, intake.annotations["a"].width) == SHAPE


def test_existing_annotations_are_merged_or_replaced_on_request_only(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    path = write(tmp_path / "c.csv", "image,class,row,col\na,cell,1,1\nb,cell,1,1\n")
    assert len(brought("csv", path, root).write("refuse")) == 2
    again = write(tmp_path / "d.csv", "image,class,row,col\na,debris,2,2\n")
    with pytest.raises(InputError, match="--merge"):
        brought("csv", again, root).write("refuse")
    brought("csv", again, root).write("merge")
    marks = read_annotation(root / "annotations" / "a.json").marks
    assert [mark.label for mark in marks] == [1, 2]  # type: ignore[union-attr]
    brought("csv", again, root).write("replace")
    assert len(read_annotation(root / "annotations" / "a.json").marks) == 1
    assert len(read_annotation(root / "annotations" / "b.json").marks) == 1


def test_split_folders_keep_their_annotations(tmp_path: Path) -> None:
    for split, name in (("train", "a"), ("test", "b")):
        folder = project(tmp_path / "p" / split, (name,))
        (folder / "pointillist.yaml").rename(tmp_path / "p" / "pointillist.yaml")
    path = write(tmp_path / "c.csv", "image,class,row,col\na,cell,1,1\nb,cell,1,1\n")
    brought("csv", path, tmp_path / "p").write("refuse")
    assert (tmp_path / "p" / "train" / "annotations" / "a.json").is_file()
    assert (tmp_path / "p" / "test" / "annotations" / "b.json").is_file()


def test_an_image_with_a_label_map_takes_no_annotation(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    write(root / "labels" / "a.png", MAP)
    path = write(tmp_path / "c.csv", "image,class,row,col\na,cell,1,1\n")
    with pytest.raises(InputError, match="not both"):
        brought("csv", path, root)
