"""Draws a progress bar for long work, on a terminal only."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from assetstore.cli.text import counted, readable_size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE = 0.5
NAME_WIDTH = 16
NARROW = 72
"""Columns: a terminal with fewer shows the time that is left, and not the name of the item."""


class Bar:
    """Counts bytes or things, and draws itself on stderr once the work has taken a while; short work shows nothing.

    Attributes:
        label: the current item.
    """

    def __init__(
        self, verb: str, total: int | None, *, wanted: bool, patience: float = PATIENCE, noun: str | None = None
    ) -> None:
        """Start counting.

        Args:
            verb: the work, for example ``uploading``.
            total: the bytes of all the work, or ``None`` if unknown.
            wanted: ``False`` hides it.
            patience: seconds before it is drawn.
            noun: what is counted, for example ``asset``; ``None`` for bytes.
        """
        self.label: str = ""
        self._verb = verb
        self._patience = patience
        self._noun = noun
        self._total = total
        self._done = 0
        self._began = time.monotonic()
        self._hidden = not wanted or not sys.stderr.isatty()
        self._narrow = False
        self._drawn: Progress | None = None
        self._task: TaskID | None = None

    def advance(self, count: int) -> None:
        """Count more bytes."""
        self._done += count
        if self._drawn is None and not self._hidden and time.monotonic() - self._began > self._patience:
            self._draw()
        if self._drawn is not None and self._task is not None:
            amount, speed = self._figures()
            self._drawn.update(
                self._task, completed=self._done, description=self._description(), amount=amount, speed=speed
            )

    def begin(self, verb: str, total: int | None, noun: str | None = None) -> None:
        """Go on with other work, as a new bar would."""
        self._verb, self._total, self._noun = verb, total, noun
        self._done, self._began, self.label = 0, time.monotonic(), ""
        if self._drawn is not None and self._task is not None:
            amount, speed = self._figures()
            self._drawn.reset(self._task, total=total, description=self._description(), amount=amount, speed=speed)

    def print(self, text: str) -> bool:
        """Print a line above the bar; return ``False`` if no bar is drawn."""
        if self._drawn is None:
            return False
        from rich.text import Text

        self._drawn.console.print(Text.from_ansi(text), soft_wrap=True)
        return True

    def _description(self) -> str:
        if self._narrow:
            return self._verb
        name = self.label if len(self.label) <= NAME_WIDTH else f"…{self.label[1 - NAME_WIDTH :]}"
        return f"{self._verb} {name}".rstrip()

    def _figures(self) -> tuple[str, str]:
        speed = self._done / max(time.monotonic() - self._began, 0.001)
        if self._noun is not None:
            of = "" if self._total is None else f"{self._done:,} of "
            amount = f"{of}{counted(self._done if self._total is None else self._total, self._noun)}"
            speed_shown = f"{speed:,.0f}/s"
        else:
            amount = readable_size(self._done) + (f" of {readable_size(self._total)}" if self._total is not None else "")
            speed_shown = f"{readable_size(speed)}/s"
        if self._narrow and self._total:
            amount = f"{min(100, 100 * self._done // self._total)}%"
        return amount, speed_shown

    def _draw(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        console = Console(stderr=True)
        self._narrow = console.width < NARROW
        self._drawn = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[amount]}", table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[speed]}", style="cyan", table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            expand=True,
            # stdout carries data, which rich must not redirect.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        amount, speed = self._figures()
        self._task = self._drawn.add_task(
            self._description(), total=self._total, completed=self._done, amount=amount, speed=speed
        )
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
