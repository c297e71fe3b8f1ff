"""Whatever answers are lost and whatever another client does meanwhile: nothing of his is undone, and claims are true."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal, TypeAlias

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from r2_stand_in import hasty_bucket

from assetstore import AlreadyExistsError, AssetStoreError, PreconditionError, UnavailableError, UnknownOutcomeError
from assetstore.plugin import CopyOptions, Source, UploadOptions
from assetstore_r2.bucket import Bucket
from assetstore_r2.copy import copy
from assetstore_r2.delete import delete
from assetstore_r2.headers import WRITE
from assetstore_r2.settle import is_older
from assetstore_r2.upload import upload
from assetstore_r2.wire.errors import NoAnswerError, S3Error

Fate: TypeAlias = Literal["done", "slow down", "failed", "failed behind the work", "lost", "lost behind the work"]
Meddling: TypeAlias = Literal["nothing", "write", "delete"]

FATES: tuple[Fate, ...] = ("done", "slow down", "failed", "failed behind the work", "lost", "lost behind the work")
EARLIER = 3600.0
COPY = "cf-copy-destination-"


@attrs.frozen
class Stored:
    """An asset: who wrote it, and when by the service's clock and in the order of all writes."""

    ours: bool
    etag: str
    at: datetime
    order: int
    metadata: dict[str, str]


@attrs.define(eq=False)
class Service:
    """A service that heeds all conditions, and another client that meddles before and after each of our writes."""

    fates: Iterator[Fate]
    meddling: Iterator[Meddling]
    dated: bool = True
    assets: dict[str, Stored] = attrs.field(factory=dict)
    ours: list[int] = attrs.field(factory=list)
    undone: list[Stored] = attrs.field(factory=list)
    orders: int = 0
    doubt: int | None = None
    begun: dict[str, str] | None = None

    def store(
        self, key: str, *, ours: bool, age: float = 0.0, metadata: dict[str, str] | None = None, etag: str = ""
    ) -> None:
        """Write an asset, and note if this undoes what another client wrote after our first write."""
        self.orders += 1
        there = self.assets.get(key)
        if ours:
            self.note(there)
            self.ours.append(self.orders)
        at = datetime.now(UTC) - timedelta(seconds=age)
        self.assets[key] = Stored(ours, etag or f'"{uuid.uuid4().hex}-1"', at, self.orders, metadata or {})

    def remove(self, key: str, *, ours: bool) -> None:
        """Delete an asset, with the same note."""
        self.orders += 1
        there = self.assets.pop(key, None)
        if ours:
            self.note(there)
            self.ours.append(self.orders)

    def note(self, there: Stored | None) -> None:
        """Note if a repetition of ours hits what another client wrote after our first attempt in doubt."""
        if there is not None and not there.ours and self.doubt is not None and there.order > self.doubt:
            self.undone.append(there)

    def meddle(self, key: str) -> None:
        """Let the other client act."""
        match next(self.meddling, "nothing"):
            case "write":
                self.store(key, ours=False)
            case "delete":
                self.remove(key, ours=False)

    def attempt(self, key: str, params: dict[str, Any], work: Any) -> dict[str, Any]:
        """Carry a write out, or not, and answer, or not."""
        fate = next(self.fates, "done")
        self.meddle(key)
        if fate in ("done", "failed behind the work", "lost behind the work"):
            there = self.assets.get(key)
            if params.get("IfNoneMatch") == "*" and there is not None:
                raise failed(412, "PreconditionFailed")
            if "IfMatch" in params and (there is None or there.etag != params["IfMatch"]):
                raise failed(412, "PreconditionFailed")
            work()
        if fate not in ("done", "slow down") and self.doubt is None:
            self.doubt = self.orders
        self.meddle(key)
        if fate == "slow down":
            raise failed(503, "SlowDown")
        if fate.startswith("failed"):
            raise failed(500, "InternalError")
        if fate.startswith("lost"):
            raise NoAnswerError("lost")
        return {"ResponseMetadata": {"HTTPStatusCode": 204, "HTTPHeaders": {}}}

    def put_object(self, *, Key: str, Metadata: dict[str, str], **params: Any) -> dict[str, Any]:  # noqa: N803 - the engine's
        """Write."""
        answer = self.attempt(Key, params, lambda: self.store(Key, ours=True, metadata=Metadata))
        return {**answer, "ETag": self.assets[Key].etag if Key in self.assets else '"gone"'}

    def copy_object(self, *, Key: str, **params: Any) -> dict[str, Any]:  # noqa: N803 - the engine's
        """Copy."""
        sent = params["AssetstoreDestination"]
        names = {"IfNoneMatch": f"{COPY}if-none-match", "IfMatch": f"{COPY}if-match"}
        conditions = {name: sent[header] for name, header in names.items() if header in sent}
        source = self.assets["source"]
        etag, metadata = source.etag, params.get("Metadata", source.metadata)
        answer = self.attempt(Key, conditions, lambda: self.store(Key, ours=True, metadata=metadata, etag=etag))
        return {**answer, "CopyObjectResult": {"ETag": etag}}

    def create_multipart_upload(self, *, Metadata: dict[str, str], **_: Any) -> dict[str, Any]:  # noqa: N803 - the engine's
        """Begin an upload in parts."""
        self.begun = Metadata
        return {"UploadId": "u"}

    def upload_part(self, **_: Any) -> dict[str, Any]:
        """Store a part."""
        return {"ETag": '"part"'}

    def complete_multipart_upload(self, *, Key: str, **params: Any) -> dict[str, Any]:  # noqa: N803 - the engine's
        """Join the parts, once. A service that heeds no conditions here still does it only once, and never a second time."""
        if self.begun is None:
            raise failed(404, "NoSuchUpload")
        begun = self.begun

        def join() -> None:
            self.begun = None
            if not self.dated and not self.ours:
                self.doubt = None
            self.store(Key, ours=True, metadata=begun)

        return {**self.attempt(Key, params if self.dated else {}, join), "ETag": '"joined-2"'}

    def abort_multipart_upload(self, **_: Any) -> dict[str, Any]:
        """Drop the parts."""
        self.begun = None
        return {}

    def delete_object(self, *, Key: str, **params: Any) -> dict[str, Any]:  # noqa: N803 - the engine's
        """Delete; R2 itself ignores conditions here."""
        return self.attempt(Key, params, lambda: self.remove(Key, ours=True))

    def head_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - the engine's
        """Look."""
        if (there := self.assets.get(Key)) is None:
            raise failed(404, "404")
        headers = {"date": format_datetime(datetime.now(UTC), usegmt=True)} if self.dated else {}
        return {
            "ETag": there.etag,
            "ContentLength": 3,
            "LastModified": there.at.replace(microsecond=0),
            "Metadata": dict(there.metadata),
            "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": headers},
        }

    def head_bucket(self, **_: Any) -> dict[str, Any]:
        """Look for the bucket."""
        return {}


