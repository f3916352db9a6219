"""What a report says first: the answer or the forecast of a study, in sentences and as a table."""

from __future__ import annotations

from dataclasses import dataclass

from pointillist.study.answer import Answer, answer
from pointillist.study.execute import Results
from pointillist.study.forecast import growth, is_growth
from pointillist.study.forecast_words import growth_in_words, growth_table
from pointillist.study.scores import results_by_place
from pointillist.study.statistics import FEWEST_FOR_EFFECT
from pointillist.study.study import Study
from pointillist.study.words import sentences, table


@dataclass(frozen=True)
class Said:
    """What was asked and what came out.

    Args:
        title: of the table.
        sentences: each with a capital.
        head: of the table.
        rows: of the table.
        note: how to read it.
        answer: of a study that compares; None: a forecast.
    """

    title: str
    sentences: list[str]
    head: list[str]
    rows: list[list[str]]
    note: str
    answer: Answer | None = None


def said(study: Study, results: Results) -> Said | None:
    """Give a study's answer or forecast; None: it asks for neither, or too little has been run."""
    if is_growth(study):
        return _forecast(study, results)
    if study.compare is None or not any("test" in one["splits"] for one in results.values()):
        return None
    told = answer(study, results)
    title = f"Against {', '.join(study.compare.to.values())}, {told.split}"
    note = (
        "The difference is paired over images and seeds, its interval resamples both. Where a mask is empty, "
        'who rightly marks nothing scores 1 beside who does not. "As good": the whole '
        f"interval lies above minus the margin of {study.compare.margin:g}, which was declared before the "
        "runs. p: signed-rank test over images, or over groups of images that belong together, each counting "
        "once, of these very seeds: what others would give is not in it; corrected after Holm. Effect d: "
        f"mean over standard deviation of their differences, shown from {FEWEST_FOR_EFFECT} on. "
        '"Better on": the share of images.'
    )
    return Said(title, [f"{s[0].upper()}{s[1:]}" for s in sentences(told)], *table(told), note, told)


def _forecast(study: Study, results: Results) -> Said | None:
    if len(results_by_place(study, results)) < len({tuple(c.place.values()) for c in study.cells}):
        return None
    told = growth(study, results)
    note = "By clicks on validation images that no run learnt from; no mask is asked for."
    return Said("What twice the clicks would bring", [growth_in_words(told)], *growth_table(told), note)
