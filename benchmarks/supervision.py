"""How close weak annotations come to full masks: the default recipe, and methods alone and together.

    python benchmarks/supervision.py ph2 --root DIR -o docs/results/supervision_ph2.md
    python benchmarks/supervision.py ph2-unet --root DIR -o docs/results/supervision_unet.md
    python benchmarks/supervision.py ph2-methods --root DIR -o docs/results/supervision_methods.md
    python benchmarks/supervision.py mixed --root DIR -o docs/results/supervision_mixed.md
    python benchmarks/supervision.py drive --root DIR -o docs/results/supervision_drive.md
    python benchmarks/supervision.py drive --root DIR --seeds 2 --epochs 12
        -o docs/results/supervision_drive_12.md
    python benchmarks/supervision.py drive-crf --root DIR -o docs/results/supervision_crf.md
    python benchmarks/supervision.py corrected --root DIR -o docs/results/supervision_corrected.md
    python benchmarks/supervision.py toys -o docs/results/supervision_toys.md
    python benchmarks/supervision.py select --root DIR -o docs/results/supervision_select.md
    python benchmarks/supervision.py density --root DIR -o docs/results/supervision_density.md

Runs are kept under --runs; finished ones are not trained again. Weights are chosen on the validation images'
annotations (their masks for full masks), never on test images.
"""

from __future__ import annotations

import typer
from supervision_drive import corrected, drive, drive_crf
from supervision_ph2 import mixed, ph2, ph2_methods, ph2_unet
from supervision_select import select
from supervision_toys import density, toys

app = typer.Typer(add_completion=False)
for command in (ph2, ph2_unet, ph2_methods, mixed, drive, drive_crf, corrected, toys, select, density):
    app.command(command.__name__.replace("_", "-"))(command)

if __name__ == "__main__":
    app()