def failed(status: int, code: str) -> S3Error:
    """Return an error of the service."""
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}}
    return S3Error({"Error": {"Code": code}, "ResponseMetadata": metadata}, "PutObject")


def outcome(service: Service, bucket: Bucket, operation: str) -> type[Exception] | None:
    """Run an operation on the key `a`, and return the error that it raised."""
    there = service.assets.get("a")
    etag = there.etag if there else '"0"'
    try:
        with bucket.deadline():
            if operation == "delete":
                report = delete(bucket, ["a"])
                assert ("a",) == report.deleted
            elif operation.startswith("copy"):
                changes = {"copy": {}, "copy new": {"overwrite": False}, "copy changed": {"content_type": "a/b"}}
                copy(bucket, "source", "a", CopyOptions(**changes[operation]))  # type: ignore[arg-type]  # of two kinds
            else:
                conditions = {"create": {"overwrite": False}, "swap": {"if_match": etag.strip('"')}}
                bucket = attrs.evolve(bucket, part_size=2) if "in parts" in operation else bucket
                options = UploadOptions(**conditions.get(operation.partition(" ")[0], {}))  # type: ignore[arg-type]  # of two kinds
                upload(bucket, "a", Source(b"abc"), options)
    except AssetStoreError as error:
        return type(error)
    return None


OPERATIONS = [
    *("upload", "create", "swap", "upload in parts", "create in parts", "swap in parts"),
    *("copy", "copy new", "copy changed", "delete"),
]


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=max(300, settings().max_examples))
@given(
    st.lists(st.sampled_from(FATES), min_size=1, max_size=3),
    st.lists(st.sampled_from(["nothing", "nothing", "write", "delete"]), min_size=3, max_size=6),
    st.sampled_from([None, 0.0, 1.0, EARLIER]),
    st.booleans(),
)
def test_nothing_of_another_client_is_undone_and_each_claim_is_true(
    operation: str, fates: list[Fate], meddling: list[Meddling], age: float | None, dated: bool
) -> None:
    """A success means that the write happened, an error that it did not; what nobody can know is said to be unknown.

    One thing cannot be seen: a write of ours that another client has deleted looks like one that never happened.
    """
    service = Service(iter(fates), iter(meddling), dated)
    service.store("source", ours=False, age=EARLIER)
    if age is not None:
        service.store("a", ours=False, age=age)
    error = outcome(service, hasty_bucket(service), operation)
    assert [] == service.undone
    if error is None:
        assert service.ours or operation == "delete"
    elif error is not UnknownOutcomeError:
        assert not service.ours or "delete" in meddling
        assert issubclass(error, UnavailableError | AlreadyExistsError | PreconditionError)
    if error is AlreadyExistsError:
        assert operation in ("create", "create in parts", "copy new")
    if error is PreconditionError:
        assert operation in ("swap", "swap in parts")


@given(st.floats(0, 30), st.floats(-5, 30), st.floats(0, 1, exclude_max=True))
def test_what_is_called_older_was_stored_before(elapsed: float, before: float, fraction: float) -> None:
    """Times of whole seconds never make a later write look older than our first attempt."""
    now = datetime(2026, 11, 28, 12, tzinfo=UTC) + timedelta(seconds=fraction)
    stored = now - timedelta(seconds=elapsed) - timedelta(seconds=before)
    head = {
        "LastModified": stored.replace(microsecond=0),
        "ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(now.replace(microsecond=0), usegmt=True)}},
    }
    assert not is_older(head, elapsed) or before > 0
    assert is_older(head, elapsed) or before < 4


def test_a_store_without_a_clock_is_believed_only_after_a_quarter_of_an_hour() -> None:
    """Signatures bound how far its clock may differ from ours."""
    head: dict[str, Any] = {"ResponseMetadata": {"HTTPHeaders": {}}}
    for age, expected in ((0, False), (890, False), (910, True)):
        stored = datetime.fromtimestamp(time.time() - age, UTC)
        assert expected is is_older({**head, "LastModified": stored}, 1.0)
    assert not is_older(head, 1.0)


def test_each_write_has_a_mark() -> None:
    """By it a look tells our asset from another client's."""
    service = Service(iter(()), iter(()))
    for _ in range(2):
        outcome(service, hasty_bucket(service), "upload")
        assert 32 == len(service.assets["a"].metadata[WRITE])
