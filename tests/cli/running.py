"""The result of a command that ran in this process: its exit code and all that it wrote, byte for byte."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import attrs


class Stream(io.TextIOWrapper):
    """A text stream over bytes in memory that may claim to be a terminal."""

    def __init__(self, data: bytes = b"", *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", write_through=True)
        self.terminal = terminal

    def isatty(self) -> bool:
        """Return the claim."""
        return self.terminal

    def text(self) -> bytes:
        """Return all that was written."""
        self.flush()
        return bytes(self.buffer.getvalue())  # type: ignore[attr-defined]  # it is a BytesIO


@attrs.frozen
class Done:
    """The result of a command."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """Data as text."""
        return self.raw.decode()

    @property
    def lines(self) -> list[str]:
        """Data line by line."""
        return self.out.splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        """Data as JSON, one object a line."""
        return [json.loads(line) for line in self.lines]


Run = Callable[..., Done]
