"""Decryption: reads, authenticates and decrypts records as the plain bytes are read."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from assetstore.plugin import Body, CredentialsError, IntegrityError
from assetstore_wrappers.encryption.records import (
    HEADER_BYTES,
    ID_BYTES,
    MAGIC,
    RECORD_BYTES,
    cipher_of,
    is_whole,
    last_record,
    nonce_of,
)

RESTORE = "upload it again, through this store"


class Opener:
    """Decrypts the records of one read of an asset."""

    def __init__(self, secrets: Mapping[bytes, bytes], key: str, size: int) -> None:
        """Take the secrets by their ids, the asset's key, and its size as it is stored, in bytes.

        Raises:
            IntegrityError: an encrypted asset cannot have this size.
        """
        if not is_whole(size):
            raise IntegrityError("the asset was cut off or written without encryption", hint=RESTORE)
        self._secrets = secrets
        self._key = key.encode()
        self._last = last_record(size)
        self._header: bytes | None = None
        self._cipher: AESGCM | None = None

    def open(self, number: int, record: bytes) -> bytes:
        """Return the plain bytes of a record.

        Raises:
            CredentialsError: it was encrypted with a secret that is not configured.
            IntegrityError: it is not the record that was written under this key and number.
        """
        if self._cipher is None:
            self._header = record[:HEADER_BYTES]
            self._cipher = cipher_of(self._secret(self._header), self._header)
        try:
            if record[:HEADER_BYTES] != self._header:
                raise InvalidTag
            nonce = nonce_of(number, last=number == self._last)
            plain: bytes = self._cipher.decrypt(nonce, record[HEADER_BYTES:], self._key)
        except InvalidTag as error:
            raise IntegrityError(f"record {number} was changed, moved or written for another key", hint=RESTORE) from error
        return plain

    def _secret(self, header: bytes) -> bytes:
        if not header.startswith(MAGIC):
            raise IntegrityError("the asset was written without encryption", hint=RESTORE)
        try:
            return self._secrets[header[len(MAGIC) :][:ID_BYTES]]
        except KeyError as error:
            raise CredentialsError(
                "the asset was encrypted with a secret that is not configured", hint="add it to old_secrets"
            ) from error


class PlainBody:
    """Reads records from the layer below and returns the requested range of plain bytes."""

    def __init__(self, records: Body, opener: Opener, *, number: int, skip: int, length: int) -> None:
        """Begin ``skip`` bytes into the record ``number``, the first one of ``records``."""
        self._records = records
        self._opener = opener
        self._number = number
        self._skip = skip
        self._left = length
        self._plain = b""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, all that are left for -1."""
        if size < 0:
            return b"".join(iter(lambda: self.read(RECORD_BYTES), b""))
        if size and self._left and not self._plain:
            self._plain = self._next()
        piece, self._plain = self._plain[:size], self._plain[size:]
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        """Release the stream below."""
        self._records.close()

    def _next(self) -> bytes:
        plain = self._opener.open(self._number, next_record(self._records))[self._skip :][: self._left]
        self._number, self._skip = self._number + 1, 0
        return plain


def next_record(body: Body) -> bytes:
    """Read one record, a shorter one only at the end."""
    record = b""
    while len(record) < RECORD_BYTES and (piece := body.read(RECORD_BYTES - len(record))):
        record += piece
    return record
