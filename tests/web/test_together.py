"""Several people on one image, and clients that send again, late and in another order."""

import random
import tempfile
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pointillist.core.marks import Points
from pointillist.web.events import Add, Redo, Undo, replay
from pointillist.web.store import AnyEvent, Store


def draw_on(tab: int, steps: Sequence[int]) -> list[AnyEvent]:
    """Make one person's events: clicks, and their own ones taken back and put back."""
    events: list[AnyEvent] = []
    drawn: list[str] = []
    for number, step in enumerate(steps):
        name = str(uuid.uuid5(uuid.UUID(int=tab), str(number)))
        if step < 2 or not drawn:
            mark = Points(label=step % 2, at=((float(tab), float(number)),))
            events.append(Add(id=name, sequence=number, mark=mark))
            drawn.append(name)
        elif step == 2:
            events.append(Undo(id=name, sequence=number, of=drawn[number % len(drawn)]))
        else:
            events.append(Redo(id=name, sequence=number, of=drawn[number % len(drawn)]))
    return events


people = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=8), min_size=2, max_size=8)


@given(people, st.integers(0, 1 << 32))
def test_l08_whatever_the_interleaving_each_sees_all_marks_and_whose_they_are(
    steps: list[list[int]], seed: int
) -> None:
    chance = random.Random(seed)
    lanes = [draw_on(tab, own) for tab, own in enumerate(steps)]
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder) / "clicks.sqlite")) as store:
        left, sent = [list(lane) for lane in lanes], []
        while any(left):
            tab = chance.choice([n for n, lane in enumerate(left) if lane])
            event = left[tab].pop(0)
            sent.append(event)
            answer = store.append("a", str(tab), [event])
        assert answer.result() == len(sent)
        stored, _ = store.events("a")
        rows = store._reader().execute("SELECT client, id FROM events ORDER BY number").fetchall()
    assert stored == sent
    for tab, lane in enumerate(lanes):
        assert [name for client, name in rows if client == str(tab)] == [event.id for event in lane]
    # Nobody touches another's marks, so each person's are what they would be alone.
    alone = {name: mark for lane in lanes for name, mark in replay(lane).marks.items()}
    assert replay(stored).marks == alone


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(0, 1 << 32))
def test_l09_sent_three_times_late_and_again_is_stored_once_and_in_its_order(
    steps: list[int], seed: int
) -> None:
    """A client sends its lane in order, gets no answer, and begins again at any earlier place."""
    chance, lane = random.Random(seed), draw_on(0, steps)
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder) / "clicks.sqlite")) as store:
        answers = []
        reached = 0
        while reached < len(lane):
            begin = chance.randrange(reached + 1)
            end = min(len(lane), begin + chance.randrange(1, 5))
            answers += [store.append("a", "tab", lane[begin:end]) for _ in range(3)]
            reached = max(reached, end)
        assert {answer.result() for answer in answers} <= set(range(1, len(lane) + 1))
        stored, last = store.events("a")
    assert (stored, last) == (lane, len(lane))
