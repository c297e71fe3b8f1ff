"""The format: an asset is a sequence of records, each with up to 64 KiB of its bytes encrypted by AES-GCM.

A record is ``MAGIC``, 8 bytes that name the secret, a salt of 32 bytes, the encrypted bytes and a tag of 16 bytes. All
records of an asset have the same salt, which is random for each write. The AES key is derived from salt and secret, so no
two assets share one. The nonce is the record's number and whether it is the last one, and the asset's key is authenticated
with it: no record can be changed, left out, moved or taken from another asset or version. An empty asset is one record
without bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"ASE1"
ID_BYTES = 8
SALT_BYTES = 32
TAG_BYTES = 16
HEADER_BYTES = len(MAGIC) + ID_BYTES + SALT_BYTES
PLAIN_BYTES = 1 << 16
EXTRA_BYTES = HEADER_BYTES + TAG_BYTES
RECORD_BYTES = PLAIN_BYTES + EXTRA_BYTES


def id_of(secret: bytes) -> bytes:
    """Return the id by which a record names its secret. The id does not reveal the secret."""
    name: bytes = HKDF(algorithm=SHA256(), length=ID_BYTES, salt=None, info=b"assetstore-encryption id").derive(secret)
    return name


def plain_size(size: int) -> int:
    """Return how many bytes are encrypted in an asset of ``size`` bytes."""
    return max(0, size - (last_record(size) + 1) * EXTRA_BYTES)


def is_whole(size: int) -> bool:
    """Return whether an encrypted asset can have ``size`` bytes: its last record has bytes unless it is the only one."""
    rest = size % RECORD_BYTES
    return size == EXTRA_BYTES or rest > EXTRA_BYTES or (rest == 0 and size > 0)


def last_record(size: int) -> int:
    """Return the number of the last record in an asset of ``size`` bytes."""
    return max(0, -(-size // RECORD_BYTES) - 1)


def sealed(secret: bytes, key: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the records of an asset. Each chunk but the last must have ``PLAIN_BYTES``."""
    header = MAGIC + id_of(secret) + os.urandom(SALT_BYTES)
    cipher = cipher_of(secret, header)
    chunk, number, last = next(chunks, b""), 0, False
    while not last:
        following = next(chunks, b"")
        last = not following
        yield header + cipher.encrypt(nonce_of(number, last=last), chunk, key.encode())
        chunk, number = following, number + 1


def cipher_of(secret: bytes, header: bytes) -> AESGCM:
    """Return the cipher for the records that have this header."""
    salt = header[-SALT_BYTES:]
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"assetstore-encryption key").derive(secret))


def nonce_of(number: int, *, last: bool) -> bytes:
    """Return the nonce of a record."""
    return number.to_bytes(11, "big") + bytes([last])
