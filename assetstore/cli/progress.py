"""A progress bar for long work, on a terminal only."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE = 0.5


class Bar:
    """Counts bytes, and draws itself on stderr once the work has taken half a second; short work shows nothing.

    Attributes:
        label: what is being worked on.
    """

    def __init__(self, verb: str, total: int | None, *, wanted: bool) -> None:
        """Begin to count up to ``total`` bytes, ``None`` when it is not known; ``wanted`` is false to stay hidden."""
        self.label = ""
        self._verb = verb
        self._total = total
        self._done = 0
        self._began = time.monotonic()
        self._hidden = not wanted or not sys.stderr.isatty()
        self._drawn: Progress | None = None
        self._task: TaskID | None = None

    def advance(self, count: int) -> None:
        """Count further bytes."""
        self._done += count
        if self._drawn is None and not self._hidden and time.monotonic() - self._began > PATIENCE:
            self._draw()
        if self._drawn is not None and self._task is not None:
            self._drawn.update(self._task, completed=self._done, description=self._description())

    def print(self, text: str) -> bool:
        """Print a line above the bar, or tell that there is none."""
        if self._drawn is None:
            return False
        from rich.text import Text

        self._drawn.console.print(Text.from_ansi(text), soft_wrap=True)
        return True

    def _description(self) -> str:
        name = self.label if len(self.label) <= 24 else f"…{self.label[-23:]}"
        return f"{self._verb} {name}"

    def _draw(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

        self._drawn = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
            expand=True,
            # What goes to stdout is data and must stay there.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._drawn.add_task(self._description(), total=self._total)
        self._drawn.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hidden = True
        if self._drawn is not None:
            self._drawn.stop()
            self._drawn = None
