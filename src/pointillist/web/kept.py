"""What is costly to make and stays in memory, as much of it as fits."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class Kept(Generic[T]):
    """The things used last, up to so many bytes together; at least one, however large it is.

    Several threads may ask: what one of them is making, the others wait for; other things they get meanwhile.

    Args:
        make: makes a thing by its name.
        size: how many bytes it takes.
        most: bytes that may be kept.
        state: of what a thing was made from; when it has changed, the thing is made anew. None: not known
            now, and what is kept stays.
    """

    def __init__(
        self,
        make: Callable[[str], T],
        size: Callable[[T], int],
        most: int,
        state: Callable[[str], Hashable | None] = lambda name: None,
    ) -> None:
        self._make, self._size, self._most, self._state = make, size, most, state
        self._things: OrderedDict[str, tuple[T, Hashable | None]] = OrderedDict()
        # A lock is there as long as someone makes the thing, or waits for it: names may be 200,000.
        self._making: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._looking = threading.Lock()

    def __call__(self, name: str) -> T:
        """Give a thing, made now if it is not kept; what `make` raises is raised."""
        with self._looking:
            making = self._making.setdefault(name, threading.Lock())
        with making:
            state = self._state(name)
            with self._looking:
                if name in self._things and state in (None, self._things[name][1]):
                    self._things.move_to_end(name)
                    return self._things[name][0]
            thing = self._make(name)
            with self._looking:
                self._things[name] = thing, state
                self._things.move_to_end(name)
                self._drop()
            return thing

    def _drop(self) -> None:
        sizes = {name: self._size(thing) for name, (thing, _) in self._things.items()}
        total = sum(sizes.values())
        while total > self._most and len(self._things) > 1:
            name, _ = self._things.popitem(last=False)
            total -= sizes[name]
