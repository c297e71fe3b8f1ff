"""Operations of a store and faults of a network: every fault meets every operation, in the tests of R2's plugin and here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from assetstore import (
    AccessDeniedError,
    AssetStore,
    CredentialsError,
    IntegrityError,
    UnavailableError,
)
from assetstore_r2 import R2Backend
from assetstore_r2.testing import (
    Answer,
    Delay,
    ErrorBody,
    ExpireCredentials,
    Fault,
    FaultProxy,
    LoggedRequest,
    LoseResponse,
    Request,
    Reset,
    Shorten,
    Status,
    Truncate,
)

PART = 5 << 20
SMALL = bytes(range(250)) * 12
BIG = bytes(range(256)) * (PART // 256) + SMALL
ATTEMPTS = 3

Assets = Mapping[str, bytes]


@attrs.frozen(kw_only=True)
class Aged(Fault):
    """Says that what is stored was stored long ago, which it was in most stores, and not just before the test."""

    method: str | None = "HEAD"
    times: int | None = None

    def amend(self, request: Request, answer: Answer) -> Answer:
        """Put the time back."""
        kept = [field for field in answer.fields if field[0].lower() != "last-modified"]
        return attrs.evolve(answer, fields=(*kept, ("last-modified", "Sun, 22 Nov 2015 19:53:47 GMT")))


@attrs.frozen(kw_only=True)
class Operation:
    """An operation, the request that is struck, and the stored asset before and after.

    `run` gets the store, scoped to a prefix of its own, and an empty folder; what it returns has to be `value`.
    """

    run: Callable[[AssetStore, Path], Any]
    method: str
    target: str | None = None
    before: Assets
    after: Assets
    value: Any = None


def download(store: AssetStore, folder: Path) -> bytes:
    """Download and return the file."""
    store.download("a", folder / "a")
    return (folder / "a").read_bytes()


def described(store: AssetStore, _: Path) -> tuple[str, int, bool, str | None]:
    """Return the info of an asset."""
    info = store.stat("a")
    return info.key, info.size, info.etag is None, info.content_type


def delete_both(store: AssetStore, _: Path) -> None:
    """Delete two assets, and raise the first failure."""
    for failure in store.delete_many(["a", "b"]).failed:
        raise failure.error


UPLOAD_BIG: dict[str, Any] = {
    "run": lambda store, _: store.upload(BIG, "a").size,
    "before": {"a": b"old"},
    "after": {"a": BIG},
    "value": len(BIG),
}
OLD = {"a": b"old"}
HERE = {"a": SMALL}
OPERATIONS = {
    "upload": Operation(
        run=lambda store, _: store.upload(SMALL, "a").size, method="PUT", before=OLD, after=HERE, value=len(SMALL)
    ),
    "create": Operation(
        run=lambda store, _: store.upload(SMALL, "a", overwrite=False).size,
        method="PUT",
        before={},
        after=HERE,
        value=len(SMALL),
    ),
    "begin": Operation(**UPLOAD_BIG, method="POST", target=r"\?uploads"),
    "part": Operation(**UPLOAD_BIG, method="PUT", target=r"partNumber=2"),
    "complete": Operation(**UPLOAD_BIG, method="POST", target=r"\?uploadId="),
    "read": Operation(run=lambda store, _: store.read("a"), method="GET", before=HERE, after=HERE, value=SMALL),
    "read a run": Operation(
        run=lambda store, _: store.read("a", offset=5, length=2000),
        method="GET",
        before=HERE,
        after=HERE,
        value=SMALL[5:2005],
    ),
    "download": Operation(run=download, method="GET", before=HERE, after=HERE, value=SMALL),
    "stat": Operation(
        run=described, method="HEAD", before=HERE, after=HERE, value=("a", len(SMALL), False, "application/octet-stream")
    ),
    "list": Operation(
        run=lambda store, _: [item.key for item in store.list()], method="GET", before=HERE, after=HERE, value=["a"]
    ),
    "delete": Operation(run=lambda store, _: store.delete("a"), method="DELETE", before=HERE, after={}),
    "delete many": Operation(run=delete_both, method="POST", before={**HERE, "b": b"b"}, after={}),
    "copy": Operation(
        run=lambda store, _: store.copy("a", "b").size,
        method="PUT",
        before=HERE,
        after={**HERE, "b": SMALL},
        value=len(SMALL),
    ),
    "change": Operation(
        run=lambda store, _: store.update("a", content_type="image/png").content_type,
        method="PUT",
        before=HERE,
        after=HERE,
        value="image/png",
    ),
}
FAULTS: dict[str, Fault] = {
    "reset": Reset(after=100),
    "reset on the way up": Reset(after=100, direction="request"),
    "cut": Truncate(after=100),
    "cut at the head": Truncate(),
    "cut on the way up": Truncate(after=100, direction="request"),
    "delay": Delay(seconds=0.05),
    "shortened": Shorten(after=100),
    "500": Status(status=500),
    "500 behind the work": Status(status=500, late=True),
    "503": Status(status=503),
    "error in a 200": ErrorBody(),
    "error in a 200 behind the work": ErrorBody(late=True),
    "empty 200": ErrorBody(body=b""),
    "page in a 200": ErrorBody(body=b"<html><body>please log in</body></html>"),
    "lost": LoseResponse(),
    "lost by a reset": LoseResponse(reset=True),
    "expired": ExpireCredentials(),
    "429": Status(status=429),
    "denied": Status(status=403),
}
FINAL = {"expired": CredentialsError, "denied": AccessDeniedError}
"""Faults that no second attempt mends, and their errors."""
# The plugin detects a false success or a truncated response, and may leave it to the caller to repeat.
LEFT_TO_THE_CALLER = ("error in a 200", "error in a 200 behind the work", "empty 200", "page in a 200", "cut at the head")
LASTING = (
    *("error in a 200", "empty 200", "page in a 200", "500", "500 behind the work"),
    *("lost", "reset on the way up", "shortened"),
)


def allowed(op: str, fault: str, *, always: bool) -> set[Any]:
    """Return the allowed outcomes: mostly only the right result, if the fault does not last."""
    if fault in FINAL:
        return {FINAL[fault]}
    found: set[Any] = {"right"}
    if fault == "shortened" and op in ("read", "download", "read a run"):
        found.add(IntegrityError)
    if always or fault in LEFT_TO_THE_CALLER:
        found.add(UnavailableError)
    return found


@contextmanager
def store_at(
    server: Any, url: str, prefix: str = "", *, plugins: Sequence[object] = (), **fields: Any
) -> Iterator[AssetStore]:
    """Open a store on the test server, or on the proxy at `url`."""
    backend = R2Backend(
        bucket=server.bucket,
        endpoint_url=url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        part_size=PART,
        **{"max_attempts": ATTEMPTS, "read_timeout": 20.0, **fields},
    )
    with AssetStore(backend, plugins=plugins) as store:
        yield store.scoped(prefix) if prefix else store


@contextmanager
def failing(proxy: FaultProxy, *faults: Fault) -> Iterator[list[LoggedRequest]]:
    """Inject the faults in the block, and give a list that then contains its requests."""
    requests: list[LoggedRequest] = []
    start = len(proxy.requests)
    proxy.inject(*faults)
    try:
        yield requests
    finally:
        proxy.inject()
        requests += proxy.requests[start:]


def stored(store: AssetStore) -> dict[str, bytes]:
    """Read everything that is stored."""
    return {item.key: store.read(item.key) for item in store.list()}
