"""A study's table: one row for each run and split, rebuilt from the results at any time.

Times of computing are in the results and not here: a study that was cut gives the same table as another.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from pointillist.core import durable
from pointillist.core.text import cell
from pointillist.study.execute import read_results
from pointillist.study.study import TAKEN, Study

Row = dict[str, Any]


def rows(study: Study, folder: Path) -> list[Row]:
    """List the measured runs in the order of the grid; runs that have not ended are left out."""
    found = []
    results = read_results(study, folder)
    for one in study.cells:
        result = results.get(one.run.id)
        if result is None:
            continue
        seconds = result["seconds_per_image"]
        for split in (split for split in study.splits if split in result["splits"]):
            own = dict(zip(TAKEN, (one.run.seed, one.run.id, split, seconds), strict=True))
            found.append({**one.place, **own, **result["splits"][split]["metrics"]})
    return found


def write_table(study: Study, folder: Path) -> Path:
    """Write the rows as CSV, and give the file; where nothing has ended, its header alone."""
    found = rows(study, folder)
    metrics = {name: None for row in found for name in row}
    columns = list(dict.fromkeys((*study.axes, *TAKEN, *metrics)))
    path = folder / "table.csv"
    with durable.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writerow({name: cell(name) for name in columns})
        writer.writerows({**row, **{axis: cell(row[axis]) for axis in study.axes}} for row in found)
    return path
