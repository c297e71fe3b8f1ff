"""The import for authors of plugins: everything that a backend, wrapper, naming plugin or observer needs.

``from assetstore.plugin import hookimpl`` marks an implementation of a hook; ``Hooks`` documents each hook. Users of a store
import from ``assetstore`` alone.
"""

from typing import TYPE_CHECKING, Any

from assetstore import limits
from assetstore.bulk.running import slow_down, stopping
from assetstore.config import default_plugins
from assetstore.content.content_types import category_of, guess_content_encoding, guess_content_type
from assetstore.content.digests import Verifier
from assetstore.content.read_ahead import ReadAhead
from assetstore.content.reader import AssetReader
from assetstore.content.source import Source
from assetstore.direct.signing_keys import SigningKeys
from assetstore.entry_points import require_extra
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
from assetstore.hooks import Hooks, hookimpl
from assetstore.keys import glob_covers, is_valid_key, join_key, listed_asset, normalize_key, normalize_prefix
from assetstore.operation import count_request
from assetstore.options import (
    HEADERS,
    TEXT_HEADERS,
    Answering,
    ApplicationOptions,
    BeginPartsOptions,
    CheckOptions,
    CollectOptions,
    ContainerOptions,
    CopyOptions,
    DeleteOptions,
    DownloadOptions,
    EndPartsOptions,
    Headers,
    ListOptions,
    Method,
    NameOptions,
    NewAsset,
    Part,
    PartsOptions,
    PathOptions,
    PresignOptions,
    ReadOptions,
    SigningKeysOptions,
    StatOptions,
    StatsOptions,
    UpdateOptions,
    UploadManyOptions,
    UploadOptions,
    UrlOptions,
    every,
    seconds_of,
)
from assetstore.per_process import PerProcess
from assetstore.results import (
    AssetInfo,
    AssetStream,
    Body,
    CheckReport,
    CheckStep,
    CollectReport,
    Container,
    DeleteFailure,
    DeleteReport,
    Event,
    Leftover,
    ListPage,
    OnClash,
    Prefix,
    PresignedRequest,
    ProposedKey,
    UploadedPart,
)
from assetstore.settings import OtherStore, SecretText, as_other_store, is_web_url, secret
from assetstore.signed_headers import (
    METADATA_HEADER,
    SHA256_HEADER,
    attachment,
    decode_metadata,
    encode_metadata,
    http_name,
    r2_metadata_size,
    require_r2_metadata,
)
from assetstore.wrapper import Wrapper

if TYPE_CHECKING:
    from assetstore.bulk.cost import cost_of, total_cost
    from assetstore.content.checkpoint import Checkpoint
    from assetstore.content.sniffing import allows, has_encoding, looks_active, refusal, sniff_type

__all__ = [
    "HEADERS",
    "METADATA_HEADER",
    "SHA256_HEADER",
    "TEXT_HEADERS",
    "AccessDeniedError",
    "AlreadyExistsError",
    "Answering",
    "ApplicationOptions",
    "AssetInfo",
    "AssetReader",
    "AssetStoreError",
    "AssetStream",
    "BackendError",
    "BeginPartsOptions",
    "Body",
    "CheckOptions",
    "CheckReport",
    "CheckStep",
    "Checkpoint",
    "CollectOptions",
    "CollectReport",
    "ConfigError",
    "Container",
    "ContainerOptions",
    "CopyOptions",
    "CredentialsError",
    "DeleteFailure",
    "DeleteOptions",
    "DeleteReport",
    "DownloadOptions",
    "EndPartsOptions",
    "Event",
    "Headers",
    "Hooks",
    "IntegrityError",
    "InvalidKeyError",
    "InvalidOptionError",
    "Leftover",
    "ListOptions",
    "ListPage",
    "Method",
    "NameOptions",
    "NewAsset",
    "NoSpaceError",
    "NotFoundError",
    "OnClash",
    "OtherStore",
    "Part",
    "PartsOptions",
    "PathOptions",
    "PerProcess",
    "PluginError",
    "PreconditionError",
    "Prefix",
    "PresignOptions",
    "PresignedRequest",
    "ProposedKey",
    "ReadAhead",
    "ReadOptions",
    "RefusedError",
    "SecretText",
    "SigningKeys",
    "SigningKeysOptions",
    "Source",
    "SourceError",
    "StatOptions",
    "StatsOptions",
    "StoreNotFoundError",
    "TokenError",
    "UnavailableError",
    "UnknownOutcomeError",
    "UnsupportedError",
    "UpdateOptions",
    "UploadManyOptions",
    "UploadOptions",
    "UploadedPart",
    "UrlOptions",
    "Verifier",
    "Wrapper",
    "allows",
    "as_other_store",
    "attachment",
    "category_of",
    "cost_of",
    "count_request",
    "decode_metadata",
    "default_plugins",
    "encode_metadata",
    "every",
    "glob_covers",
    "guess_content_encoding",
    "guess_content_type",
    "has_encoding",
    "hookimpl",
    "http_name",
    "is_valid_key",
    "is_web_url",
    "join_key",
    "limits",
    "listed_asset",
    "looks_active",
    "normalize_key",
    "normalize_prefix",
    "r2_metadata_size",
    "refusal",
    "require_extra",
    "require_r2_metadata",
    "seconds_of",
    "secret",
    "slow_down",
    "sniff_type",
    "stopping",
    "total_cost",
]


def __getattr__(name: str) -> Any:
    """Load what looks at bytes when it is first asked for: its patterns take long to compile, and few plugins need them.

    Fewer still need checkpoints or costs.
    """
    if name == "Checkpoint":
        from assetstore.content.checkpoint import Checkpoint

        return Checkpoint
    if name in ("cost_of", "total_cost"):
        from assetstore.bulk import cost

        return getattr(cost, name)
    if name in ("allows", "has_encoding", "looks_active", "refusal", "sniff_type"):
        from assetstore.content import sniffing

        return getattr(sniffing, name)
    raise AttributeError(f"module 'assetstore.plugin' has no attribute {name!r}")
