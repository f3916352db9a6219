"""Several people on one image, and clients that send again, late and in another order."""

import random
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from pointillist.core.marks import Points
from pointillist.web.commit import AnyEvent
from pointillist.web.events import Add, Redo, Undo
from pointillist.web.store import Store
from tests.web.app import served

Request: TypeAlias = tuple[int, list[AnyEvent]]
"""What one person sends together."""


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


def orders(lengths: tuple[int, ...]) -> Iterator[list[int]]:
    """Give every order in which lanes of these lengths may come, as the lanes' numbers."""
    if not any(lengths):
        yield []
    for lane, length in enumerate(lengths):
        if length:
            fewer = (*lengths[:lane], length - 1, *lengths[lane + 1 :])
            yield from ([lane, *rest] for rest in orders(fewer))


LANES = (
    (3, 3, 3),
    (2, 2, 2, 2),
    (6, 6),
    (4, 3, 2),
    (5, 2, 2),
    (5, 3, 1),
    (3, 2, 2, 1),
    (5, 5),
    (4, 2, 2),
    (4, 4),
)
"""How many events each person has; together they may come in 10,066 orders."""


def sent(order: Sequence[int], lanes: Sequence[list[AnyEvent]], chance: random.Random) -> list[Request]:
    """Send the lanes in an order; who gets no answer sends what was sent before with it, and again."""
    requests: list[Request] = []
    reached = [0] * len(lanes)
    for tab in order:
        begin = chance.randint(max(0, reached[tab] - 2), reached[tab])
        reached[tab] += 1
        requests.append((tab, lanes[tab][begin : reached[tab]]))
        if chance.random() < 0.2:
            requests.append(chance.choice(requests))
    return requests


def mixed(lengths: Sequence[int], image: int, chance: random.Random) -> list[list[AnyEvent]]:
    """Let people click, and take back or put back anybody's marks, also such that may not be there yet."""
    names = [[f"{image:08x}-{tab:04x}-{number:04x}" for number in range(n)] for tab, n in enumerate(lengths)]
    everybodys = [name for own in names for name in own]

    def event(tab: int, number: int) -> AnyEvent:
        own, step = names[tab][number], chance.randrange(5)
        if step < 3 or not number:
            return Add(
                id=own, sequence=number, mark=Points(label=step % 2, at=((float(tab), float(number)),))
            )
        of = chance.choice(everybodys) if chance.random() < 0.3 else names[tab][0]
        kind = Undo if step == 3 else Redo
        return kind(id=own, sequence=number, of=of)

    return [[event(tab, number) for number in range(n)] for tab, n in enumerate(lengths)]


def by_the_rule(requests: Sequence[Request]) -> tuple[list[AnyEvent], list[bool]]:
    """Say what must be stored and which requests taken: each event once, a request whole or not at all."""
    stored: dict[str, AnyEvent] = {}
    taken = []
    for _, events in requests:
        new: dict[str, AnyEvent] = {}
        for event in events:
            about = {**stored, **new}.get(event.of) if not isinstance(event, Add) else event
            if event.id not in stored and not isinstance(about, Add):
                break
            new[event.id] = event
        else:
            stored |= {name: event for name, event in new.items() if name not in stored}
        taken.append(len(new) == len(events))
    return list(stored.values()), taken


def test_l08_l09_ten_thousand_interleavings_are_stored_exactly_once_and_in_order(tmp_path: Path) -> None:
    """Every order of ten small groups of people, who send again at will, each on an image of its own."""
    chance, count = random.Random(0), 0
    with closing(Store(tmp_path / "clicks.sqlite")) as store:
        for lengths in LANES:
            told = []
            for order in orders(lengths):
                count += 1
                requests = sent(order, mixed(lengths, count, chance), chance)
                answers = [store.append(str(count), str(tab), events) for tab, events in requests]
                told.append((str(count), requests, answers))
            for image, requests, answers in told:
                expected, taken = by_the_rule(requests)
                assert [answer.exception() is None for answer in answers] == taken
                assert store.events(image)[0] == expected
        clients = store._reader().execute("SELECT id, client FROM events").fetchall()
    assert count == 10_066
    assert all(int(name.split("-")[1], 16) == int(client) for name, client in clients), "whose it is stays"


def test_l08_over_http_each_persons_marks_come_once_and_in_their_order(tmp_path: Path) -> None:
    """Eight people on each of four images, at the same time, each sending everything twice."""
    with served(tmp_path / "mine") as client:
        images = [image["id"] for image in client.get("/api/project").json()["images"][:4]]

        def work(image: str, tab: int) -> list[str]:
            rng, person = random.Random(tab), str(uuid.uuid4())
            mark = {"kind": "points", "label": tab % 2, "at": [[1.0, 1.0]], "radius": 0.0}
            names = [str(uuid.uuid4()) for _ in range(6)]
            lane = [{"kind": "add", "id": n, "sequence": at, "mark": mark} for at, n in enumerate(names)]
            reached = 0
            while reached < len(lane):
                begin, reached = rng.randint(0, reached), reached + rng.randint(1, 2)
                for _ in range(2):
                    body = {"client": person, "events": lane[begin:reached]}
                    assert client.post(f"/api/images/{image}/events", json=body).status_code == 200
            return names

        with ThreadPoolExecutor(8) as pool:
            work_of = {image: [pool.submit(work, image, tab) for tab in range(8)] for image in images}
            lanes = {image: [one.result() for one in own] for image, own in work_of.items()}
        for image, own in lanes.items():
            shown = [mark["id"] for mark in client.get(f"/api/images/{image}/marks").json()["marks"]]
            assert sorted(shown) == sorted(name for lane in own for name in lane)
            for lane in own:
                assert [name for name in shown if name in set(lane)] == lane


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
