"""Deletes assets: one by one, or up to 1,000 in one request."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from assetstore.plugin import AssetStoreError, BackendError, DeleteFailure, DeleteReport, is_valid_key
from assetstore_r2.bucket import Bucket
from assetstore_r2.deadline import Deadline, current
from assetstore_r2.errors import LostAnswerError, code_of, from_answer, translated
from assetstore_r2.parallel import in_parallel
from assetstore_r2.retry import UNDECIDED, Verdict, verdict
from assetstore_r2.settle import Doubt, removed, settled

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
            if code_of(error) not in _NO_BATCH:
                raise
            reports.append(_delete_singly(bucket, batch))
    return DeleteReport(
        deleted=tuple(key for report in reports for key in report.deleted),
        failed=tuple(failure for report in reports for failure in report.failed),
    )


def _delete_batch(bucket: Bucket, keys: Sequence[str]) -> DeleteReport:
    """Delete keys in one request; those that are in doubt after it are looked for, and deleted one by one if need be."""
    began = time.monotonic()
    try:
        answer = bucket.retries.ask(lambda: _send_batch(bucket, keys), in_doubt=False)
    except AssetStoreError as error:
        if verdict(error) is not Verdict.DOUBT:
            raise
        return _delete_singly(bucket, keys, Doubt(error, began))
    errors = {_nfc(entry["Key"]): entry for entry in answer.get("Errors", ()) if "Key" in entry}
    gone = {_nfc(entry["Key"]) for entry in answer.get("Deleted", ()) if "Key" in entry}
    unnamed = BackendError("the store's response does not report the key", hint="delete it again")
    missed = {
        key: from_answer({"Error": errors[name]}, "DeleteObjects") if name in errors else unnamed
        for key in keys
        if (name := _nfc(key)) in errors or name not in gone
    }
    unsure = [key for key in missed if errors.get(_nfc(key), {}).get("Code", "InternalError") in UNDECIDED]
    report = _delete_singly(bucket, unsure, Doubt(missed[unsure[0]], began)) if unsure else DeleteReport()
    refused = [DeleteFailure(key=key, error=error) for key, error in missed.items() if key not in unsure]
    deleted = {key for key in keys if key not in missed} | {*report.deleted}
    return DeleteReport(deleted=tuple(key for key in keys if key in deleted), failed=(*refused, *report.failed))


def _send_batch(bucket: Bucket, keys: Sequence[str]) -> Mapping[str, Any]:
    with translated():
        answer: Mapping[str, Any] = bucket.s3.delete_objects(
            Bucket=bucket.name, Delete={"Objects": [{"Key": key} for key in keys]}
        )
        if not answer.get("Deleted") and not answer.get("Errors"):
            raise LostAnswerError
    return answer


def _delete_one(bucket: Bucket, key: str, doubt: Doubt | None = None) -> None:
    def send(conditions: Mapping[str, str]) -> Mapping[str, Any]:
        # Few services heed a condition here, so what is found must be older than our request: see removed.
        only = {} if conditions.get("IfMatch") is None else {"IfMatch": conditions["IfMatch"]}
        with translated():
            answer: Mapping[str, Any] = bucket.s3.delete_object(Bucket=bucket.name, Key=key, **only)
            if answer["ResponseMetadata"]["HTTPStatusCode"] != 204:
                raise LostAnswerError  # a 200 comes from a proxy
        return answer

    settled(bucket, key, send, removed, {}, doubt)


def _delete_singly(bucket: Bucket, keys: Sequence[str], doubt: Doubt | None = None) -> DeleteReport:
    """Delete keys one by one, several at a time, within the time of the whole operation."""
    limit = current()

    def attempt(key: str) -> AssetStoreError | None:
        try:
            with translated(), Deadline(limit.left(), limit.min_rate, limit):
                _delete_one(bucket, key, doubt)
        except AssetStoreError as error:
            return error
        return None

    errors = dict(zip(keys, in_parallel(attempt, keys, bucket.max_concurrency), strict=True)) if keys else {}
    return DeleteReport(
        deleted=tuple(key for key, error in errors.items() if error is None),
        failed=tuple(DeleteFailure(key=key, error=error) for key, error in errors.items() if error is not None),
    )


def _fits_xml(key: str) -> bool:
    """Return whether XML 1.0 carries a key unchanged: no control characters, no whitespace at its ends.

    A store that trims keys would delete another asset: Cloudflare's emulator reads ``"a "`` as ``"a"``.
    """
    return key == key.strip() == key.strip("\ufeff") and not any(
        ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 or character in "\ufffe\uffff" for character in key
    )


def _nfc(key: str) -> str:
    return unicodedata.normalize("NFC", key)

