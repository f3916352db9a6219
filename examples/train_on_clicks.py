"""Train on clicks and on full masks, and compare: the demo in twenty lines."""

from pathlib import Path

import pointillist as pt


def main(folder: Path = Path("runs/example"), epochs: int = 10) -> None:
    data = pt.Synthetic()
    for annotate in (pt.PointsAnnotator(positive=5, negative=5), pt.Full()):
        run = pt.Run(data=data, annotate=annotate, epochs=epochs)
        pt.train(run, folder / run.id)
        _, summary = pt.evaluate(pt.load_trained(folder / run.id), "test")
        dice = summary.row("dice_per_image")
        print(f"{annotate.in_words():12} test Dice {dice.value:.3f} ({dice.low:.3f} to {dice.high:.3f})")


if __name__ == "__main__":
    main()
