"""Checks settings and connection for ``doctor`` without changing anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from assetstore.plugin import AssetStoreError, CheckReport, CheckStep, UnavailableError
from assetstore_r2.bucket import Bucket
from assetstore_r2.errors import answer_of, translated

_MAX_SKEW = 300.0


def check(bucket: Bucket, *, credentials: str, endpoint: str) -> CheckReport:
    """List one entry of the bucket: every kind of token permits this request.

    Args:
        bucket: the bucket.
        credentials: where the credentials were found.
        endpoint: where the endpoint was found.
    """
    steps = [CheckStep(name="credentials", ok=True, detail=f"from {credentials}")]
    where = f"{bucket.signer.address.endpoint}, from {endpoint}"
    headers: dict[str, str] = {}
    try:
        answer = bucket.retries.ask(lambda: _listed(bucket))
        headers = answer["ResponseMetadata"].get("HTTPHeaders", {})
        steps.append(CheckStep(name="endpoint", ok=True, detail=where))
        steps.append(CheckStep(name="bucket", ok=True, detail=f"{bucket.name} can be listed"))
    except AssetStoreError as error:
        headers = answer_of(error).get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if isinstance(error, UnavailableError):
            steps.append(CheckStep(name="endpoint", ok=False, detail=f"{where}: {error.message}", hint=error.hint))
        else:
            steps.append(CheckStep(name="endpoint", ok=True, detail=where))
            steps.append(CheckStep(name="bucket", ok=False, detail=error.message, hint=error.hint))
    if headers:
        steps.append(_clock(headers.get("date")))
    return CheckReport(steps=tuple(steps))


def _listed(bucket: Bucket) -> Mapping[str, Any]:
    with translated():
        answer: Mapping[str, Any] = bucket.s3.list_objects_v2(Bucket=bucket.name, MaxKeys=1)
    return answer


def _clock(date: str | None) -> CheckStep:
    if date is None:
        return CheckStep(name="clock", ok=True, detail="not compared: the store sends no Date")
    try:
        skew = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return CheckStep(name="clock", ok=True, detail="the store sent no readable date")
    detail = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the store's"
    ok = abs(skew) <= _MAX_SKEW
    return CheckStep(
        name="clock", ok=ok, detail=detail, hint=None if ok else "set the clock; beyond 15 minutes every request is refused"
    )
