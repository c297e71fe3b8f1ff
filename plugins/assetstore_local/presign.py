"""Makes the signed and public URLs of a folder; defines which fields a signature covers, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from assetstore.plugin import PresignedRequest, PresignOptions, SigningKeys

EXPIRES = "X-Assetstore-Expires"
BOUND = "X-Assetstore-Headers"
SIGNATURE = "X-Assetstore-Signature"
TYPE = "response-content-type"
DISPOSITION = "response-content-disposition"
PART = "partNumber"
UPLOAD = "uploadId"
PARAMETERS = frozenset({EXPIRES, BOUND, SIGNATURE, TYPE, DISPOSITION, PART, UPLOAD})


def presign(keys: SigningKeys, base: str, key: str, options: PresignOptions) -> PresignedRequest:
    """Sign a request to the application at ``base``."""
    _, end = options.span(datetime.now(UTC))
    headers = options.bound_headers()
    query = {f"response-{name}": value for name, value in options.answered_headers().items()}
    if options.part is not None:
        query |= {PART: str(options.part.number), UPLOAD: options.part.upload_id}
    query[EXPIRES] = str(int(end.timestamp()))
    if headers:
        query[BOUND] = ";".join(headers)
    query[SIGNATURE] = keys.sign(*signed_fields(options.method, key, query, headers.items()))
    url = f"{base.rstrip('/')}/{quote(key)}?{urlencode(query, quote_via=quote)}"
    return PresignedRequest(url=url, method=options.method, headers=headers, expires_at=end)


def public_url(base: str, key: str) -> str:
    """Return the public URL of an asset, below ``base``."""
    return f"{base.rstrip('/')}/{quote(key)}"


def signed_fields(
    method: str, key: str, query: Mapping[str, str], headers: Iterable[tuple[str, str]]
) -> tuple[str, ...]:
    """Return the purpose and the fields of a signature; the number of parameters separates them from the headers."""
    pairs = sorted((name, value) for name, value in query.items() if name != SIGNATURE)
    parameters = [text for pair in pairs for text in pair]
    return f"url {method}", key, str(len(pairs)), *parameters, *(text for pair in sorted(headers) for text in pair)
