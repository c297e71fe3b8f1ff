"""Deletes assets: one by one, or up to 1,000 in one request."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from assetstore.plugin import AssetStoreError, BackendError, DeleteFailure, DeleteReport, is_valid_key
from assetstore_r2.bucket import Bucket
from assetstore_r2.errors import LostAnswerError, answer_of, from_answer, translated

# Some S3 services have no DeleteObjects, or insist on a digest that botocore no longer sends with it.
_NO_BATCH = ("NotImplemented", "MethodNotAllowed", "MissingContentMD5", "MissingDigest", "InvalidRequest")


def delete(bucket: Bucket, keys: Sequence[str]) -> DeleteReport:
    """Delete up to 1,000 assets in one request."""
    if len(keys) == 1 and is_valid_key(keys[0]):
        _delete_one(bucket, keys[0])
        return DeleteReport(deleted=tuple(keys))
    batch = [key for key in keys if _fits_xml(key)]
    single = [key for key in keys if not _fits_xml(key)]
    reports = [_delete_singly(bucket, single)]
    if batch:
        try:
            reports.append(_delete_batch(bucket, batch))
        except AssetStoreError as error:
            if _code(error) not in _NO_BATCH:
                raise
            reports.append(_delete_singly(bucket, batch))
    return DeleteReport(
        deleted=tuple(key for report in reports for key in report.deleted),
        failed=tuple(failure for report in reports for failure in report.failed),
    )


def _delete_batch(bucket: Bucket, keys: Sequence[str]) -> DeleteReport:
    with translated():
        answer = bucket.s3.delete_objects(Bucket=bucket.name, Delete={"Objects": [{"Key": key} for key in keys]})
        if not answer.get("Deleted") and not answer.get("Errors"):
            raise LostAnswerError
    errors = {_nfc(entry["Key"]): entry for entry in answer.get("Errors", ()) if "Key" in entry}
    gone = {_nfc(entry["Key"]) for entry in answer.get("Deleted", ())}
    failed = []
    for key in keys:
        if entry := errors.get(_nfc(key)):
            failed.append(DeleteFailure(key=key, error=from_answer({"Error": entry}, "DeleteObjects")))
        elif _nfc(key) not in gone:
            unnamed = BackendError("the store's response does not report this key", hint="delete it again")
            failed.append(DeleteFailure(key=key, error=unnamed))
    missed = {failure.key for failure in failed}
    return DeleteReport(deleted=tuple(key for key in keys if key not in missed), failed=tuple(failed))


def _delete_one(bucket: Bucket, key: str) -> None:
    with translated():
        answer = bucket.s3.delete_object(Bucket=bucket.name, Key=key)
        if answer["ResponseMetadata"]["HTTPStatusCode"] != 204:
            raise LostAnswerError  # a 200 comes from a proxy


def _delete_singly(bucket: Bucket, keys: Sequence[str]) -> DeleteReport:
    deleted, failed = [], []
    for key in keys:
        try:
            _delete_one(bucket, key)
            deleted.append(key)
        except AssetStoreError as error:
            failed.append(DeleteFailure(key=key, error=error))
    return DeleteReport(deleted=tuple(deleted), failed=tuple(failed))


def _fits_xml(key: str) -> bool:
    """Return whether XML 1.0 carries a key unchanged: no control characters, no whitespace at its ends.

    A store that trims keys would delete another asset: Cloudflare's emulator reads ``"a "`` as ``"a"``.
    """
    return key == key.strip() == key.strip("\ufeff") and not any(
        ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 or character in "\ufffe\uffff" for character in key
    )


def _nfc(key: str) -> str:
    return unicodedata.normalize("NFC", key)


def _code(error: AssetStoreError) -> str:
    return str(answer_of(error).get("Error", {}).get("Code", ""))
