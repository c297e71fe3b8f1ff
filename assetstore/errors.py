"""The errors that a store raises, as one tree.

::

    AssetStoreError
    ├─ NotFoundError (FileNotFoundError)
    │  └─ StoreNotFoundError                  the bucket or the folder itself is missing
    ├─ AlreadyExistsError (FileExistsError)   create-only found the key taken
    ├─ PreconditionError                      ``if_match`` did not hold
    ├─ AccessDeniedError (PermissionError)
    │  ├─ CredentialsError                    missing, unknown, expired or signing wrongly
    │  └─ TokenError                          a direct upload's token is forged, foreign or expired
    ├─ InvalidKeyError (ValueError)
    ├─ InvalidOptionError (ValueError)        an argument is out of its range
    ├─ SourceError                            the source of an upload: missing, changed, not a regular file
    ├─ IntegrityError                         bytes differ from their digest or size
    ├─ RefusedError                           an upload breaks the policy or has another type
    ├─ NoSpaceError (OSError)
    ├─ UnavailableError                       the only retryable error; may have ``retry_after``
    ├─ UnknownOutcomeError                    the write may or may not have happened
    ├─ UnsupportedError (NotImplementedError)
    ├─ BackendError                           any other failure of the vendor
    └─ ConfigError (ValueError)
       └─ PluginError                         a plugin is missing, broken or breaks the contract

A class inherits a built-in exception where one fits, so ``except FileNotFoundError`` works on every backend.
"""

from __future__ import annotations

import re
from errno import EACCES, EEXIST, ENOENT, ENOSPC
from typing import ClassVar

_MAX_MESSAGE = 4000
_MAX_NAME = 1024  # no valid key is longer
# Path makes one slash of the two where someone gave the URL of a store as the path of a file.
_USER = re.compile(r"(?<=[:/]/)(?:[^/:?@]+:|[^/@]*@)")


def without_users(text: str) -> str:
    """Return a text without the users and passwords of the URLs in it, which are secrets."""
    return re.sub(r"\S+", _without_user, text) if "@" in text else text


def _without_user(word: re.Match[str]) -> str:
    # A password may have slashes, so it ends only at the last @.
    last = word[0].rfind("@")
    found = _USER.search(word[0], 0, last + 1)
    return f"{word[0][: found.start()]}***{word[0][last:]}" if found else word[0]


def shortened(text: str, limit: int = _MAX_MESSAGE) -> str:
    """Return a text of at most about ``limit`` characters: of a longer one the beginning and the end."""
    if len(text) <= limit:
        return text
    begin, end = limit * 3 // 4, limit // 4
    return f"{text[:begin]}… ({len(text) - begin - end:,} characters left out) …{text[-end:]}"


def spelled(value: object) -> str:
    """Return the repr of a wrong value for a message, shortened; the type of one without, such as 10 ** 5000."""
    try:
        return repr(shortened(value, _MAX_NAME)) if isinstance(value, str) else shortened(repr(value), _MAX_NAME)
    except ValueError:
        return f"a long {type(value).__name__}"


class AssetStoreError(Exception):
    """An operation of a store failed.

    Attributes:
        message: what went wrong and why, in one sentence without the key; a very long one is shortened.
        hint: what to do next, or ``None``.
        op: the operation, the name of a method of ``AssetStore``; filled in by the store.
        key: the key, or ``None``; filled in by the store.
        store: the store's name; filled in by the store.
    """

    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        op: str | None = None,
        key: str | None = None,
        store: str | None = None,
    ) -> None:
        message = shortened(message)
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.op = op
        self.key = key
        self.store = store

    @property
    def what(self) -> str:
        """The operation and its key: ``upload 'maps/keep.webp' (store dev)``, or an empty string."""
        parts = [self.op or ""] if self.op else []
        if self.key is not None:
            parts.append(spelled(self.key))
        if self.store:
            parts.append(f"(store {shortened(self.store, _MAX_NAME)})")
        return " ".join(parts)

    def __str__(self) -> str:
        text = f"{self.what}: {self.message}" if self.what else self.message
        return f"{text}; {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[object, ...]:
        # A class of a plugin may be made from other arguments; a pool of processes hangs where an error does not arrive.
        return _restored, (type(self), self.args), vars(self)


def _restored(kind: type[AssetStoreError], arguments: tuple[object, ...]) -> AssetStoreError:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    return error


class NotFoundError(AssetStoreError, FileNotFoundError):
    """No asset has this key."""

    errno: int | None = ENOENT


class StoreNotFoundError(NotFoundError):
    """The store itself, a bucket or a folder, does not exist."""


class AlreadyExistsError(AssetStoreError, FileExistsError):
    """The key is taken and the write was create-only (``overwrite=False``)."""

    errno: int | None = EEXIST


class PreconditionError(AssetStoreError):
    """The stored version is not the one that ``if_match`` names."""


class AccessDeniedError(AssetStoreError, PermissionError):
    """The credentials are valid but do not allow this."""

    errno: int | None = EACCES


class CredentialsError(AccessDeniedError):
    """The credentials are missing, unknown or expired, or the signature is wrong."""


class TokenError(AccessDeniedError):
    """The token of a direct upload is forged, from another store, or expired; nothing was changed."""


class InvalidKeyError(AssetStoreError, ValueError):
    """The key breaks a rule of ``assetstore.keys``."""


class InvalidOptionError(AssetStoreError, ValueError):
    """An argument other than the key is out of its range."""


class SourceError(AssetStoreError):
    """The source of an upload is missing, changed while it was read, or is not a regular file."""


class IntegrityError(AssetStoreError):
    """The bytes differ from their digest or their size."""


class RefusedError(AssetStoreError):
    """A direct upload breaks the policy, or its bytes are not of the announced type; nothing is stored."""


class NoSpaceError(AssetStoreError, OSError):
    """The disk or the quota is full."""

    errno: int | None = ENOSPC


class UnavailableError(AssetStoreError):
    """The store could not be reached, or rate limited the call; the same call may succeed later.

    Attributes:
        retry_after: seconds to wait, from the answer of the store, or ``None``.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        hint: str | None = None,
        op: str | None = None,
        key: str | None = None,
        store: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, op=op, key=key, store=store)
        self.retry_after = retry_after


class UnknownOutcomeError(AssetStoreError):
    """The write may or may not have happened, or half of it did; the message says what is known.

    For example the answer was lost and reading back did not help, the disk did not confirm that it has the bytes, or the
    copy of a move is there and the original could not be deleted.
    """


class UnsupportedError(AssetStoreError, NotImplementedError):
    """The store's backend or one of its wrappers cannot do this; nothing was sent."""


class BackendError(AssetStoreError):
    """The vendor failed in a way that no other class describes."""


class ConfigError(AssetStoreError, ValueError):
    """A store cannot be opened from its configuration.

    Attributes:
        problems: one message for each mistake, in the order in which they were found.
    """

    def __init__(
        self,
        message: str,
        *,
        problems: tuple[str, ...] = (),
        hint: str | None = None,
        op: str | None = None,
        key: str | None = None,
        store: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, op=op, key=key, store=store)
        self.problems: tuple[str, ...] = tuple(map(shortened, problems or (message,)))


class PluginError(ConfigError):
    """A plugin is missing, cannot be loaded, or breaks the contract of its hooks."""
