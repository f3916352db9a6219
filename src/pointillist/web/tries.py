"""Who guesses at the token: ten wrong ones in a second, and an address's guesses are not even looked at."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

MOST = 10
"""Wrong tokens of one address in a second."""
ADDRESSES = 10_000
"""So many are remembered; the one that was heard of least lately goes first."""


class Tries:
    """Counts wrong tokens by address, and by the way in which they come.

    An address that has once known the token is never held up. The ways are apart, so that a page left open
    with an old cookie holds up nobody who opens the new address.

    Args:
        clock: in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._wrong: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()

    def many(self, address: str, way: str) -> bool:
        """Whether an address has given too many wrong tokens in the last second."""
        times = self._wrong.get((address, way), deque())
        return len(times) == MOST and self.clock() - times[0] < 1

    def held_up(self, address: str, way: str) -> bool:
        """Whether a token of this address is not to be looked at."""
        return address not in self._known and self.many(address, way)

    def right(self, address: str) -> None:
        """Note that an address knows the token."""
        self._known[address] = None
        self._known.move_to_end(address)
        if len(self._known) > ADDRESSES:
            self._known.popitem(last=False)

    def wrong(self, address: str, way: str) -> None:
        """Note that an address gave a wrong token."""
        times = self._wrong.setdefault((address, way), deque(maxlen=MOST))
        times.append(self.clock())
        self._wrong.move_to_end((address, way))
        if len(self._wrong) > ADDRESSES:
            self._wrong.popitem(last=False)
