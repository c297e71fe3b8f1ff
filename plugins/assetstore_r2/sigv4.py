"""Signs URLs and requests by Signature Version 4 (Amazon S3, "Authenticating Requests").

botocore signs as well, at several times the cost.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from urllib.parse import quote

import attrs

from assetstore.plugin import CredentialsError, SecretText
from assetstore_r2.address import Address
from assetstore_r2.credentials import Credentials
from assetstore_r2.errors import translated

T = TypeVar("T")

EMPTY = hashlib.sha256(b"").hexdigest()
"""The hash of a request without a body."""
UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"
_MAX_KEPT = 16
_SAFE = b"\n" + bytes(byte for byte in range(128) if quote(chr(byte)) == chr(byte))
_ESCAPES = [(bytes([byte]), f"%{byte:02X}".encode()) for byte in range(256)]
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
    _blocks: tuple[Any, Any] = attrs.field(init=False, repr=False)

    @_blocks.default
    def _hash_blocks(self) -> tuple[Any, Any]:
        block = self.key.ljust(64, b"\0")
        return hashlib.sha256(bytes(byte ^ 0x36 for byte in block)), hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def signing(self, head: str) -> Callable[[str], str]:
        """Return what computes the HMAC-SHA256 of ``head`` and a text; what all texts share is hashed once (RFC 2104)."""
        inner, outer = self._blocks
        inner = inner.copy()
        inner.update(head.encode())

        def sign(text: str) -> str:
            inside, outside = inner.copy(), outer.copy()
            inside.update(text.encode())
            outside.update(inside.digest())
            signature: str = outside.hexdigest()
            return signature

        return sign


@attrs.frozen(kw_only=True)
class Template:
    """What the signed URLs of one kind of request share; only the path of the key differs.

    Attributes:
        base: the URL of the bucket, up to the key.
        before: the canonical request before the path of the key.
        after: the canonical request after it.
        query: the URL after the key, before the signature.
        sign: computes the signature for the digest of a canonical request.
    """

    base: str
    before: str
    after: str = attrs.field(repr=False)
    query: str = attrs.field(repr=False)
    sign: Callable[[str], str] = attrs.field(repr=False)

    def urls(self, keys: Sequence[str]) -> list[str]:
        """Return the signed URLs of these keys."""
        base, before, after, query, sign, sha256 = self.base, self.before, self.after, self.query, self.sign, hashlib.sha256
        return [
            f"{base}{path}{query}{sign(sha256(f'{before}{path}{after}'.encode()).hexdigest())}"
            for path in quoted_paths(keys)
        ]


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
    _last: tuple[tuple[object, ...], object] | None = attrs.field(init=False, repr=False, default=None)

    def remembered(self, asked: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return what ``make`` makes; for the same question and credentials as the last time what it made then.

        A page signs one link after the other, most of them within the same second.

        Raises:
            CredentialsError: there are no credentials.
        """
        asked = (*asked, self._found())
        last = self._last
        if last is None or last[0] != asked:
            last = self._last = (asked, make())
        return cast(T, last[1])

    def template(
        self, method: str, *, query: Mapping[str, str], headers: Mapping[str, str], begin: datetime, seconds: int
    ) -> Template:
        """Return what makes the signed URLs of one kind of request.

        Args:
            method: the HTTP method.
            query: parameters of the request, in their order in the URL.
            headers: headers that the request must send; names in lower case.
            begin: when the URLs become valid, in UTC.
            seconds: how long they stay valid.

        Raises:
            CredentialsError: there are no credentials.
        """
        moment = begin.strftime(_TIME)
        day = self._day(moment[:8], self._found())
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
        canonical = "&".join(pairs[name] for name in sorted(pairs))
        return Template(
            base=self.address.base,
            before=f"{method}\n{self.address.path}",
            after=f"\n{canonical}\n{_lines(headers)}\n\n{names}\n{UNSIGNED}",
            query=f"?{'&'.join(pairs.values())}&X-Amz-Signature=",
            sign=day.signing(f"{_ALGORITHM}\n{moment}\n{day.scope}\n"),
        )

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
        day = self._day(moment[:8], self._found())
        sent = {**headers, "host": self.address.host, "x-amz-content-sha256": payload, "x-amz-date": moment}
        if day.token is not None:
            sent["x-amz-security-token"] = day.token
        signed = dict(sorted(sent.items()))
        names = ";".join(signed)
        path, _, query = target.partition("?")
        request = f"{method}\n{path}\n{query}\n{_lines(signed)}\n\n{names}\n{payload}"
        text = f"{_ALGORITHM}\n{moment}\n{day.scope}\n{hashlib.sha256(request.encode('latin-1')).hexdigest()}"
        signature = hmac.digest(day.key, text.encode(), hashlib.sha256).hex()
        sent["authorization"] = SecretText(
            f"{_ALGORITHM} Credential={day.access_key}/{day.scope},SignedHeaders={names},Signature={signature}"
        )
        return sent

    def _day(self, date: str, found: tuple[str, str, str | None]) -> Day:
        access_key, secret_key, token = found
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


def _lines(headers: Mapping[str, str]) -> str:
    """Return the canonical headers; runs of blanks count as one."""
    return "\n".join([f"{name}:{' '.join(value.split()) if ' ' in value else value}" for name, value in headers.items()])


def quoted_paths(keys: Sequence[str]) -> list[str]:
    """Return each key as ``urllib.parse.quote`` does; many at once take a tenth of its time."""
    data = "\n".join(keys).encode()
    if unsafe := data.translate(None, _SAFE):
        # "%" comes first, because the others are replaced by texts that begin with it.
        data = data.replace(b"%", b"%25")
        for byte in {*unsafe} - {ord("%")}:
            data = data.replace(*_ESCAPES[byte])
    paths = data.decode().split("\n")
    # A key that breaks the rules may have a line break too.
    return paths if len(paths) == len(keys) else [quote(key) for key in keys]


@functools.lru_cache(maxsize=4)
def _moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime(_TIME)


@functools.lru_cache(maxsize=256)
def _quoted(value: str) -> str:
    return quote(value, safe="")
