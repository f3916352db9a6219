"""Text that other programs read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence


def cell(text: str) -> str:
    """Make a name safe in a spreadsheet, which would run a cell that starts like a formula.

    >>> cell("=1+1"), cell("IMD002")
    ("'=1+1", 'IMD002')
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def slug(text: str) -> str:
    """Make a name of small letters, digits and hyphens; empty where nothing is left.

    >>> slug("My Images_7"), slug("图")
    ('my-images-7', '')
    """
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-")


def number(value: float | None, digits: int = 3) -> str:
    """Print a number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def counted(count: int, plural: str) -> str:
    """Say how many there are of what.

    >>> counted(2, "boxes"), counted(1, "boxes"), counted(1, "images")
    ('2 boxes', '1 box', '1 image')
    """
    return f"{count} {plural if count != 1 else plural[: -2 if plural.endswith('xes') else -1]}"


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table as CSV; of one that goes on without the header.

    >>> to_csv(("name", "area"), [("a,b", 3)]).split()
    ['name,area', '"a,b",3']
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def to_markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Write a table as Markdown, columns with numbers to the right.

    >>> print(to_markdown(["clicks", "Dice"], [["a|b", "0.93"]]))
    | clicks | Dice |
    | --- | --: |
    | a\|b | 0.93 |
    """
    numeric = [any(row[n].strip("+-")[:1].isdigit() for row in rows) for n in range(len(head))]
    sides = ["--:" if right else "---" for right in numeric]
    lines = [head, sides, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$"}
_LATEX |= {letter: f"\\{letter}" for letter in "&%$#_{}"}


def to_latex(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Write a table as a LaTeX tabular with the rules of booktabs.

    >>> print(to_latex(["clicks", "Dice"], [["a_b", "0.93 ± 0.01"]]))
    \begin{tabular}{lr}
    \toprule
    clicks & Dice \\
    \midrule
    a\_b & 0.93 $\pm$ 0.01 \\
    \bottomrule
    \end{tabular}
    """
    numeric = [any(row[n].strip("+-")[:1].isdigit() for row in rows) for n in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return " & ".join("".join(_LATEX.get(letter, letter) for letter in cell) for cell in cells) + r" \\"

    columns = "".join("r" if right else "l" for right in numeric)
    body = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", line(head), r"\midrule"]
    return "\n".join([*body, *map(line, rows), r"\bottomrule", r"\end{tabular}"])
