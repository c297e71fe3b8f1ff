"""The results of ``R2AssetManager``, which returns failures instead of raising them."""

from __future__ import annotations

import dataclasses
import logging
from types import TracebackType
from typing import Self

from assetstore.plugin import AssetStoreError, ConfigError, NotFoundError

NOT_CONFIGURED = "R2 configuration missing or invalid"

logger = logging.getLogger("assetstore_r2")


class NotConfiguredError(ConfigError):
    """R2 is not enabled, or its settings are missing or wrong."""


@dataclasses.dataclass
class UploadResult:
    """What became of an upload.

    Attributes:
        success: whether the file is stored.
        url: the public URL where ``R2_PUBLIC_URL`` is set, otherwise a signed one, hidden in the repr, that lasts an hour.
        error: what went wrong.
        file_size: bytes stored.
        file_key: the key to keep; unlike a signed URL it does not end.
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
    """What became of a download.

    Attributes:
        success: whether the file is there, whole and verified.
        local_path: where it is.
        error: what went wrong; a file that was there before is then as it was.
        file_size: its bytes.
    """

    success: bool
    local_path: str | None = None
    error: str | None = None
    file_size: int = 0


class Attempt:
    """A block whose errors are logged, once each, and put into words instead of being raised.

    Attributes:
        error: what went wrong, for a result; ``None`` if nothing did.
    """

    def __init__(self, what: str, subject: object) -> None:
        """Name what is tried, as in ``Upload failed``, and on which path or key."""
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
        # That an asset is missing is often the answer to a question.
        level = logging.WARNING if type(error) is NotFoundError else logging.ERROR
        is_bug = not isinstance(error, AssetStoreError | OSError)
        logger.log(level, "%s of %r failed: %s", self._what, self._subject, text, exc_info=is_bug)
        return True


def in_words(error: Exception) -> str:
    """Return what went wrong and what to do, after the store's own code for it where it sent one, as ``NoSuchBucket``."""
    if not isinstance(error, AssetStoreError):
        return f"{type(error).__name__}: {error}"
    answer = getattr(error.__cause__, "response", None)
    code = answer.get("Error", {}).get("Code", "") if isinstance(answer, dict) else ""
    # An answer to a HEAD has no code, for which botocore puts its status.
    known = code and not code.isdigit() and code not in error.message
    return "; ".join(filter(None, (f"{code}: {error.message}" if known else error.message, error.hint)))
