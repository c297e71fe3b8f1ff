"""The results of ``R2AssetManager``, which returns failures instead of raising them."""

from __future__ import annotations

import dataclasses
import logging
from types import TracebackType
from typing import Self

from assetstore.plugin import AssetStoreError, ConfigError, NotFoundError

NOT_CONFIGURED = "R2 configuration missing or invalid"

logger: logging.Logger = logging.getLogger("assetstore_r2")


class NotConfiguredError(ConfigError):
    """R2 is not enabled, or its settings are missing or wrong."""


@dataclasses.dataclass
class UploadResult:
    """The outcome of an upload.

    Attributes:
        success: whether the file is stored.
        url: the public URL if ``R2_PUBLIC_URL`` is set, otherwise a signed one that lasts an hour; the repr hides it.
        error: what went wrong.
        file_size: bytes stored.
        file_key: the key to keep; unlike a signed URL it does not expire.
    """

    success: bool
    url: str | None = None
    error: str | None = None
    file_size: int = 0
    file_key: str | None = None

    def __repr__(self) -> str:
        signed = self.url is not None and "?" in self.url
        shown = dataclasses.asdict(self) | {"url": "***" if signed else self.url}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


@dataclasses.dataclass
class DownloadResult:
    """The outcome of a download.

    Attributes:
        success: whether the file was written, whole and verified.
        local_path: the file's path.
        error: what went wrong; a file that existed before is then unchanged.
        file_size: bytes written.
    """

    success: bool
    local_path: str | None = None
    error: str | None = None
    file_size: int = 0


class Attempt:
    """A ``with`` block that logs an error once and keeps its text instead of raising it.

    Attributes:
        error: what went wrong, for a result; ``None`` if nothing did.
    """

    def __init__(self, what: str, subject: object) -> None:
        """Take the name of the attempt, for example ``Upload``, and its path or key."""
        self.error: str | None = None
        self._what = what
        self._subject = subject

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        text = in_words(error)
        self.error = NOT_CONFIGURED if isinstance(error, NotConfiguredError) else f"{self._what} failed: {text}"
        # A missing asset is often an expected result.
        level = logging.WARNING if type(error) is NotFoundError else logging.ERROR
        is_bug = not isinstance(error, AssetStoreError | OSError)
        extra = {"event_name": f"r2.{self._what.lower()}.failed", "outcome": "error"}
        logger.log(level, "%s of %r failed: %s", self._what, self._subject, text, exc_info=is_bug, extra=extra)
        return True


def in_words(error: Exception) -> str:
    """Return an error's message and hint, after the store's own code if it sent one, for example ``NoSuchBucket``."""
    if not isinstance(error, AssetStoreError):
        return f"{type(error).__name__}: {error}"
    answer = getattr(error.__cause__, "response", None)
    code = answer.get("Error", {}).get("Code", "") if isinstance(answer, dict) else ""
    # A response to a HEAD has no code; botocore puts its status there.
    known = code and not code.isdigit() and code not in error.message
    return "; ".join(filter(None, (f"{code}: {error.message}" if known else error.message, error.hint)))
