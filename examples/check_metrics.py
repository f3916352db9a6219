"""Score two label maps, and a whole set with intervals: metrics stand on their own."""

import numpy as np

from pointillist import IGNORE
from pointillist.metrics.confusion import confusion_matrix, dice, iou
from pointillist.metrics.summary import measure, summarise


def main() -> None:
    truth = np.array([[0, 0, 1, 1], [0, IGNORE, 1, 1]], dtype=np.uint8)
    prediction = np.array([[0, 1, 1, 1], [0, 1, 1, 0]], dtype=np.uint8)
    matrix = confusion_matrix(prediction, truth, num_classes=2)
    print(f"Dice {dice(matrix)[1]:.3f}, IoU {iou(matrix)[1]:.3f}; the void pixel counts nowhere")
    rng = np.random.default_rng(0)
    results = []
    for number in range(20):
        mask = (rng.random((32, 32)) < 0.3).astype(np.uint8)
        noisy = np.where(rng.random((32, 32)) < 0.1, 1 - mask, mask).astype(np.uint8)
        results.append(measure(f"image {number}", "", noisy, mask, num_classes=2))
    row = summarise(results, ("background", "thing")).row("dice_per_image")
    print(
        f"Dice over {row.images_used} images {row.value:.3f}, 95 % interval {row.low:.3f} to {row.high:.3f}"
    )


if __name__ == "__main__":
    main()
