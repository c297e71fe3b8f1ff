"""Signs URLs and requests by Signature Version 4 (Amazon S3, "Authenticating Requests").

botocore signs as well, at several times the cost.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import attrs

from assetstore.plugin import CredentialsError
from assetstore_r2.address import Address
from assetstore_r2.credentials import Credentials
from assetstore_r2.errors import translated

EMPTY = hashlib.sha256(b"").hexdigest()
"""The hash of a request without a body."""
UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"
_MAX_KEPT = 16
_TIME = "%Y%m%dT%H%M%SZ"


@attrs.frozen(kw_only=True)
class Day:
    """The values that all signatures of one day by the same credentials share.

    Attributes:
        access_key: the access key ID.
        scope: day, region and service for which ``key`` is valid.
        key: derived from the secret for this scope.
        token: the token of temporary credentials.
    """

    access_key: str
    scope: str
    key: bytes = attrs.field(repr=False)
    token: str | None = attrs.field(repr=False)


@attrs.define(eq=False, kw_only=True)
class Signer:
    """Signs requests to one bucket.

    Attributes:
        address: the bucket's address.
        credentials: ours, or botocore's, which renew themselves; ``None`` if it found none.
        skew: seconds by which the service's clock is ahead of this machine's.
    """

    address: Address
    credentials: Any = attrs.field(repr=False)
    skew: float = 0.0
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
        moment = begin.strftime(_TIME)
        day = self._day(moment[:8])
        headers = dict(sorted({**headers, "host": self.address.host}.items()))
        names = ";".join(headers)
        parameters = {
            **query,
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{day.access_key}/{day.scope}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": names,
        }
        if day.token is not None:
            parameters["X-Amz-Security-Token"] = day.token
        pairs = {name: f"{name}={_quoted(value)}" for name, value in parameters.items()}
        path = quote(key)
        query_line = "&".join(pairs[name] for name in sorted(pairs))
        signature = _signature(day, moment, method, self.address.path + path, query_line, headers, names, UNSIGNED)
        return f"{self.address.base}{path}?{'&'.join(pairs.values())}&X-Amz-Signature={signature}"

    def headers(self, method: str, target: str, headers: Mapping[str, str], payload: str) -> dict[str, str]:
        """Return the headers of a request, signed.

        Args:
            method: the HTTP method.
            target: path and query; the parameters in the order of their names.
            headers: the headers to send and sign; names in lower case, values without runs of blanks.
            payload: the SHA-256 of the body in hex, or ``UNSIGNED``.

        Raises:
            CredentialsError: there are no credentials.
        """
        moment = _moment(int(time.time() + self.skew))
        day = self._day(moment[:8])
        sent = {**headers, "host": self.address.host, "x-amz-content-sha256": payload, "x-amz-date": moment}
        if day.token is not None:
            sent["x-amz-security-token"] = day.token
        signed = dict(sorted(sent.items()))
        names = ";".join(signed)
        path, _, query = target.partition("?")
        signature = _signature(day, moment, method, path, query, signed, names, payload)
        sent["authorization"] = (
            f"{_ALGORITHM} Credential={day.access_key}/{day.scope},SignedHeaders={names},Signature={signature}"
        )
        return sent

    def _day(self, date: str) -> Day:
        access_key, secret_key, token = self._found()
        known = self._days.get(name := (date, access_key, secret_key))
        if known is None or known.token != token:
            if len(self._days) >= _MAX_KEPT:
                self._days.clear()
            scope = f"{date}/{self.address.region}/s3/aws4_request"
            key = f"AWS4{secret_key}".encode()
            for step in scope.split("/"):
                key = hmac.digest(key, step.encode(), hashlib.sha256)
            known = self._days[name] = Day(access_key=access_key, scope=scope, key=key, token=token)
        return known

    def _found(self) -> tuple[str, str, str | None]:
        found = self.credentials
        if isinstance(found, Credentials):
            return found.access_key, found.secret_key, found.session_token
        if found is not None:
            with translated():
                frozen = found.get_frozen_credentials()
            return frozen.access_key, frozen.secret_key, frozen.token
        raise CredentialsError("botocore found no credentials", hint="set access_key and secret_key")


def _signature(
    day: Day, moment: str, method: str, path: str, query: str, headers: Mapping[str, str], names: str, payload: str
) -> str:
    lines = "\n".join([f"{name}:{' '.join(value.split()) if ' ' in value else value}" for name, value in headers.items()])
    request = f"{method}\n{path}\n{query}\n{lines}\n\n{names}\n{payload}"
    signed = f"{_ALGORITHM}\n{moment}\n{day.scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    return hmac.digest(day.key, signed.encode(), hashlib.sha256).hex()


@functools.lru_cache(maxsize=4)
def _moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime(_TIME)


@functools.lru_cache(maxsize=256)
def _quoted(value: str) -> str:
    return quote(value, safe="")
