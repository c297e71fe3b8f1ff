"""Tells a plugin's own failures from those of others, and reports plugins that do not return."""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TypeVar

from assetstore.errors import AssetStoreError, PluginError

R = TypeVar("R")

RAISED = (Exception, SystemExit, KeyboardInterrupt)
"""What a plugin may raise by mistake. Other exceptions end threads and tasks, and belong to whoever began those."""

PATIENCE = 10.0
"""Seconds after which a plugin that has not returned is reported."""

_CALLERS_OWN = "assetstore.content.source"
"""The module that calls what the user of an upload gave: streams, iterators and callbacks."""


def is_own_failure(error: BaseException) -> bool:
    """Return whether a plugin that raised an error raised it by itself.

    What the user's stream or callback raised is the user's. SystemExit and KeyboardInterrupt that a signal brought, such as
    Ctrl-C, must end the program wherever it was. They are known by the signal's handler in their traceback. Python's own
    handler of Ctrl-C leaves no trace there: while it is the one, any KeyboardInterrupt of the main thread counts as Ctrl-C.
    """
    if any(frame.f_globals.get("__name__") == _CALLERS_OWN for frame in frames_of(error)):
        return False
    return isinstance(error, Exception) or not _came_by_signal(error)


def _came_by_signal(error: BaseException) -> bool:
    if threading.current_thread() is not threading.main_thread():
        return False
    handlers = {signal.getsignal(number) for number in signal.valid_signals()}
    if isinstance(error, KeyboardInterrupt) and signal.default_int_handler in handlers:
        return True
    codes = {getattr(getattr(handler, "__func__", handler), "__code__", None) for handler in handlers}
    return any(frame.f_code in codes for frame in frames_of(error))


def frames_of(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames of an error's traceback; the last one raised it."""
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def failed(owner: str, hook: str, error: BaseException) -> PluginError:
    """Return the error for a hook that raised; it does not repeat the text, which may hold a secret."""
    hint = "report it to the plugin's author"
    return PluginError(f"{owner} failed in assetstore_{hook}: {type(error).__name__}", hint=hint)


def words_of(error: BaseException) -> str:
    """Return the class and the text of a plugin's error; the text may raise an error itself."""
    try:
        return f"{type(error).__name__}: {error}"
    except RAISED:
        return type(error).__name__


@contextlib.contextmanager
def unusable(describe: Callable[[], str]) -> Iterator[None]:
    """Turn what a plugin raises by itself while it is looked at, for example in a property, into a PluginError.

    ``describe`` names the plugin. It is called only where that is needed, because it may take long.
    """
    try:
        yield
    except AssetStoreError:
        raise
    except RAISED as error:
        if not is_own_failure(error):
            raise
        raise PluginError(f"{describe()} cannot be used: {words_of(error)}") from error


class _Call:  # every program loads this module, and attrs takes longer to make a class than all the rest of it
    def __init__(self, describe: Callable[[], str]) -> None:
        self.describe = describe
        self.began = time.monotonic()
        self.reported = False


class _Watch:
    """Looks at the calls that are under way every now and then, on a thread of its own."""

    def __init__(self, report: Callable[[str], None], patience: float) -> None:
        self._report = report
        self._patience = patience
        self._calls: set[_Call] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="assetstore plugin watch", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @contextlib.contextmanager
    def calling(self, describe: Callable[[], str]) -> Iterator[None]:
        call = _Call(describe)
        with self._lock:
            self._calls.add(call)
        try:
            yield
        finally:
            with self._lock:
                self._calls.discard(call)

    def _look(self) -> None:
        while not self._ended.wait(min(1.0, self._patience / 4)):
            with self._lock:
                calls = list(self._calls)
            late = [call for call in calls if not call.reported and time.monotonic() - call.began >= self._patience]
            for call in late:
                call.reported = True
                self._report(f"{call.describe()} for {self._patience:g} s")


_watches: list[_Watch] = []


@contextlib.contextmanager
def watching(report: Callable[[str], None]) -> Iterator[None]:
    """Report each plugin that has not returned from its import, or from an observer's hook, in ``PATIENCE`` seconds.

    It goes on running: no thread of Python can be ended from outside. Only stores that are opened in the block are watched.
    """
    watch = _Watch(report, PATIENCE)
    with watch:
        _watches.append(watch)
        try:
            yield
        finally:
            _watches.remove(watch)


def watched(function: Callable[..., R], describe: Callable[[], str]) -> Callable[..., R]:
    """Return a function that is reported if it does not return: the same one if nobody watches."""
    return functools.partial(_call, _watches[-1], describe, function) if _watches else function


def _call(watch: _Watch, describe: Callable[[], str], function: Callable[..., R], *arguments: object, **named: object) -> R:
    with watch.calling(describe):
        return function(*arguments, **named)
