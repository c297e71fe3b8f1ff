"""Observers, counters and naming plugins that raise, hang or return what they should not."""

from __future__ import annotations

import atexit
import io
import signal
import sys
from typing import Any

import attrs

from assetstore import Event
from assetstore.plugin import NameOptions, StatsOptions, hookimpl
from hostile import hang


class RaiseWhenMade:
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no luck")

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Never be called."""


class ExitInEvent:
    """Ends the program, and claims that it went well."""

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """End it."""
        raise SystemExit(0)

    @hookimpl
    def assetstore_close(self) -> None:
        """End it."""
        raise SystemExit(0)


class InterruptInEvent:
    """Claims that somebody pressed Ctrl-C."""

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Claim it."""
        raise KeyboardInterrupt


class HangInEvent:
    """Does not return."""

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Hang."""
        hang()


class OddStats:
    """Returns numbers where there should be sums."""

    @hookimpl
    def assetstore_stats(self, options: StatsOptions) -> Any:
        """Return them."""
        return {"uploads": 7}


class OddName:
    """Returns a number for a key."""

    @hookimpl
    def assetstore_name(self, filename: str, options: NameOptions) -> Any:
        """Return it."""
        return 7


class OddCommands:
    """Returns things that are no commands."""

    @hookimpl
    def assetstore_commands(self) -> Any:
        """Return them."""
        return [object(), 7]


class OddAttributes:
    """Raises when it is looked at."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


class OddError:
    """Cannot be made, and its error has no text."""

    def __init__(self) -> None:
        class MuteError(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        raise MuteError


@attrs.define
class OddAnnotation:
    """Has a setting whose type is not one."""

    size: 1 / 0 = 1  # type: ignore[valid-type]  # what is wrong with it

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Do nothing."""


class ForeignError(BaseException):
    """Not an Exception."""


class RaiseForeign:
    """Raises what only Python itself should."""

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Raise it."""
        raise ForeignError("hunter2")


class TakeStdout:
    """Puts streams of its own in the place of the program's, in every way that is known."""

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Take it."""
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # a TextIOWrapper
        sys.stdout.write("seen\n")
        sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", line_buffering=True)
        sys.stdout.write("seen too\n")
        sys.stdout.close()
        sys.stdout = io.StringIO()
        sys.stdout.write("not seen\n")


class InterruptWhileDestroyed:
    """Presses Ctrl-C where Python ignores what its handler raises."""

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Press it, and wait for the end."""

        class Destroyed:
            def __del__(self) -> None:
                signal.raise_signal(signal.SIGINT)

        Destroyed()
        hang()


class PrintLater:
    """Prints when the command has ended."""

    def __init__(self) -> None:
        atexit.register(print, "at the end")

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Do nothing."""
