"""Your own images: write a folder as Pointillist reads it, train on its clicks, predict a new image."""

from pathlib import Path

import pointillist as pt
from pointillist.data.draw import draw_image, draw_label_map, write_picture


def write_folder(root: Path) -> None:
    """Images, clicks for most of them as JSON, and masks for a few: those measure."""
    drawn, clicks = pt.Synthetic(size=(72, 96), train=16), pt.PointsAnnotator(positive=3, negative=3)
    for sample in drawn.samples("train"):
        write_picture(root / "images" / f"{sample.name}.png", draw_image(sample.image))
        annotation = clicks.annotate(sample, ("background", "foreground"), seed=0)
        pt.write_annotation(root / "annotations" / f"{sample.name}.json", annotation)


def main(folder: Path = Path("runs/own"), epochs: int = 10) -> None:
    write_folder(folder / "data")
    data = pt.Folder(root=folder / "data")
    run = pt.Run(data=data, annotate=None, epochs=epochs, batch=4)  # None: the annotations that lie there
    pt.train(run, folder / run.id)
    trained = pt.load_trained(folder / run.id)
    sample = data.read(data.names("test")[0])
    write_picture(folder / "prediction.png", draw_label_map(trained.predict(sample), data.colours))
    print(f"Written: {folder / 'prediction.png'}")


if __name__ == "__main__":
    main()
