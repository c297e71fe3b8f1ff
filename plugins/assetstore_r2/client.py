"""Makes botocore's client with every setting pinned, so that no setting of the machine changes a request."""

from __future__ import annotations

import functools
import os
import random
from collections.abc import Callable
from typing import Any, TypeAlias

from assetstore_r2 import create_only
from assetstore_r2.credentials import Credentials
from assetstore_r2.errors import retry_after

Client: TypeAlias = Any

POOL = 128
MAX_WAIT = 20.0
_RETRIED = ("IncompleteBody", "ClientDisconnect")
# After these a write may have happened. All other errors are decided before anything is stored.
_UNDECIDED = (500, 502, 504)


def make_session(credentials: Credentials | None) -> Any:
    """Return a botocore session; without credentials it searches for them and renews those that expire."""
    from botocore.session import Session

    session = Session(session_vars=_ISOLATED if credentials else None)
    session.register_component("data_loader", _loader())
    if credentials is not None:
        session.set_credentials(credentials.access_key, credentials.secret_key, credentials.session_token)
    return session


def make_client(
    session: Any,
    *,
    endpoint_url: str | None,
    region: str,
    addressing_style: str,
    max_attempts: int,
    connect_timeout: float,
    read_timeout: float,
    max_concurrency: int,
) -> Client:
    """Return a client that threads may share, with the session's credentials."""
    from botocore.config import Config

    settings: dict[str, Any] = {
        "region_name": region,
        "signature_version": "s3v4",
        "s3": {"addressing_style": addressing_style, "use_accelerate_endpoint": False},
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "retries": {"mode": "standard", "total_max_attempts": max_attempts},
        "connect_timeout": connect_timeout,
        "read_timeout": read_timeout,
        "max_pool_connections": max(POOL, max_concurrency),
        "tcp_keepalive": True,
        "ignore_configured_endpoint_urls": True,
        "use_dualstack_endpoint": False,
        "use_fips_endpoint": False,
        "defaults_mode": "legacy",
    }
    client: Client = session.create_client("s3", endpoint_url=endpoint_url, config=Config(**settings))
    create_only.teach(client)
    client.meta.events.register_last("before-call.s3", _drop_expect)
    client.meta.events.register_first("needs-retry.s3", _retries(max_attempts))
    return client


# Keeps botocore from reading AWS profiles and files: (key in the file, variable, default, conversion).
_ISOLATED: Any = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


@functools.cache
def _loader() -> Any:
    """Return the loader that all clients share, so that botocore's megabyte of JSON about S3 is read once."""
    from botocore.loaders import create_loader

    return create_loader()


def _drop_expect(params: dict[str, Any], **_: object) -> None:
    """Drop ``Expect``: Cloudflare sends no ``100 Continue`` (R2, "Extensions"), and waiting costs every upload a second."""
    params["headers"].pop("Expect", None)


def _retries(max_attempts: int) -> Callable[..., float | None]:
    """Return a handler that adds what botocore's retries lack.

    Old versions do not retry R2's 429 TooManyRequests. No version honours ``Retry-After`` or records whether an earlier
    attempt of a write may have succeeded.
    """

    def needs_retry(
        response: Any, attempts: int, caught_exception: Any, request_dict: dict[str, Any], operation: Any, **_: object
    ) -> float | None:
        # The parsed status, because botocore finds errors in the bodies of 200 responses.
        status = response[1]["ResponseMetadata"]["HTTPStatusCode"] if response is not None else 0
        if response is not None and status < 400:
            return None
        _note_doubt(request_dict["context"], response, status, caught_exception)
        if response is None:
            return None
        asked = retry_after({name.lower(): value for name, value in response[0].headers.items()})
        if asked is not None and asked > MAX_WAIT and status in (429, 503):
            from botocore.exceptions import ClientError

            raise ClientError(response[1], operation.name)  # only the caller can decide to wait that long
        if attempts >= max_attempts:
            return None
        if status == 429 or response[1].get("Error", {}).get("Code") in _RETRIED:
            backoff = random.uniform(0.5, 1.0) * min(MAX_WAIT, 2.0 ** (attempts - 1))  # noqa: S311 - jitter, not a secret
            return max(asked or 0.0, backoff)
        return asked if status == 503 else None

    return needs_retry


def _note_doubt(context: dict[str, Any], response: Any, status: int, error: Any) -> None:
    from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError

    never_sent = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
    if status in _UNDECIDED or (error is not None and not isinstance(error, never_sent)):
        context["assetstore_doubt"] = True
    if "assetstore_doubt" not in context:
        return
    if error is not None:
        error.assetstore_doubt = True
    else:
        response[1]["ResponseMetadata"]["AssetstoreDoubt"] = True
