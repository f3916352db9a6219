"""What a check says: findings by row of the table of bad inputs, gathered in a report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pointillist.core.errors import InputError
from pointillist.data.container import FileError

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
SHOWN = 20
"""Files named in the text; the JSON has all."""


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Args:
        row: its number in the table of bad inputs ("H38").
        severity: "error": cannot be used as it is; "warning": can, and is probably not meant so; "note".
        files: which files, relative to the root.
        expected: what must hold.
        found: what came instead.
        fix: what to do, a full sentence.
    """

    row: str
    severity: Severity
    files: tuple[str, ...]
    expected: str
    found: str
    fix: str


@dataclass(frozen=True)
class Report:
    """All that a check found in one folder.

    Args:
        root: the folder.
        images: how many were looked at.
        masks: how many of them have a mask.
        findings: errors first, then by row and file.
    """

    root: Path
    images: int
    masks: int
    findings: tuple[Finding, ...]

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(finding for finding in self.findings if finding.severity == severity)

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way of using the folder."""
        return not self.of("error")

    def to_json(self) -> str:
        """All findings with all their files."""
        data = {
            "format": "pointillist-check-1",
            "root": str(self.root),
            "images": self.images,
            "masks": self.masks,
            "ok": self.ok,
            "findings": [asdict(finding) for finding in self.findings],
        }
        return json.dumps(data, indent=1, sort_keys=True)

    def lines(self) -> Iterator[str]:
        """The report in words: findings of one kind together, 20 files of each and how many more."""
        groups: dict[tuple[Severity, str, str, str], list[Finding]] = {}
        for f in self.findings:
            groups.setdefault((f.severity, f.row, f.expected, f.fix), []).append(f)
        for (severity, row, expected, fix), group in groups.items():
            files = [(file, f.found) for f in group for file in f.files]
            if len(group) == 1:
                yield f"{severity} {row}: {expected}; got {group[0].found}. {fix}"
                yield from (f"  {file!r}" for file, _ in files[:SHOWN])
            else:
                yield f"{severity} {row}: {expected}. {fix}"
                yield from (f"  {file!r}: {found}" for file, found in files[:SHOWN])
            if len(files) > SHOWN:
                yield f"  ... and {len(files) - SHOWN} more"
        counts = {severity: len(self.of(severity)) for severity in SEVERITIES}
        summary = ", ".join(f"{n} {s}{'' if n == 1 else 's'}" for s, n in counts.items() if n) or "all well"
        yield f"{self.images} images, {self.masks} masks: {summary}"


def relative(path: Path | None, root: Path) -> str:
    """Write a path as the report does."""
    if path is None:
        return ""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def finding_of(error: InputError, root: Path, row: str = "H66") -> Finding:
    """Turn a refusal into a finding; ``row`` is for errors that know none."""
    if isinstance(error, FileError):
        row = error.row
    files = (relative(error.file, root),) if error.file is not None else ()
    return Finding(row, "error", files, error.expected, error.found, error.fix)
