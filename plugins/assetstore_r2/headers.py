"""Translates between assetstore's values and S3's headers: metadata, ETags, asset infos."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from assetstore.plugin import (
    TEXT_HEADERS,
    AssetInfo,
    CopyOptions,
    Headers,
    InvalidOptionError,
    Verifier,
    decode_metadata,
    encode_metadata,
    is_valid_key,
)

SHA256 = "assetstore-sha256"
WRITE = "assetstore-write"
PART_SIZE = "assetstore-part-size"
"""Bytes of each part but the last of an asset that was stored in parts, whose SHA-256 nobody knew when it began."""
_MD5 = re.compile(r"[0-9a-f]{32}")
_MD5_OF_PARTS = re.compile(r"[0-9a-f]{32}-([1-9][0-9]{0,4})")
_SIZE = re.compile(r"[1-9][0-9]{0,12}", re.ASCII)
FIELDS = {name: name.title().replace("_", "") for name in TEXT_HEADERS}
"""botocore's names for our headers, for example ``ContentType``."""
_KEPT = ("Expires", "WebsiteRedirectLocation", "StorageClass")


def upload_params(headers: Headers, own: Mapping[str, str]) -> dict[str, Any]:
    """Return a write's parameters for headers and metadata; ``own`` is assetstore's part of the metadata."""
    params: dict[str, Any] = {"Metadata": {**encode_metadata(headers.metadata), **own}}
    for field, name in FIELDS.items():
        if value := getattr(headers, field):
            params[name] = value
    return params


def copy_params(head: Mapping[str, Any], options: CopyOptions, write: str, *, in_parts: bool) -> dict[str, Any]:
    """Return the parameters that repeat the headers of ``head``, except those that ``options`` change.

    A copy in one request keeps an ETag of several parts, or gets a plain one. That of a copy in parts tells nothing of the
    bytes: SeaweedFS, for example, makes it from other pieces than the parts.
    """
    params = {name: head[name] for name in _KEPT if name in head}
    for field, name in FIELDS.items():
        value = getattr(options, field)
        if value is None:
            value = head.get(name)
        if value:
            params[name] = value
    metadata = dict(head["Metadata"])
    if options.metadata is not None:
        of_bytes = {name: metadata[name] for name in (SHA256, PART_SIZE) if name in metadata}
        metadata = of_bytes | encode_metadata(options.metadata)
    if in_parts:
        metadata.pop(PART_SIZE, None)
    params["Metadata"] = {**metadata, WRITE: write}
    return params


def head_of(info: AssetInfo) -> dict[str, Any]:
    """Return the response that a HEAD would give for an asset just read; the inverse of ``info_from_head``."""
    algorithm, _, digest = (info.digest or "").partition(":")
    own = {SHA256: digest} if algorithm == "sha256" else {}
    if algorithm.startswith(Verifier.PARTS):
        own = {PART_SIZE: algorithm.removeprefix(Verifier.PARTS)}
    head = upload_params(info, own)
    etag = {} if info.etag is None else {"ETag": quoted(info.etag)}
    return {**head, "ContentLength": info.size, **etag}


def info_from_head(key: str, head: Mapping[str, Any], size: int) -> AssetInfo:
    """Return the info of an asset of ``size`` bytes from the response to a GET or HEAD."""
    etag = unquoted(head.get("ETag"))
    metadata = lower_names(head)
    return AssetInfo(
        key=key,
        size=size,
        etag=etag,
        last_modified=utc(head.get("LastModified")),
        metadata=decode_metadata(metadata),
        digest=digest_from(metadata, head, size),
        valid=is_valid_key(key),
        **{field: head.get(name) for field, name in FIELDS.items()},
    )


def digest_from(metadata: Mapping[str, str], answer: Mapping[str, Any], size: int) -> str | None:
    """Return the digest of an asset of ``size`` bytes: its SHA-256 in the metadata, or what its ETag in an answer tells.

    An ETag that counts other parts than our part size gives is of another layout, as after a copy by other programs.
    """
    if SHA256 in metadata:
        return f"sha256:{metadata[SHA256]}"
    etag = unquoted(answer.get("ETag"))
    if etag is None or is_encrypted(answer):
        return None
    part_size, parts = _SIZE.fullmatch(metadata.get(PART_SIZE, "")), _MD5_OF_PARTS.fullmatch(etag)
    if part_size and parts and int(parts[1]) == max(1, -(-size // int(part_size[0]))):
        return f"{Verifier.PARTS}{part_size[0]}:{etag}"
    return md5_digest(etag)


def lower_names(head: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata of a response as we would have sent them: some services capitalise names.

    Other programs store values as UTF-8, which HTTP's headers show as Latin-1.
    """
    return {name.lower(): value if value.isascii() else _word(value) for name, value in head.get("Metadata", {}).items()}


def _word(value: str) -> str:
    with contextlib.suppress(UnicodeError):
        value = value.encode("latin-1").decode()
    return f"=?utf-8?b?{base64.b64encode(value.encode()).decode()}?="


def is_encrypted(answer: Mapping[str, Any]) -> bool:
    """Return whether the ETag is of encrypted bytes, so that 32 hex digits are not the MD5 of ours."""
    return str(answer.get("ServerSideEncryption", "AES256")) != "AES256" or "SSECustomerAlgorithm" in answer


def md5_digest(etag: str | None) -> str | None:
    """Return ``"md5:…"`` if the ETag is a plain MD5; that of several parts ends in their count, for example ``-3``."""
    return f"md5:{etag}" if etag is not None and _MD5.fullmatch(etag) else None


def utc(time: datetime | None) -> datetime | None:
    """Convert a time from botocore, which is in this machine's zone, to UTC."""
    return time if time is None or time.tzinfo is UTC else time.astimezone(UTC)


def unquoted(etag: str | None) -> str | None:
    """Return an ETag without quotes."""
    return None if etag is None else etag.strip('"')


def quoted(etag: str) -> str:
    """Return an ETag in the form of an HTTP condition.

    Raises:
        InvalidOptionError: no ETag contains these characters.
    """
    if not (etag.isascii() and etag.isprintable()):
        raise InvalidOptionError("if_match must be printable ASCII, as ETags are", hint="pass the ETag that stat returns")
    return etag if etag == "*" or etag.startswith(('"', 'W/"')) else f'"{etag}"'
