"""Says whether two assets are equal, as far as their listings know."""

from __future__ import annotations

from typing import Literal, TypeAlias

from assetstore.direct.cancel import PENDING_KEY
from assetstore.limits import PENDING
from assetstore.results import AssetInfo

Fact: TypeAlias = Literal["size", "digest", "time", "unknown"]
"""What differs; ``"unknown"`` when sizes are equal and no digest and no time tells more."""


def difference(source: AssetInfo, destination: AssetInfo) -> Fact | None:
    """Return the first fact by which the destination differs from the source, or ``None`` when it is up to date.

    The sizes come first, then digests of one kind. Without them the destination must have been written after the source.
    """
    if source.size != destination.size:
        return "size"
    if source.digest and destination.digest and kind_of(source.digest) == kind_of(destination.digest):
        return None if source.digest == destination.digest else "digest"
    if source.last_modified is None or destination.last_modified is None:
        return "unknown"
    return "time" if source.last_modified > destination.last_modified else None


def is_newer(one: AssetInfo, other: AssetInfo) -> bool:
    """Return whether an asset was written after another one, as far as both times are known."""
    return one.last_modified is not None and other.last_modified is not None and one.last_modified > other.last_modified


def may_be_newer(one: AssetInfo, other: AssetInfo) -> bool:
    """Return whether an asset may have been written after another one: a time is unknown, or tells whole seconds alone."""
    if one.last_modified is None or other.last_modified is None:
        return True
    # What was written within one second of a store that tells no parts of it may be newer.
    is_whole = not (one.last_modified.microsecond and other.last_modified.microsecond)
    return is_newer(one, other) or (is_whole and one.last_modified >= other.last_modified.replace(microsecond=0))


def kind_of(digest: str) -> str:
    """Return the kind of a digest, for example ``"md5"``; that of parts has their size, because others cut elsewhere."""
    return digest.rpartition(":")[0]


def marks_itself(info: AssetInfo) -> bool:
    """Return whether an asset is the mark of the very folder of keys that is listed, which has no key below it."""
    return not info.key and info.size == 0


def is_apart(info: AssetInfo, beside_folder: bool) -> bool:
    """Return whether an asset of a store is no part of what is synced and compared.

    Bytes of direct uploads that are not finished belong to their store. Consoles mark folders by empty assets, which the
    folders of a disk need not.
    """
    if marks_itself(info) or (beside_folder and info.size == 0 and info.key.endswith("/")):
        return True
    return info.key.startswith(PENDING) and PENDING_KEY.fullmatch(info.key) is not None
