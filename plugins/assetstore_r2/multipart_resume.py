"""Goes on with an upload in parts that an earlier process began, and notes the parts of this one.

A part is left out only if its bytes have the SHA-256 that was noted when it was sent; the ETag of a part is not a digest
everywhere. So a file that changed meanwhile is never mixed with what was sent before, whatever its time and size say.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from assetstore.plugin import AccessDeniedError, AssetStoreError, Checkpoint, NotFoundError, UnsupportedError
from assetstore_r2 import multipart_direct
from assetstore_r2.bucket import Bucket
from assetstore_r2.errors import code_of
from assetstore_r2.headers import WRITE, unquoted
from assetstore_r2.multipart_write import Part

_UNKNOWN = "?"
_STALE = ("NoSuchUpload", "InvalidPart", "InvalidPartOrder")


@attrs.define(eq=False, kw_only=True)
class EarlierUpload:
    """The notes of an upload and, if an earlier process began it, what the service has of it.

    Attributes:
        checkpoint: the notes.
        fingerprint: tells uploads apart that differ in bytes, headers, metadata or the size of parts.
        size: of the asset, in bytes.
        has_md5: whether the MD5 of each part is wanted, for the ETag of the whole.
        parts_id: the service's id of the upload; ``None`` if it is to be begun.
        write: the mark of the write in the asset's metadata.
        there: the ETag of each stored part.
        done: the head of the asset, if the upload was completed.
    """

    checkpoint: Checkpoint
    fingerprint: str
    size: int
    has_md5: bool
    parts_id: str | None = None
    write: str | None = None
    there: Mapping[int, str] = attrs.field(factory=dict)
    done: Mapping[str, Any] | None = None

    def begin(self, parts_id: str, write: str) -> None:
        """Note an upload that was just begun; of a small one only what is to be ended if this process is killed."""
        facts = {"parts_id": parts_id, "write": write, "fingerprint": self.fingerprint}
        if self.resumes:
            self.checkpoint.begin(self.size, **facts)
        else:
            self.checkpoint.note_leftover(**facts)

    @property
    def resumes(self) -> bool:
        """Whether the upload goes on in another process; a small one begins anew, and none of its parts is noted."""
        return self.checkpoint.resumes(self.size)

    def find(self, number: int, piece: bytes) -> Part | None:
        """Return the stored part that has the bytes of ``piece``, if there is one."""
        etag = self.there.get(number)
        if etag is None:
            return None
        sha256, _, noted = self.checkpoint.parts.get(number, "").partition(" ")
        # Without its ETag the part was on its way when the process ended; nothing else was ever sent as this part.
        if noted not in ("", etag) or sha256 != hashlib.sha256(piece).hexdigest():
            return None
        md5 = hashlib.md5(piece, usedforsecurity=False).digest() if self.has_md5 else None
        return Part(number=number, etag=f'"{etag}"', md5=md5)

    def sending(self, number: int, piece: bytes) -> str | None:
        """Note that a part is about to be sent, and return its SHA-256 in hex; ``None`` where no parts are noted."""
        if not self.resumes:
            return None
        sha256 = hashlib.sha256(piece).hexdigest()
        noted = self.checkpoint.parts.get(number)
        if noted != sha256:
            # If other bytes were sent before, the ETag alone will tell which of them are stored.
            self.checkpoint.note(number, sha256 if noted is None else _UNKNOWN)
        return sha256

    def sent(self, part: Part, sha256: str) -> None:
        """Note that a part is stored."""
        self.checkpoint.note(part.number, f"{sha256} {unquoted(part.etag)}")

    def keeps(self, error: BaseException) -> bool:
        """Return whether another process may go on."""
        return self.checkpoint.keeps(error)

    def is_stale(self, error: AssetStoreError) -> bool:
        """Return whether this error says that the service no longer has what an earlier process sent."""
        return self.parts_id is not None and code_of(error) in _STALE


def fingerprint_of(params: Mapping[str, Any], part_size: int, size: int) -> str:
    """Return what tells uploads apart: the parameters hold the SHA-256 of the bytes."""
    text = json.dumps([params, part_size, size], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def find(bucket: Bucket, key: str, checkpoint: Checkpoint, fingerprint: str, size: int) -> EarlierUpload:
    """Return what an earlier process sent.

    An upload of other bytes or headers, which cannot be changed, is aborted; so is a small one, which begins anew.
    """
    fresh = EarlierUpload(checkpoint=checkpoint, fingerprint=fingerprint, size=size, has_md5=bucket.sends_md5)
    parts_id, write = (checkpoint.begun.get(name) for name in ("parts_id", "write"))
    if parts_id is None or write is None:
        return fresh
    if checkpoint.begun.get("fingerprint") != fingerprint or not fresh.resumes:
        end(bucket, key, checkpoint)
        return fresh
    found = attrs.evolve(fresh, parts_id=parts_id, write=write)
    try:
        found.there = {part.number: part.etag for part in multipart_direct.listed(bucket, key, parts_id)}
    except (UnsupportedError, AccessDeniedError):
        noted = {number: text.partition(" ")[2] for number, text in checkpoint.parts.items()}
        found.there = {number: etag for number, etag in noted.items() if etag}
        found.done = _completed(bucket, key, write)
    except NotFoundError:
        # It has ended. Perhaps the process that completed it was killed before it heard so.
        found.done = _completed(bucket, key, write)
        if found.done is None:
            checkpoint.forget()
            return fresh
    return found


def end(bucket: Bucket, key: str, checkpoint: Checkpoint) -> None:
    """Abort the upload that an earlier process noted and nobody goes on with, and drop its note."""
    if (parts_id := checkpoint.begun.get("parts_id")) is not None:
        _drop(bucket, key, parts_id)
    checkpoint.forget()  # last, so that a kill in between leaves nothing that nobody knows of


@contextlib.contextmanager
def dropping(bucket: Bucket, key: str, earlier: EarlierUpload) -> Iterator[None]:
    """Abort what an earlier process began if the block ends by an error after which nobody goes on."""
    try:
        yield
    except AssetStoreError as error:
        if earlier.parts_id is not None and not earlier.keeps(error):
            _drop(bucket, key, earlier.parts_id)
        raise


def _drop(bucket: Bucket, key: str, parts_id: str) -> None:
    """Abort an upload that is of no use any more. A failure is ignored: the service ends it after a week."""
    with contextlib.suppress(AssetStoreError):
        multipart_direct.drop(bucket, key, parts_id)


def _completed(bucket: Bucket, key: str, write: str) -> Mapping[str, Any] | None:
    """Return the head of the asset if the upload with this mark made it."""
    try:
        head = bucket.head(key)
    except NotFoundError:
        return None
    return head if head["Metadata"].get(WRITE) == write else None
