"""``AssetFile``: an asset as an open file of Django."""

from __future__ import annotations

import contextlib
import io
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from django.core.files import File

from assetstore import AssetStore

_BUFFER = 1 << 16  # as much as Django reads at once
_MODES = frozenset({"r", "rt", "rb", "w", "wt", "wb", "x", "xt", "xb"})


if TYPE_CHECKING:  # in the stubs of Django alone, File is generic
    _File: TypeAlias = File[Any]
else:
    _File = File


class AssetFile(_File):  # type: ignore[misc]  # Django has no types
    """A file of a storage. One that is read comes piece by piece and seeks where the store honours ranges.

    What is written is stored when the file is closed, in a ``with`` block at its end. An exception in the block, and
    forgetting a file without closing it, store nothing. Text is UTF-8.

    Attributes:
        name: its name in the storage.
        mode: how it is open.
    """

    def __init__(self, store: AssetStore, key: str, name: str, mode: str) -> None:
        self._store, self._key = store, key
        self._is_entered = False
        super().__init__(None, name)
        self._begin(mode)

    def _begin(self, mode: str) -> None:
        if mode not in _MODES:
            message = f"a file of the storage cannot be opened with mode {mode!r}, since an asset is written whole"
            raise io.UnsupportedOperation(f"{message}; use one of {', '.join(sorted(_MODES))}")
        self._writing = contextlib.ExitStack()
        if mode[0] == "r":
            reader = self._store.open(self._key)
            self.size: int = reader.info.size
            file: Any = io.BufferedReader(reader, _BUFFER)
        else:
            file = self._writing.enter_context(self._store.writer(self._key, overwrite=mode[0] == "w"))
        self.mode = mode
        self.file: Any = file if "b" in mode else io.TextIOWrapper(file, encoding="utf-8")

    def open(self, mode: str | None = None) -> AssetFile:
        """Go back to the beginning; a closed file is opened again."""
        if self.closed:
            self._begin(mode or self.mode)
        else:
            self.seek(0)
        return self

    def close(self) -> None:
        """End reading, or store what was written; may be called twice. In a ``with`` block the end of the block stores."""
        # What wraps a file, for example a TextIOWrapper, closes it also after an exception.
        try:
            self.file.close()
            if not self._is_entered:
                self._writing.close()
        except BaseException:
            self._writing.__exit__(*sys.exc_info())
            raise

    def __enter__(self) -> AssetFile:
        self._is_entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_entered = False
        if error is None:
            self.close()
        else:
            with contextlib.suppress(type(error)):
                self._writing.__exit__(kind, error, trace)
            self.file.close()
