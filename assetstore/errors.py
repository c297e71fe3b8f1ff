"""The errors that a store raises, as one tree.

::

    AssetStoreError
    ├─ NotFoundError (FileNotFoundError)
    │  └─ StoreNotFoundError                  the bucket or the folder itself is missing
    ├─ AlreadyExistsError (FileExistsError)   create-only found the key taken
    ├─ PreconditionError                      ``if_match`` did not hold
    ├─ AccessDeniedError (PermissionError)
    │  ├─ CredentialsError                    missing, unknown, expired or wrongly signed
    │  └─ TokenError                          of a direct upload: forged, of another store, or expired
    ├─ InvalidKeyError (ValueError)
    ├─ InvalidOptionError (ValueError)        an argument is out of its range
    ├─ SourceError                            the source of an upload: missing, changed, not a regular file
    ├─ IntegrityError                         bytes differ from their digest or size
    ├─ RefusedError                           an upload breaks the policy, or is not what it claims to be
    ├─ NoSpaceError (OSError)
    ├─ UnavailableError                       the only retryable one; may carry ``retry_after``
    ├─ UnknownOutcomeError                    the write may or may not have happened
    ├─ UnsupportedError (NotImplementedError)
    ├─ BackendError                           the vendor failed in no better-named way
    └─ ConfigError (ValueError)
       └─ PluginError                         a plugin is missing, broken or breaks the contract

Where a class of Python's own fits, ours inherits it too, so ``except FileNotFoundError`` works on every backend.
"""

from __future__ import annotations

from errno import EACCES, EEXIST, ENOENT, ENOSPC
from typing import ClassVar


class AssetStoreError(Exception):
    """An operation of a store failed.

    Attributes:
        message: what went wrong and why, one sentence without the key.
        hint: the next thing to do, or ``None``.
        op: the operation, a method's name of ``AssetStore``; filled in by the store.
        key: the key concerned, or ``None``; filled in by the store.
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
            parts.append(repr(self.key))
        if self.store:
            parts.append(f"(store {self.store})")
        return " ".join(parts)

    def __str__(self) -> str:
        text = f"{self.what}: {self.message}" if self.what else self.message
        return f"{text}; {self.hint}" if self.hint else text


class NotFoundError(AssetStoreError, FileNotFoundError):
    """No asset has this key."""

    errno: int | None = ENOENT


class StoreNotFoundError(NotFoundError):
    """The store itself, a bucket or a folder, does not exist."""


class AlreadyExistsError(AssetStoreError, FileExistsError):
    """The key is taken and the write was create-only (``overwrite=False``)."""

    errno: int | None = EEXIST


class PreconditionError(AssetStoreError):
    """``if_match`` named another version than the one stored."""


class AccessDeniedError(AssetStoreError, PermissionError):
    """The credentials are valid but do not allow this."""

    errno: int | None = EACCES


class CredentialsError(AccessDeniedError):
    """The credentials are missing, unknown, expired or sign wrongly."""


class TokenError(AccessDeniedError):
    """The token of a direct upload was changed, is from another store, or has expired; nothing was changed."""


class InvalidKeyError(AssetStoreError, ValueError):
    """The key breaks a rule of ``assetstore.keys``."""


class InvalidOptionError(AssetStoreError, ValueError):
    """An argument other than the key is out of its range."""


class SourceError(AssetStoreError):
    """The source of an upload is missing, changed while it was read, or is not a regular file."""


class IntegrityError(AssetStoreError):
    """The bytes differ from their digest or their size."""


class RefusedError(AssetStoreError):
    """A direct upload breaks the policy, or its bytes are not what they claim to be; nothing of it is stored."""


class NoSpaceError(AssetStoreError, OSError):
    """The disk or the quota is full."""

    errno: int | None = ENOSPC


class UnavailableError(AssetStoreError):
    """The store could not be reached, or limited the rate; the same call may succeed later.

    Attributes:
        retry_after: seconds to wait, as the store asked, or ``None``.
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
    """The answer to a write was lost and reading back did not settle whether it happened."""


class UnsupportedError(AssetStoreError, NotImplementedError):
    """The store's backend or one of its wrappers cannot do this; nothing was sent."""


class BackendError(AssetStoreError):
    """The vendor failed in a way that no better-named class describes."""


class ConfigError(AssetStoreError, ValueError):
    """A store cannot be opened from its configuration.

    Attributes:
        problems: each mistake on its own, in the order in which they were found.
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
        self.problems = problems or (message,)


class PluginError(ConfigError):
    """A plugin is missing, cannot be loaded, or breaks the contract of its hooks."""
