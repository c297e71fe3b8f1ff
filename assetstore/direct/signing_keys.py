"""Signs and verifies with HMAC over a purpose and length-prefixed fields."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import NoReturn, Self

import attrs

from assetstore.errors import ConfigError
from assetstore.limits import MIN_SIGNING_KEY

_SIGNATURE = re.compile(r"([0-9a-f]{8})\.([A-Za-z0-9_-]{43})", re.ASCII)


@attrs.frozen(eq=False)
class SigningKeys:
    """Secret keys. The first one signs and all of them verify, so keys can be replaced without breaking signatures.

    To rotate, put a new key first. Remove the old one once everything that it signed has expired.

    Attributes:
        keys: each of at least 32 bytes.
    """

    keys: tuple[bytes, ...] = attrs.field(repr=False)
    _by_id: dict[str, bytes] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check the keys.

        Raises:
            ConfigError: there is no key, or one is too short.
        """
        if not self.keys or min(map(len, self.keys)) < MIN_SIGNING_KEY:
            raise ConfigError(
                f"each signing key must have at least {MIN_SIGNING_KEY} characters",
                hint='make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            )
        object.__setattr__(self, "_by_id", {_id_of(key): key for key in reversed(self.keys)})

    def __reduce__(self) -> NoReturn:
        raise TypeError("signing keys are secrets and cannot be pickled; make them where they are needed")

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Return keys from texts, the newest first."""
        return cls(tuple(text.encode() for text in texts))

    @classmethod
    def new(cls) -> Self:
        """Return one new random key."""
        return cls((secrets.token_urlsafe(32).encode(),))

    def sign(self, purpose: str, *fields: str) -> str:
        """Return a signature for this purpose: 52 URL-safe characters, which name the key."""
        key = self.keys[0]
        return f"{_id_of(key)}.{_mac(key, purpose, fields)}"

    def verify(self, signature: str, purpose: str, *fields: str) -> bool:
        """Verify in constant time that one of the keys signed these fields for this purpose."""
        match = _SIGNATURE.fullmatch(signature)
        key = self._by_id.get(match[1]) if match else None
        return match is not None and key is not None and hmac.compare_digest(match[2], _mac(key, purpose, fields))


def _mac(key: bytes, purpose: str, fields: Iterable[str]) -> str:
    message = b"".join(len(raw).to_bytes(8, "big") + raw for raw in (field.encode() for field in (purpose, *fields)))
    return base64.urlsafe_b64encode(hmac.digest(key, message, hashlib.sha256)).rstrip(b"=").decode()


def _id_of(key: bytes) -> str:
    return hmac.digest(key, b"assetstore key id", hashlib.sha256).hex()[:8]
