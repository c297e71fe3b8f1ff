"""One store for assets over Cloudflare R2, any S3 service and local disk.

Read the code in this order: README, ``assetstore.store`` (the users' class), ``assetstore.hooks`` (the plugins' interface),
``assetstore.options`` (the arguments of both), ``assetstore.stack`` (the layers down to the backend), then one backend, for
example ``assetstore.testing.memory``. Authors of plugins import from ``assetstore.plugin``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assetstore.bulk.pool import BulkResults
    from assetstore.config import open_store
    from assetstore.content.reader import AssetReader
    from assetstore.content.writer import AssetWriter
    from assetstore.errors import (
        AccessDeniedError,
        AlreadyExistsError,
        AssetStoreError,
        BackendError,
        ConfigError,
        CredentialsError,
        IntegrityError,
        InvalidKeyError,
        InvalidOptionError,
        NoSpaceError,
        NotFoundError,
        PluginError,
        PreconditionError,
        RefusedError,
        SourceError,
        StoreNotFoundError,
        TokenError,
        UnavailableError,
        UnknownOutcomeError,
        UnsupportedError,
    )
    from assetstore.options import UploadPolicy
    from assetstore.plugin import *  # noqa: F403 - the aliases below, for type checkers
    from assetstore.plugin import SigningKeys
    from assetstore.results import (
        AssetInfo,
        BulkResult,
        CheckReport,
        CheckStep,
        CollectReport,
        DeleteFailure,
        DeleteReport,
        DirectUpload,
        Event,
        Leftover,
        ListPage,
        Prefix,
        PresignedRequest,
        UploadedPart,
    )
    from assetstore.store import AssetStore

    KeyRing = SigningKeys

__all__ = [
    "AccessDeniedError",
    "AlreadyExistsError",
    "AssetInfo",
    "AssetReader",
    "AssetStore",
    "AssetStoreError",
    "AssetWriter",
    "BackendError",
    "BulkResult",
    "BulkResults",
    "CheckReport",
    "CheckStep",
    "CollectReport",
    "ConfigError",
    "CredentialsError",
    "DeleteFailure",
    "DeleteReport",
    "DirectUpload",
    "Event",
    "IntegrityError",
    "InvalidKeyError",
    "InvalidOptionError",
    "Leftover",
    "ListPage",
    "NoSpaceError",
    "NotFoundError",
    "PluginError",
    "PreconditionError",
    "Prefix",
    "PresignedRequest",
    "RefusedError",
    "SourceError",
    "StoreNotFoundError",
    "TokenError",
    "UnavailableError",
    "UnknownOutcomeError",
    "UnsupportedError",
    "UploadPolicy",
    "UploadedPart",
    "open_store",
]

# Names of ``assetstore.plugin`` that older versions exported here. They stay importable.
_MOVED = (
    *("ApplicationOptions", "AssetStream", "CheckOptions", "CopyOptions", "DeleteOptions", "DownloadOptions"),
    *("EndPartsOptions", "Hooks", "ListOptions", "NameOptions", "Part", "PartsOptions", "PerProcess"),
    *("PresignOptions", "ProposedKey", "ReadOptions", "SigningKeysOptions", "Source", "StatOptions"),
    *("StatsOptions", "UploadOptions", "UrlOptions", "Wrapper", "attachment", "category_of", "decode_metadata"),
    *("encode_metadata", "guess_content_type", "hookimpl", "is_valid_key", "join_key", "looks_active"),
    *("normalize_key", "normalize_prefix", "refusal", "secret", "sniff_type"),
)
_ALIASES = {"KeyRing": "SigningKeys", **{name: name for name in _MOVED}}

_HOMES = ("errors", "results", "store", "config", "bulk.pool", "plugin")
"""The modules that have the names, in the order in which they load one another, so that a name loads only what it needs."""


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for (PEP 562): ``import assetstore`` alone loads nothing."""
    if name in _HOMES:
        return import_module(f"{__name__}.{name}")
    if name in __all__ or name in _ALIASES:
        for home in map(import_module, (f"{__name__}.{home}" for home in _HOMES)):
            if hasattr(home, target := _ALIASES.get(name, name)):
                globals()[name] = getattr(home, target)
                return globals()[name]
    raise AttributeError(f"module 'assetstore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
