"""Finds out how many operations to run at once: tries more and fewer, and keeps what brings more."""

from __future__ import annotations

import time
from collections.abc import Callable

from assetstore.limits import MAX_CONCURRENCY
from assetstore.options import UploadManyOptions

START = 16
FOUND = 256
"""The most that is tried where the caller sets no bound and the system allows enough open files."""
FILES_FOR_EACH = 10
"""An item may need an open source, a target, its folders and a connection, and others need files too."""
GENTLE = 8
"""A store that cannot be reached is tried by so many at least: thousands of items must not fail one after the other."""
ROUND = 0.05
REST = 20
GAIN, LOSS = 1.1, 0.95
IDLE = 0.4
"""Seconds of processor in a second of a round, below which operations mostly wait for what is far away."""
BATCHES = 2
UNIT = 1 << 16
"""So many bytes weigh as much as one more item."""


class Concurrency:
    """The number of operations at once. It measures how much is done in each round, and may change the number after it.

    It raises the number as long as that brings a tenth more, then lowers it as long as that costs less than a twentieth,
    and tries again after a while. While the process mostly waits, it takes larger steps. A store that asks for fewer
    requests halves it.

    Attributes:
        most: the bound.
        limit: the number for now.
    """

    def __init__(
        self,
        most: int | None,
        clock: Callable[[], float] = time.perf_counter,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        """Begin.

        Args:
            most: the bound, or ``None``.
            clock: returns seconds.
            cpu_clock: returns seconds of processor that this process took.

        Raises:
            InvalidOptionError: ``most`` is not a whole number from 1 to 1,024.
        """
        self._bounded = most is not None
        found = as_many_as_files_allow(FOUND) if most is None else most
        self.most: int = UploadManyOptions(max_concurrency=found).max_concurrency
        self.limit: int = min(START, self.most)
        self._base = self.limit
        self._base_rate = 0.0
        self._rest = 0
        self._retried = False
        self._up = True
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._step = 2
        self._begin(clock())

    @property
    def batches(self) -> int:
        """How many batches the backend may do at once: while the results of one are taken, it does the other."""
        return min(BATCHES, self.limit)

    @property
    def share(self) -> int:
        """How many operations each batch may run at once."""
        return max(1, self.most // self.batches) if self._bounded else MAX_CONCURRENCY

    def note(self, count: int, size: int) -> None:
        """Count items that are done, and their bytes; at the end of a round decide about the next one."""
        self._count += count
        self._work += count + size / UNIT
        if self._count < self.limit:
            return
        now = self._clock()
        seconds = now - self._began
        if seconds < ROUND:
            return
        self._step = 4 if self._cpu_clock() - self._cpu_began < IDLE * seconds else 2
        self._judge(self._work / seconds)
        self._begin(now)

    def slow_down(self, *, gently: bool) -> None:
        """Halve the number, and try more only after a long while."""
        self.limit = self._base = max(self.limit // 2, min(self.limit, GENTLE) if gently else 1)
        self._base_rate, self._rest = 0.0, 2 * REST
        self._begin(self._clock())

    def _begin(self, now: float) -> None:
        self._began, self._count, self._work = now, 0, 0.0
        self._cpu_began = self._cpu_clock()

    def _judge(self, rate: float) -> None:
        if self.limit == self._base:
            self._base_rate = rate if not self._base_rate else (self._base_rate + rate) / 2
            self._rest -= 1
            if self._rest < 0:
                self._try()
        elif rate >= self._base_rate * (GAIN if self.limit > self._base else LOSS):
            self._base, self._base_rate = self.limit, max(rate, self._base_rate)
            self._try()
        elif not self._retried:
            # The first round has what began before it: new connections, for example.
            self._retried = True
        else:
            self.limit = self._base
            # After more was tried in vain, fewer are tried at once; after that it rests.
            self._up = not self._up
            self._rest = REST if self._up else 0

    def _try(self) -> None:
        self._retried = False
        wanted = self._base * self._step if self._up else self._base * 3 // 4
        self.limit = max(1, min(wanted, self.most))
        if self.limit == self._base:
            self._up = not self._up
            self._rest = REST


def as_many_as_files_allow(most: int) -> int:
    """Return how many items, ``most`` at most, may be in work without too many open files: macOS begins with 256."""
    try:
        import resource
    except ImportError:  # Windows
        return most
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return most if allowed == resource.RLIM_INFINITY else max(1, min(most, allowed // FILES_FOR_EACH))
