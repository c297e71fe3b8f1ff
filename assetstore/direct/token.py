"""Makes and verifies the token of a direct upload, which holds all its state, so that no database is needed."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time

import attrs

from assetstore.direct.signing_keys import SigningKeys
from assetstore.errors import InvalidOptionError, TokenError
from assetstore.limits import MAX_TOKEN
from assetstore.options import TEXT_HEADERS, Headers

_PURPOSE = "direct-upload"
_SHAPE = re.compile(r"([A-Za-z0-9_-]+)\.([0-9a-f]{8}\.[A-Za-z0-9_-]{43})", re.ASCII)


@attrs.frozen(kw_only=True)
class Claims:
    """The contents of a token.

    Attributes:
        key: the key of the finished asset, in the scope.
        upload_id: the random id of the upload; names the pending object and stays in the asset's metadata.
        size: in bytes.
        content_type: media type.
        headers: fingerprint of the other headers and the metadata.
        ends: when the token expires, in seconds of Unix time.
        sha256: digest in hex, or ``None``.
        reuse: whether an equal asset under the key may be reused.
        parts_id: what ``assetstore_begin_parts`` returned, for an upload in parts.
        part_size: bytes of each part but the last.
        cache_control: the header that the asset will have.
    """

    key: str
    upload_id: str
    size: int
    content_type: str
    headers: str
    ends: int
    sha256: str | None = None
    reuse: bool = False
    parts_id: str | None = attrs.field(default=None, repr=False)
    part_size: int | None = None
    cache_control: str | None = None


_NAMES = tuple(field.name for field in attrs.fields(Claims))


def seal(keys: SigningKeys, prefix: str, claims: Claims) -> str:
    """Return the token of the claims, valid only for this prefix.

    Raises:
        InvalidOptionError: the token would be longer than 2,048 characters.
    """
    text = json.dumps(attrs.astuple(claims), ensure_ascii=False, separators=(",", ":"))
    body = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    token = f"{body}.{keys.sign(_PURPOSE, prefix, body)}"
    if len(token) > MAX_TOKEN:
        raise InvalidOptionError(f"the token must have at most {MAX_TOKEN} characters", hint="choose a shorter key")
    return token


def unseal(keys: SigningKeys, prefix: str, token: str) -> Claims:
    """Verify the signature of a token, then read its claims.

    Raises:
        TokenError: the token was not made by these keys for this prefix, or it has expired.
    """
    match = _SHAPE.fullmatch(token) if isinstance(token, str) and len(token) <= MAX_TOKEN else None
    if match is None or not keys.verify(match[2], _PURPOSE, prefix, match[1]):
        raise TokenError("the token is not from this store, or was changed", hint="begin the upload again")
    try:
        claims = Claims(**dict(zip(_NAMES, json.loads(base64.urlsafe_b64decode(f"{match[1]}==")), strict=True)))
    except ValueError as error:
        raise TokenError("the token is from another version of assetstore", hint="begin the upload again") from error
    if claims.ends <= time.time():
        raise TokenError("the token has expired", hint="begin the upload again")
    return claims


def fingerprint(headers: Headers) -> str:
    """Return a digest of all headers and metadata but content type and cache control.

    The claims have those two, and a browser may add a Cache-Control of its own.
    """
    texts = [getattr(headers, name) for name in _FIRST_FINGERPRINTED]
    others = [[name, text] for name in _ALSO_FINGERPRINTED if (text := getattr(headers, name))]
    text = json.dumps([*texts, sorted((headers.metadata or {}).items()), *others])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# The order of the first ones, and leaving out the others when they are not given, keeps tokens of older versions valid.
_FIRST_FINGERPRINTED = ("content_disposition", "content_language")
_ALSO_FINGERPRINTED = tuple(sorted({*TEXT_HEADERS} - {"content_type", "cache_control", *_FIRST_FINGERPRINTED}))
