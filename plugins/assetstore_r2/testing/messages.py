"""The requests and responses that pass through the proxy, and R2's form of an error."""

from __future__ import annotations

import re
from email.utils import formatdate
from functools import cached_property
from typing import TypeAlias
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import attrs

Fields: TypeAlias = tuple[tuple[str, str], ...]

_SIGNING = re.compile(r"(?i)\b(X-Amz-(?:Signature|Credential|Security-Token)|Signature|AWSAccessKeyId)=[^&]*")
_KEY_ID = re.compile(r"Credential=([^/,\s]*)")


@attrs.frozen(kw_only=True, slots=False)
class Request:
    """A request as received. Its repr shows neither headers nor signatures.

    Attributes:
        method: for example ``"PUT"``.
        target: path and query as sent, without the path of the upstream URL: ``"/bucket/a%20b?partNumber=1"``.
        fields: the headers, names in lower case.
        body: empty until it has been read.
    """

    method: str
    target: str = attrs.field(repr=lambda target: repr(without_signature(target)))
    fields: Fields = attrs.field(default=(), repr=False)
    body: bytes = attrs.field(default=b"", repr=False)

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name; values of a repeated header are joined by commas."""
        joined: dict[str, str] = {}
        for name, value in self.fields:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return joined

    @cached_property
    def query(self) -> dict[str, str]:
        """The decoded parameters; one without a value is empty."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def credential(self) -> tuple[str, str]:
        """The ID of the access key that signed it, and the session token; each is empty if missing."""
        named = _KEY_ID.search(self.headers.get("authorization", ""))
        key_id = named[1] if named else self.query.get("X-Amz-Credential", "").partition("/")[0]
        return key_id, self.headers.get("x-amz-security-token", self.query.get("X-Amz-Security-Token", ""))


@attrs.frozen(kw_only=True)
class Answer:
    """A response; its Content-Length is computed from the body, except where HTTP allows no body.

    Attributes:
        status: the HTTP status.
        fields: the headers, names in lower case.
        body: the whole body.
    """

    status: int
    fields: Fields = attrs.field(default=(), repr=False)
    body: bytes = attrs.field(default=b"", repr=False)


def without_signature(target: str) -> str:
    """Return a target for a log, with signature and credentials replaced by ``***``."""
    return _SIGNING.sub(r"\1=***", target)


def error_answer(status: int, code: str, message: str, fields: Fields = (), *, now: float | None = None) -> Answer:
    """Return an error in R2's form: no namespace, no request id; ``now``, in seconds since 1970, is its ``date``."""
    text = escape(message, {"'": "&apos;", '"': "&quot;"})
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{escape(code)}</Code><Message>{text}</Message></Error>'
    own = (("date", formatdate(now, usegmt=True)), ("content-type", "application/xml"), ("cf-ray", "0000000000000000-TST"))
    return Answer(status=status, fields=(*own, *fields), body=body.encode())
