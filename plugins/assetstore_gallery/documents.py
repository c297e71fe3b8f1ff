"""Reads how many pages a PDF has, in a process of its own: its parser could be kept busy by what somebody wrote."""

from __future__ import annotations

from functools import partial
from typing import IO, Any

from assetstore.plugin import PerProcess
from assetstore_gallery import confined
from assetstore_gallery.bounded import Bounded
from assetstore_gallery.workers import Workers

TYPE = "application/pdf"


class Documents:
    """Reads PDFs, one at a time."""

    def __init__(self) -> None:
        self._workers = PerProcess(partial(Workers, "count", 1))

    def facts_of(self, file: Bounded) -> dict[str, Any]:
        """Return ``pages``, how many the document says that it has."""

        def exchange(target: IO[bytes], source: IO[bytes]) -> bytes | None:
            confined.send(target, file.size.to_bytes(8, "big"))
            while (message := confined.received(source)) is not None and len(message) == confined.WANTED.size:
                position, size = confined.WANTED.unpack(message)
                file.seek(position)
                confined.send(target, file.read(size))
            return message

        found = self._workers.get().ask(exchange)
        return {"pages": int.from_bytes(found, "big")} if found else {}

    def close(self) -> None:
        """End the process."""
        if (running := self._workers.pop()) is not None:
            running.close()
