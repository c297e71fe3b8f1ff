"""Signed requests and public URLs, made without the network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from assetstore import InvalidOptionError, PresignedRequest, PresignOptions
from assetstore_r2.bucket import Bucket
from assetstore_r2.errors import translated

_OPERATIONS = {"GET": "get_object", "HEAD": "head_object", "PUT": "put_object", "DELETE": "delete_object"}
_TYPES = {"GET": "ResponseContentType", "PUT": "ContentType"}


def presign(bucket: Bucket, key: str, options: PresignOptions) -> PresignedRequest:
    """Sign a request.

    Raises:
        InvalidOptionError: a content type is given for HEAD or DELETE, which have none.
    """
    params = {"Bucket": bucket.name, "Key": key}
    if options.content_type is not None:
        if options.method not in _TYPES:
            raise InvalidOptionError(f"a signed {options.method} has no content_type", hint="leave it out")
        params[_TYPES[options.method]] = options.content_type
    # The signature's own time has whole seconds.
    now = datetime.now(UTC).replace(microsecond=0)
    with translated():
        url = bucket.client.generate_presigned_url(_OPERATIONS[options.method], Params=params, ExpiresIn=options.expires)
    headers = {"Content-Type": options.content_type} if options.method == "PUT" and options.content_type is not None else {}
    return PresignedRequest(
        url=url, method=options.method, headers=headers, expires_at=now + timedelta(seconds=options.expires)
    )


def public_url(base: str, key: str) -> str:
    """Return the address of an asset under a public one."""
    return f"{base.rstrip('/')}/{quote(key)}"
