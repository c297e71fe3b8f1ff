"""Verifies that this store signed a request. It is parsed once; any difference from the signed one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote_to_bytes

import attrs

from assetstore.plugin import SigningKeys, is_valid_key
from assetstore_local.http.responses import FORGED, ErrorResponse
from assetstore_local.presign import BOUND, EXPIRES, PARAMETERS, SIGNATURE, signed_fields

METHODS = ("GET", "HEAD", "PUT", "DELETE")


@attrs.frozen(kw_only=True)
class Request:
    """A request.

    Attributes:
        method: HTTP method.
        path: the raw path below the mount of the application, without its leading slash.
        query: the raw query.
        headers: names in lower case.
    """

    method: str
    path: bytes
    query: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Verified:
    """What a valid signature allows.

    Attributes:
        key: the asset.
        query: the parameters.
        bound: names of the headers whose values were signed.
    """

    key: str
    query: Mapping[str, str]
    bound: frozenset[str]


def verify(request: Request, keys: SigningKeys) -> Verified:
    """Return what the signature allows.

    Raises:
        ErrorResponse: the signature is missing, forged, expired, or for another request.
    """
    try:
        key = unquote_to_bytes(request.path).decode()
        pairs = parse_qsl(request.query, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=20)
    except ValueError as error:
        raise ErrorResponse(*FORGED) from error
    query = dict(pairs)
    if len(query) != len(pairs) or not query.keys() <= PARAMETERS or not {EXPIRES, SIGNATURE} <= query.keys():
        raise ErrorResponse(*FORGED)
    bound = bound_names(query)
    headers = [(name, request.headers.get(name, "")) for name in bound]
    fields = signed_fields(request.method, key, query, headers)
    if request.method not in METHODS or not keys.verify(query[SIGNATURE], *fields):
        raise ErrorResponse(*FORGED)
    # Expiry is reported only for a valid signature: a forged request learns nothing from it.
    if int(query[EXPIRES]) <= datetime.now(UTC).timestamp():
        raise ErrorResponse(403, "ExpiredRequest", "Request has expired")
    # Every key that we sign is valid.
    if not is_valid_key(key):
        raise ErrorResponse(*FORGED)
    return Verified(key=key, query=query, bound=frozenset(bound))


def bound_names(query: Mapping[str, str]) -> list[str]:
    """Return the names of the headers that a query is bound to."""
    return [name for name in query.get(BOUND, "").split(";") if name]
