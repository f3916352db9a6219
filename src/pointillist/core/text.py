"""Text that other programs read."""

from __future__ import annotations

import csv
import io
import math
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

# A number with its sign or bound, unit, spread and interval; "1+1" and "5 clicks" are names.
_NUMBER = re.compile(r"[<+-]? ?[\d.,]+( ?(%|s|min))?( [±(].*)?|-?")


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
    """Print a number, or a dash where there is none.

    >>> number(0.93149), number(None), number(math.nan)
    ('0.931', '-', '-')
    """
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def counted(count: int, plural: str) -> str:
    """Say how many there are of what.

    >>> counted(2, "boxes"), counted(1, "boxes"), counted(1, "images")
    ('2 boxes', '1 box', '1 image')
    """
    return f"{count} {plural if count != 1 else plural[: -2 if plural.endswith('xes') else -1]}"


def typed(path: Path) -> str:
    """Write a path as one types it in a shell.

    >>> typed(Path("my images")), typed(Path("-x"))
    ("'my images'", './-x')
    """
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


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

    >>> print(to_markdown(["clicks|all", "Dice"], [["a|b", "0.93"], ["1+1 clicks", "-"]]))
    | clicks\|all | Dice |
    | --- | --: |
    | a\|b | 0.93 |
    | 1+1 clicks | - |
    """
    sides = ["--:" if right else "---" for right in _numeric(head, rows)]
    written = [[plain_markdown(cell).replace("|", "\\|") for cell in row] for row in (head, *rows)]
    lines = [written[0], sides, *written[1:]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain_markdown(text: str) -> str:
    """Write text so that Markdown takes nothing in it for a tag of HTML.

    >>> plain_markdown("<b>bold</b>, p < .001")
    '&lt;b>bold&lt;/b>, p < .001'
    """
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)


def _numeric(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[bool]:
    """Say which columns hold numbers, or dashes for lack of them, and nothing else."""
    columns = [[row[n] for row in rows] for n in range(len(head))]
    return [any(column) and all(map(_NUMBER.fullmatch, column)) for column in columns]


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$"}
_LATEX |= {"<": "$<$", ">": "$>$", "|": r"\textbar{}"}
_LATEX |= {letter: f"\\{letter}" for letter in "&%$#_{}"}


def escape_latex(text: str) -> str:
    r"""Write text so that LaTeX shows it as it is.

    >>> escape_latex("5 % < a_b")
    '5 \\% $<$ a\\_b'
    """
    return "".join(_LATEX.get(letter, letter) for letter in text)


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
    >>> print(to_latex(["place"], [["[a]"]]).splitlines()[4])
    {}[a] \\
    """

    def line(cells: Sequence[str]) -> str:
        said = " & ".join(map(escape_latex, cells))
        # A bracket or star at the start of a line would be taken for an option of the line's end before.
        return ("{}" if said.startswith(("[", "*")) else "") + said + r" \\"

    columns = "".join("r" if right else "l" for right in _numeric(head, rows))
    body = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", line(head), r"\midrule"]
    return "\n".join([*body, *map(line, rows), r"\bottomrule", r"\end{tabular}"])
