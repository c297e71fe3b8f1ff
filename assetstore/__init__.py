"""One store for assets over Cloudflare R2, any S3 service and local disk.

Read the code in this order: README, ``assetstore.store`` (the users' class), ``assetstore.hooks`` (the plugins' interface),
``assetstore.options`` (the arguments of both), ``assetstore.stack`` (the layers down to the backend), then one backend, for
example ``assetstore.testing.memory``. Authors of plugins import from ``assetstore.plugin``.
"""

from typing import TYPE_CHECKING, Any

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
from assetstore.results import (
    AssetInfo,
    BulkResult,
    CheckReport,
    CheckStep,
    DeleteFailure,
    DeleteReport,
    DirectUpload,
    Event,
    ListPage,
    Prefix,
    PresignedRequest,
    UploadedPart,
)
from assetstore.store import AssetStore

if TYPE_CHECKING:
    from assetstore.plugin import *  # noqa: F403 - the aliases below, for type checkers
    from assetstore.plugin import SigningKeys

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
    "ConfigError",
    "CredentialsError",
    "DeleteFailure",
    "DeleteReport",
    "DirectUpload",
    "Event",
    "IntegrityError",
    "InvalidKeyError",
    "InvalidOptionError",
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


def __getattr__(name: str) -> Any:
    if name in _ALIASES:
        from assetstore import plugin

        return getattr(plugin, _ALIASES[name])
    raise AttributeError(f"module 'assetstore' has no attribute {name!r}")
