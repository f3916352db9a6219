"""Simulate clicks with every strategy on one image, draw them, and write them as JSON."""

from pathlib import Path
from typing import get_args

import pointillist as pt
from pointillist.data.draw import draw_annotation, write_picture
from pointillist.data.sheets import panels


def main(folder: Path = Path("runs/strategies")) -> None:
    data = pt.Synthetic(scene="vessels")
    sample = data.read("train-00000")
    strategies = get_args(pt.PointsAnnotator.model_fields["strategy"].annotation)
    pictures = []
    for strategy in strategies:
        annotator = pt.PointsAnnotator(positive=10, negative=10, strategy=strategy)
        annotation = annotator.annotate(sample, data.classes, seed=0)
        pt.write_annotation(folder / f"{strategy}.json", annotation)
        pictures.append(draw_annotation(sample.image, annotation, data.colours))
    write_picture(folder / "strategies.png", panels([pictures], strategies))
    print(f"Written: {folder / 'strategies.png'}")


if __name__ == "__main__":
    main()
