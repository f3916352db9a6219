"""Samples that a process keeps decoded, for the next run on the same files."""

from __future__ import annotations

from pointillist.core.sample import Sample
from pointillist.datasets.dataset import Dataset

MOST = 1 << 30
"""Bytes that stay in memory; what comes after is decoded each time."""


class Remembered:
    """The samples of one data set in one state of its files; of another one, or in another state, none.

    >>> from pointillist.datasets import Toy
    >>> kept, toy = Remembered(), Toy()
    >>> kept.turn_to(toy, "as it is")
    >>> kept.read(toy, "train-00000") is kept.read(Toy(), "train-00000")
    True
    >>> kept.turn_to(toy, "a file has changed")
    >>> kept.bytes
    0
    """

    def __init__(self) -> None:
        self._of: tuple[str, str] | None = None
        self._samples: dict[str, Sample] = {}
        self.bytes = 0

    def turn_to(self, data: Dataset, state: str | None) -> None:
        """Keep samples of this data set from now on; forget those of another, or of another state.

        Args:
            data: the images.
            state: differs when any of their files does; None: nobody can tell, so nothing is kept.
        """
        of = None if state is None else (data.to_json(), state)
        if of is None or of != self._of:
            self._of, self._samples, self.bytes = of, {}, 0

    def read(self, data: Dataset, name: str) -> Sample:
        """Read a sample, as `Dataset.read` does; what is given is shared, and must not be changed."""
        if self._of is None or data.to_json() != self._of[0]:
            return data.read(name)
        if (kept := self._samples.get(name)) is not None:
            return kept
        sample = data.read(name)
        arrays = (sample.image, sample.mask, sample.region)
        size = sum(array.nbytes for array in arrays if array is not None)
        if self.bytes + size <= MOST:
            self._samples[name] = sample
            self.bytes += size
        return sample


REMEMBERED = Remembered()
"""This process's."""
