"""A forecast without masks in a sentence and as a table, for the terminal and for files."""

from __future__ import annotations

from pointillist.core.text import number
from pointillist.study.forecast import CLICKS, Growth

WORTH = 0.005
"""Of Dice; a gain that is surely smaller is hardly worth twice the clicks."""
LEARNT = 0.05
"""Of Dice; below, a network has found nothing yet, and what it gains says nothing."""


def growth_in_words(growth: Growth) -> str:
    """Say what twice the clicks would bring, by held-out clicks."""
    most, mean = growth.counts[-1], growth.means[-1]
    if mean < LEARNT:
        verdict = (
            "whether they are worth it can't be told, for hardly anything has been learnt: train for longer"
        )
    elif growth.low > WORTH:
        verdict = "they are worth it"
    elif growth.high < WORTH:
        verdict = "they are hardly worth it"
    else:
        verdict = "whether they are worth it, so few held-out images can't tell"
    other = "other seeds and held-out images" if len(growth.scores[-1]) > 1 else "other held-out images alone"
    return (
        f"With {most:g} clicks per image the Dice by held-out clicks is {mean:.3f}; twice as many would "
        f"bring about {growth.gain:+.3f} ({growth.low:+.3f} to {growth.high:+.3f} by {other}), if the curve "
        f"goes on as it went, which its three numbers of clicks fix exactly and can't test: {verdict}. It is "
        "no measure against masks."
    )


def growth_table(growth: Growth) -> tuple[list[str], list[list[str]]]:
    """Give the heading and a row for each number of clicks."""
    rows = [
        [f"{count:g}", number(mean, 4), ", ".join(number(score, 4) for score in scores)]
        for count, mean, scores in zip(growth.counts, growth.means, growth.scores, strict=True)
    ]
    return [CLICKS, "Dice by held-out clicks", "seeds"], rows
