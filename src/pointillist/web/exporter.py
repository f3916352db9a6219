"""One export at a time, in a thread of its own: whoever saves a click waits for none."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from pointillist.core.errors import InputError
from pointillist.web.export import Exported, export
from pointillist.web.live import Live
from pointillist.web.project import Project
from pointillist.web.scout import Scout


class Exporter:
    """Writes a project's export.

    Args:
        project: its images and marks.
        live: what is shown.
        scout: finds out first what is best shown.

    Attributes:
        folder: into which it is written.
    """

    def __init__(self, project: Project, live: Live, scout: Scout) -> None:
        self.project, self.live, self.scout = project, live, scout
        self.folder: Path = project.home.parent / "export"
        self._thread = ThreadPoolExecutor(1, "export")
        self._written: Future[Exported] | None = None

    @property
    def running(self) -> bool:
        """Whether an export is being written."""
        return self._written is not None and not self._written.done()

    def begin(self) -> Future[Exported]:
        """Begin to write what is drawn and shown now, and give what will have been written.

        Raises:
            InputError: another one is being written, which may lack what was drawn since it began.
        """
        if self.running:
            must, fix = "one export is written at a time", "Wait for its end, and export again."
            raise InputError(must, "another that is not ready", fix)
        self._written = self._thread.submit(self._write)
        return self._written

    def close(self) -> None:
        """End after what is being written."""
        self._thread.shutdown()

    def _write(self) -> Exported:
        self.scout.settle()
        return export(self.project, self.live, self.folder)
