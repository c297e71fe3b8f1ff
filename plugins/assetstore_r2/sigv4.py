"""Signs URLs by Signature Version 4 (Amazon S3, "Authenticating Requests: Using Query Parameters").

botocore takes several times as long; it is only used once a day, to learn how it addresses the bucket.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

import attrs

from assetstore.plugin import CredentialsError
from assetstore_r2.client import Client
from assetstore_r2.errors import translated

Frozen: TypeAlias = Any

_ALGORITHM = "AWS4-HMAC-SHA256"
_PORTS = {"http": 80, "https": 443}
_MAX_KEPT = 16


@attrs.frozen(kw_only=True)
class Day:
    """The values that all signatures of one day by the same credentials share.

    Attributes:
        base: the URL of the bucket, up to the key.
        path: the path of ``base``.
        host: the ``Host`` header that clients send.
        scope: day, region and service for which ``key`` is valid.
        key: derived from the secret for this scope.
    """

    base: str
    path: str
    host: str
    scope: str
    key: bytes = attrs.field(repr=False)


@attrs.define(eq=False, kw_only=True)
class Signer:
    """Signs requests to one bucket.

    Attributes:
        client: botocore's client, which knows the bucket's address.
        bucket: the bucket's name.
        credentials: botocore's, which renew themselves; ``None`` if it found none.
    """

    client: Client = attrs.field(repr=False)
    bucket: str
    credentials: Any = attrs.field(repr=False)
    _days: dict[tuple[str, str, str], Day] = attrs.field(init=False, repr=False, factory=dict)

    def url(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        begin: datetime,
        seconds: int,
    ) -> str:
        """Return a signed URL for one kind of request.

        Args:
            method: the HTTP method.
            key: the asset's key.
            query: parameters of the request, in their order in the URL.
            headers: headers that the request must send; names in lower case.
            begin: when the URL becomes valid, in UTC.
            seconds: how long it stays valid.

        Raises:
            CredentialsError: there are no credentials.
        """
        frozen = self._frozen()
        time = begin.strftime("%Y%m%dT%H%M%SZ")
        day = self._day(frozen, time[:8])
        headers = dict(sorted({**headers, "host": day.host}.items()))
        names = ";".join(headers)
        parameters = {
            **query,
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{frozen.access_key}/{day.scope}",
            "X-Amz-Date": time,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": names,
        }
        if frozen.token is not None:
            parameters["X-Amz-Security-Token"] = frozen.token
        pairs = {name: f"{name}={_quoted(value)}" for name, value in parameters.items()}
        path = quote(key)
        lines = [method, day.path + path, "&".join(pairs[name] for name in sorted(pairs))]
        lines += [f"{name}:{' '.join(value.split())}" for name, value in headers.items()]
        request = "\n".join((*lines, "", names, "UNSIGNED-PAYLOAD"))
        signed = "\n".join((_ALGORITHM, time, day.scope, hashlib.sha256(request.encode()).hexdigest()))
        signature = hmac.digest(day.key, signed.encode(), hashlib.sha256).hex()
        return f"{day.base}{path}?{'&'.join(pairs.values())}&X-Amz-Signature={signature}"

    def _frozen(self) -> Frozen:
        with translated():
            if self.credentials is not None:
                return self.credentials.get_frozen_credentials()
        raise CredentialsError("botocore found no credentials", hint="set access_key and secret_key")

    def _day(self, frozen: Frozen, date: str) -> Day:
        known = self._days.get(name := (date, frozen.access_key, frozen.secret_key))
        if known is None:
            if len(self._days) >= _MAX_KEPT:
                self._days.clear()
            known = self._days[name] = self._learn(frozen.secret_key, date)
        return known

    def _learn(self, secret: str, date: str) -> Day:
        """Learn from a URL signed by botocore how it addresses the bucket."""
        with translated():
            url = self.client.generate_presigned_url("get_object", Params={"Bucket": self.bucket, "Key": "k"})
        parts = urlsplit(url)
        region, service, end = parse_qs(parts.query)["X-Amz-Credential"][0].split("/")[-3:]
        key = f"AWS4{secret}".encode()
        for step in (date, region, service, end):
            key = hmac.digest(key, step.encode(), hashlib.sha256)
        return Day(
            base=url.partition("?")[0].removesuffix("k"),
            path=parts.path.removesuffix("k"),
            host=_host(parts),
            scope=f"{date}/{region}/{service}/{end}",
            key=key,
        )


@functools.lru_cache(maxsize=256)
def _quoted(value: str) -> str:
    return quote(value, safe="")


def _host(parts: SplitResult) -> str:
    """Return the ``Host`` that clients send: in lower case, without a default port."""
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    return host if parts.port in (None, _PORTS.get(parts.scheme)) else f"{host}:{parts.port}"
