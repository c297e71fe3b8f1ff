"""Uploads create-only under the keys of a naming plugin: on a clash remakes the key, reuses the asset, or fails."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from assetstore.content.content_types import DEFAULT_CONTENT_TYPE, category_of
from assetstore.content.source import Source
from assetstore.errors import AlreadyExistsError, IntegrityError, InvalidOptionError
from assetstore.keys import Scope, normalize_key
from assetstore.limits import MAX_PROPOSALS
from assetstore.operation import Operation
from assetstore.options import NameOptions, UploadOptions
from assetstore.results import AssetInfo, ProposedKey
from assetstore.side_plugins import SidePlugins
from assetstore.stack import Stack


def upload_named(
    stack: Stack,
    scope: Scope,
    operation: Operation,
    propose: Callable[[int], ProposedKey],
    source: Source,
    options: UploadOptions,
) -> AssetInfo:
    """Upload under the first proposed key that is free, or return an existing asset that may be reused."""
    create_only = attrs.evolve(options, overwrite=False)
    for attempt in range(MAX_PROPOSALS):
        proposed = propose(attempt)
        operation.attempts = attempt + 1
        operation.key = proposed.key
        key = operation.full_key = scope.inward(proposed.key)
        if proposed.on_clash == "reuse" and (existing := _reusable(stack, key, source)) is not None:
            return existing
        if proposed.on_clash != "fail":
            source.spool()
        try:
            info = stack.upload(key, source, create_only)
        except AlreadyExistsError:
            if proposed.on_clash == "fail":
                raise
            if proposed.on_clash == "reuse" and (existing := _reusable(stack, key, source)) is not None:
                return existing
        else:
            operation.bytes = info.size
            return info
    raise all_taken()


def all_taken() -> AlreadyExistsError:
    """Return the error for a naming plugin that proposes only taken keys."""
    return AlreadyExistsError(f"all {MAX_PROPOSALS} keys that the naming plugin proposed are taken")


def _reusable(stack: Stack, key: str, source: Source) -> AssetInfo | None:
    info = stack.find(key)
    if info is not None and source.size is not None and info.size != source.size:
        raise IntegrityError(
            f"the asset to reuse must have {source.size} bytes, it has {info.size}", hint="delete it and upload again"
        )
    return info


def proposer(
    plugins: SidePlugins, filename: str, content_type: str, category: str | None, size: int | None, digest: Callable[[], str]
) -> Callable[[int], ProposedKey]:
    """Return a function that asks the naming plugins for the key of an attempt."""
    options = NameOptions(
        content_type=content_type or DEFAULT_CONTENT_TYPE,
        category=category if category is not None else category_of(content_type or DEFAULT_CONTENT_TYPE),
        size=size,
        digest=digest,
    )

    last_part = filename.replace("\\", "/").rpartition("/")[2]

    def propose(attempt: int) -> ProposedKey:
        proposed = plugins.name(last_part, attrs.evolve(options, attempt=attempt))
        return attrs.evolve(proposed, key=normalize_key(proposed.key))

    return propose


def no_digest() -> str:
    """Refuse to compute a digest, because there are no bytes yet.

    Raises:
        InvalidOptionError: always.
    """
    raise InvalidOptionError("this naming scheme needs the bytes", hint="upload without key= instead")
