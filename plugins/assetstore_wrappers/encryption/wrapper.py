"""The wrapper: plain bytes above it, records below."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Mapping
from typing import ClassVar

import attrs

from assetstore.plugin import (
    AssetInfo,
    AssetStream,
    ConfigError,
    ListOptions,
    ListPage,
    ReadOptions,
    Source,
    StatOptions,
    UploadOptions,
    Wrapper,
    hookimpl,
)
from assetstore.plugin import secret as secret_field
from assetstore_wrappers.encryption.opening import Opener, PlainBody, next_record
from assetstore_wrappers.encryption.records import PLAIN_BYTES, RECORD_BYTES, id_of, last_record, plain_size, sealed
from assetstore_wrappers.layers import wrappers_from
from assetstore_wrappers.trash.wrapper import Trash


@attrs.define(eq=False)
class Encryption(Wrapper):
    """Encrypts what is uploaded and decrypts what is read.

    Attributes:
        secret: base64 of 32 random bytes.
        old_secrets: secrets that assets may still be encrypted with.
    """

    supports: ClassVar[frozenset[str]] = frozenset({"upload.*", "read.*", "list.*"})
    passes: ClassVar[frozenset[str]] = frozenset({"check", "collect"})

    secret: str = secret_field(kw_only=True)
    old_secrets: tuple[str, ...] = secret_field(kw_only=True, default=())
    _secret: bytes = attrs.field(init=False, repr=False)
    _secrets: Mapping[bytes, bytes] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._secret = _decoded("secret", self.secret)
        known = [self._secret, *(_decoded("old_secrets", old) for old in self.old_secrets)]
        self._secrets = {id_of(each): each for each in known}
        if any(isinstance(each, Trash) for each in wrappers_from(self.inner)):
            # Encrypted bytes are bound to their key, and the trash would copy them to another one.
            raise ConfigError("encryption must stand behind the trash", hint='write wrappers = ["trash", "encryption"]')

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Upload the records of the encrypted bytes. The options, and so every header, are passed on as they are."""
        with contextlib.closing(Source(sealed(self._secret, key, source.chunks(PLAIN_BYTES)))) as records:
            info = self.inner.assetstore_upload(key=key, source=records, options=options)
        return info and _plain(info)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Read the records that the range touches, and return the decrypted range."""
        first = options.offset // PLAIN_BYTES
        count = None if options.length is None else -(-(options.offset + options.length) // PLAIN_BYTES) - first
        length = None if count is None else count * RECORD_BYTES
        records = attrs.evolve(options, offset=first * RECORD_BYTES, length=length)
        stream = self.inner.assetstore_read(key=key, options=records)
        if stream is None:
            return None
        try:
            return self._opened(key, stream, options)
        except BaseException:
            stream.body.close()
            raise

    def _opened(self, key: str, stream: AssetStream, options: ReadOptions) -> AssetStream:
        info = _plain(stream.info)
        opener = Opener(self._secrets, key, stream.info.size)
        left = max(0, info.size - options.offset)
        length = left if options.length is None else min(left, options.length)
        if not left and options.length != 0:
            self._verify_end(key)
        first, skip = divmod(options.offset, PLAIN_BYTES)
        body = PlainBody(stream.body, opener, number=first, skip=skip, length=length)
        return AssetStream(info=info, body=body, length=length)

    def _verify_end(self, key: str) -> None:
        """Decrypt the last record: an empty range would not show otherwise that the asset was cut off.

        Raises:
            IntegrityError: the asset was cut off.
        """
        info = self.inner.assetstore_stat(key=key, options=StatOptions())
        last = last_record(info.size) if info else 0
        stream = self.inner.assetstore_read(key=key, options=ReadOptions(offset=last * RECORD_BYTES))
        if stream is not None:
            with contextlib.closing(stream.body):
                Opener(self._secrets, key, stream.info.size).open(last, next_record(stream.body))

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo | None:
        """Return the size of the plain bytes."""
        info = self.inner.assetstore_stat(key=key, options=options)
        return info and _plain(info)

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
        """Return the sizes of the plain bytes."""
        page = self.inner.assetstore_list(prefix=prefix, options=options)
        return page and attrs.evolve(page, items=tuple(map(_plain, page.items)))


def _plain(info: AssetInfo) -> AssetInfo:
    return attrs.evolve(info, size=plain_size(info.size), digest=None)


def _decoded(name: str, text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ConfigError(f"{name} must be base64", hint="make one: openssl rand -base64 32") from error
    if len(decoded) != 32:
        raise ConfigError(f"{name} must be 32 bytes, got {len(decoded)}", hint="make one: openssl rand -base64 32")
    return decoded
