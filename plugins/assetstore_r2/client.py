"""Makes botocore's client with every setting pinned, so that no setting of the machine changes a request."""

from __future__ import annotations

import functools
import logging
import os
import re
from typing import Any, TypeAlias

from assetstore.plugin import ConfigError, count_request, require_extra
from assetstore_r2 import copy_conditions
from assetstore_r2.credentials import Credentials
from assetstore_r2.prices import class_of
from assetstore_r2.retry import NEVER_SENT

Client: TypeAlias = Any

POOL = 128


class _NoSignatures(logging.Filter):
    """Masks in botocore's records what would let others send the request: its signature, and a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask, and let the record pass."""
        record.msg, record.args = _SIGNATURE.sub(r"\1***", record.getMessage()), None
        return True


_SIGNATURE = re.compile(r"(?i)(signature(?:\W|%3d)+(?=[0-9a-f]{64})|x-amz-security-token(?:\W|%3d)+(?:b')?)[^\s'\"&,;]+")
_NO_SIGNATURES = _NoSignatures()


def make_session(credentials: Credentials | None) -> Any:
    """Return a botocore session; without credentials it searches for them and renews those that expire.

    Raises:
        ConfigError: botocore is not installed.
    """
    try:
        require_extra("botocore", "r2")
    except ModuleNotFoundError as error:
        raise ConfigError(str(error)) from error
    from botocore.session import Session

    for name in ("botocore.auth", "botocore.endpoint", "botocore.hooks", "urllib3.connectionpool"):
        logging.getLogger(name).addFilter(_NO_SIGNATURES)
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
    copy_conditions.teach(client)
    client.meta.events.register_last("before-call.s3", _drop_expect)
    client.meta.events.register_last("before-parameter-build.s3", _stay)
    client.meta.events.register_last("before-parse.s3", _count_answered)
    client.meta.events.register_last("response-received.s3", _count_unanswered)
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


def _stay(context: dict[str, Any], **_: object) -> None:
    """Keep botocore from following redirects: without a region it asks for it by a request that is redirected too."""
    if "s3_redirect" in context:
        context["s3_redirect"]["redirected"] = True


def _count_answered(event_name: str, **_: object) -> None:
    """Count a request that got an answer, which may be one that botocore cannot read."""
    count_request(class_of(event_name.rpartition(".")[2]))


def _count_unanswered(event_name: str, exception: Exception | None, **_: object) -> None:
    """Count a request that got no answer, unless not a byte of it had left."""
    if exception is not None and type(exception).__name__ not in NEVER_SENT:
        count_request(class_of(event_name.rpartition(".")[2]))
