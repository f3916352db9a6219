"""The check of a user's folder: all that is wrong with it, in words, and nothing in it touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pointillist.core.errors import InputError, InputErrors
from pointillist.core.text import counted
from pointillist.data.item import Item
from pointillist.data.layout import Layout, survey
from pointillist.data.split import SPLITS
from pointillist.data.validate_files import ItemFacts, inspect
from pointillist.data.validate_finding import SEVERITIES, Finding, Report, finding_of, relative
from pointillist.data.validate_leaks import SEARCHED, check_leaks
from pointillist.data.validate_masks import check_labels, check_masks

__all__ = ["Finding", "Report", "check_folder"]


def check_folder(root: Path, progress: Callable[[int, int], None] | None = None) -> Report:
    """Check a folder of images in the layout of the data set "folder".

    Every file is read once, one at a time; of each only its hash, a thumbnail and its class shares are kept
    (about 3 KB, and 4 KB of thumbnail up to 10,000 images), so that the memory stays small for any number
    of files. Only reads.

    Args:
        root: what ``Folder(root=...)`` reads; see ``data.layout``.
        progress: called with (files done, files in all).
    """
    try:
        layout = survey(root)
    except InputErrors as errors:
        return _report(root, [finding_of(error, root, "H75") for error in errors.errors])
    except InputError as error:
        return _report(root, [finding_of(error, root, "H75")])
    findings = [finding_of(problem, root) for problem in layout.problems] + _about_layout(layout)
    facts: list[ItemFacts] = []
    for number, item in enumerate(layout.items):
        if progress is not None:
            progress(number, len(layout.items))
        found, problems = inspect(item, layout.declaration, root, len(layout.items) <= SEARCHED)
        facts.append(found)
        findings += problems
    findings += check_masks(facts, layout.declaration, root)
    findings += check_labels(facts, layout.declaration, root)
    findings += check_leaks(facts, layout.declaration, root)
    return _report(root, findings, layout.items)


def _report(root: Path, findings: list[Finding], items: tuple[Item, ...] = ()) -> Report:
    order = sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.row, f.files))
    return Report(root, len(items), sum(item.mask is not None for item in items), tuple(order))


def _about_layout(layout: Layout) -> list[Finding]:
    findings = []
    if layout.passed_over:
        files = tuple(relative(path, layout.root) for path in layout.passed_over)
        must, fix = "files must be images", "Convert them, if they are."
        found = f"{counted(len(files), 'files')} with other endings, passed over"
        findings.append(Finding("H59", "note", files, must, found, fix))
    drawn = [item for item in layout.items if item.mask or item.labels or item.annotation]
    bare = tuple(
        relative(i.image, layout.root) for i in layout.items if not (i.mask or i.labels or i.annotation)
    )
    if bare:
        found = f"{len(bare)} of {len(layout.items)} images with nothing drawn on them"
        fix = "Fine for prediction and as unlabelled images; otherwise add their masks."
        must = "an image should have a mask, a label map or an annotation"
        findings.append(Finding("H59", "warning" if drawn else "note", bare, must, found, fix))
    return [*findings, *_about_groups(layout)]


def _about_groups(layout: Layout) -> list[Finding]:
    """Say where so few groups were declared that a split stays without images."""
    empty = [split for split in SPLITS if all(item.split != split for item in layout.items)]
    by_groups = layout.declaration.groups is not None and layout.declaration.split is None
    if not (empty and by_groups and len(layout.items) > len(SPLITS)):
        return []
    if any(item.home != layout.root for item in layout.items):  # Folders say which images are for what.
        return []
    groups = dict.fromkeys(item.group for item in layout.items)
    named = ", ".join(map(repr, list(groups)[:3])) + (" and others" if len(groups) > 3 else "")
    must = f"groups should leave images for each of {', '.join(SPLITS)}"
    found = f"{counted(len(groups), 'groups')} ({named}), and none for {' and '.join(empty)}"
    fix = "Tell smaller groups apart, or say by split which images are for what."
    return [Finding("H62", "warning", (), must, found, fix)]
