"""``R2AssetManager`` in the hands of a game server: each call that such a server makes, and what it looks at afterwards."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from assetstore import AssetStore
from assetstore_r2 import R2AssetManager, R2Backend

if TYPE_CHECKING:
    from servers import S3Server

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(2000)
OTHER = b"\x89PNG\r\n\x1a\n" + bytes(10)
HASH = "9f3c1a6b5d2e4f70"
WEEK = 604_800


@attrs.frozen
class Server:
    """A game server's manager, its bucket, and where this test's objects lie.

    Attributes:
        manager: the manager, which is made without arguments and finds its settings in the environment.
        store: the same bucket, to prepare and to check it.
        settings: an object with lower-case names, as pydantic makes it.
        p: the prefix of this test; ``pending.png`` and ``taken.png`` lie under it.
        bucket: the bucket's name.
        other_bucket: a bucket whose rules may be changed.
    """

    manager: R2AssetManager
    store: AssetStore
    settings: object
    p: str
    bucket: str
    other_bucket: str

    def read(self, name: str) -> bytes | None:
        """Return what an asset holds, or ``None``."""
        return self.store.read(self.p + name) if self.store.exists(self.p + name) else None


@pytest.fixture(params=["seaweedfs", "emulator"])
def server(request: pytest.FixtureRequest, unique_prefix: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Give a game server with a pending upload and a finished one, on each S3 server in turn."""
    s3: S3Server = request.getfixturevalue(request.param)
    values = {
        "r2_enabled": True,
        "r2_endpoint": s3.endpoint_url,
        "r2_access_key": s3.access_key,
        "r2_secret_key": s3.secret_key,
        "r2_bucket_name": s3.bucket,
        "r2_account_id": "",
        "r2_public_url": "",
    }
    for name, value in values.items():
        monkeypatch.setenv(name.upper(), str(value))
    backend = R2Backend(
        bucket=s3.bucket,
        endpoint_url=s3.endpoint_url,
        access_key=s3.access_key,
        secret_key=s3.secret_key,
    )
    with AssetStore(backend) as store:
        store.upload(PICTURE, f"{unique_prefix}pending.png", metadata={"xxhash": HASH})
        store.upload(OTHER, f"{unique_prefix}taken.png")
        yield Server(
            R2AssetManager(), store, SimpleNamespace(**values), unique_prefix, s3.bucket, s3.other_bucket
        )


def got(url: str | None) -> bytes:
    """Return what a signed URL answers."""
    assert url is not None
    with urllib.request.urlopen(url) as answer:
        return bytes(answer.read())


def raised(call: Callable[[], object]) -> list[bool]:
    """Return whether a call raises a ValueError and whether it raises a FileNotFoundError."""
    try:
        call()
    except Exception as error:
        return [isinstance(error, ValueError), isinstance(error, FileNotFoundError)]
    return []


def upload_by_intent(server: Server) -> object:
    """Send the picture as a browser does, with the two headers that the server told it; return what is stored."""
    key = f"{server.p}new.png"
    url = server.manager.generate_presigned_upload_url(key, HASH, content_type="image/png", expiration=3600)
    headers = {"Content-Type": "image/png", "x-amz-meta-xxhash": HASH}
    with urllib.request.urlopen(urllib.request.Request(str(url), data=PICTURE, method="PUT", headers=headers)) as answer:
        status = answer.status
    info = server.store.stat(key)
    return status, info.size, info.content_type, dict(info.metadata or {})


def confirm(server: Server) -> object:
    """Look up what an upload must agree with."""
    info = server.manager.get_object_info(f"{server.p}pending.png") or {}
    return info.get("size"), info.get("content_type"), (info.get("metadata") or {}).get("xxhash")


def promote(server: Server, source: str, target: str, times: int = 1) -> object:
    """Promote an upload, and return the answers and what lies at both keys."""
    answers = [server.manager.promote_file(server.p + source, server.p + target) for _ in range(times)]
    return answers, server.read(source), server.read(target)


def paginate(server: Server) -> list[str]:
    """List a bucket as an audit of its own does."""
    pages = server.manager.s3_client.get_paginator("list_objects_v2").paginate(Bucket=server.bucket, Prefix=server.p)
    return [item["Key"].removeprefix(server.p) for page in pages for item in page.get("Contents", [])]


def smoke(server: Server) -> object:
    """Write, look up, read and delete an object by the client."""
    client, place = server.manager.s3_client, {"Bucket": server.bucket, "Key": f"{server.p}smoke.txt"}
    client.put_object(**place, Body=b"smoke", ContentType="text/plain")
    size = client.head_object(**place).get("ContentLength")
    with client.get_object(**place)["Body"] as body:
        data = body.read()
    client.delete_object(**place)
    return size, data, server.read("smoke.txt")


def configure(server: Server, kind: str) -> int:
    """Set rules of a bucket by the client, and delete them again."""
    client, place = server.manager.s3_client, {"Bucket": server.other_bucket}
    if kind == "cors":
        rules = [{"AllowedOrigins": ["https://game.example"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["*"]}]
        answer = client.put_bucket_cors(**place, CORSConfiguration={"CORSRules": rules})
        client.delete_bucket_cors(**place)
    else:
        rule = {"ID": "pending", "Status": "Enabled", "Filter": {"Prefix": "pending/"}, "Expiration": {"Days": 1}}
        answer = client.put_bucket_lifecycle_configuration(**place, LifecycleConfiguration={"Rules": [rule]})
        client.delete_bucket_lifecycle(**place)
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


# What the callers of the class do, in a server, its token service and its scripts: name, call, result.
CALLS: list[tuple[str, Callable[[Server], object], object]] = [
    ("configured", lambda s: s.manager.is_r2_configured(), True),
    ("settings object", lambda s: R2AssetManager(s.settings).is_r2_configured(), True),
    ("upload intent", upload_by_intent, (200, len(PICTURE), "image/png", {"xxhash": HASH})),
    (
        "download link",
        lambda s: got(s.manager.generate_presigned_url(f"{s.p}pending.png", method="GET", expiration=86_400)),
        PICTURE,
    ),
    ("token link", lambda s: got(s.manager.get_presigned_url(f"{s.p}pending.png", expiration=3600)), PICTURE),
    ("exists", lambda s: [s.manager.object_exists(s.p + name) for name in ("pending.png", "none")], [True, False]),
    ("confirm", confirm, (len(PICTURE), "image/png", HASH)),
    ("confirm, missing", lambda s: s.manager.get_object_info(f"{s.p}none"), None),
    ("inspect", lambda s: s.manager.get_object_bytes(f"{s.p}pending.png", 20_000_000), PICTURE),
    ("inspect, too large", lambda s: raised(lambda: s.manager.get_object_bytes(f"{s.p}pending.png", 9)), [True, False]),
    ("inspect, missing", lambda s: raised(lambda: s.manager.get_object_bytes(f"{s.p}none", 9)), [False, True]),
    ("promote", lambda s: promote(s, "pending.png", "final.png"), ([True], None, PICTURE)),
    ("promote again", lambda s: promote(s, "pending.png", "final.png", 2), ([True, True], None, PICTURE)),
    ("promote, taken", lambda s: promote(s, "pending.png", "taken.png", 2), ([True, True], None, OTHER)),
    ("promote, missing", lambda s: promote(s, "none", "none too"), ([False], None, None)),
    ("reject", lambda s: (s.manager.delete_file(f"{s.p}pending.png"), s.read("pending.png")), (True, None)),
    ("client: audit", paginate, ["pending.png", "taken.png"]),
    ("client: smoke test", smoke, (5, b"smoke", None)),
    ("client: CORS", lambda s: configure(s, "cors"), 200),
    ("client: lifecycle", lambda s: configure(s, "lifecycle"), 200),
]


def seconds_of(url: str | None) -> str:
    """Return how long a signed URL lasts, as it says."""
    return str(url).partition("X-Amz-Expires=")[2].partition("&")[0]


def plain_url(server: Server) -> str:
    """Return the unsigned address of the pending object."""
    return f"{server.manager.s3_client.meta.endpoint_url}/{server.bucket}/{server.p}pending.png"


# What the class offers besides: its other methods, and its parameters by their names.
OFFERED: list[tuple[str, Callable[[Server], object], object]] = [
    ("hash", lambda s: s.manager.get_object_hash(f"{s.p}pending.png"), HASH),
    ("hash, by name", lambda s: s.manager.get_object_hash(file_key=f"{s.p}taken.png"), None),
    ("hash, missing", lambda s: s.manager.get_object_hash(f"{s.p}none"), None),
    ("exists, by name", lambda s: s.manager.object_exists(file_key=f"{s.p}pending.png"), True),
    ("inspect, by name", lambda s: s.manager.get_object_bytes(file_key=f"{s.p}taken.png", max_bytes=99), OTHER),
    ("link, by name", lambda s: got(s.manager.generate_presigned_url(file_key=f"{s.p}taken.png")), OTHER),
    (
        "intent, by name",
        lambda s: seconds_of(
            s.manager.generate_presigned_upload_url(file_key="k", xxhash=HASH, content_type=None, expiration=60)
        ),
        "60",
    ),
    ("link, too long", lambda s: seconds_of(s.manager.generate_presigned_url("k", expiration=WEEK + 1)), str(WEEK)),
    (
        "intent, too long",
        lambda s: seconds_of(s.manager.generate_presigned_upload_url("k", HASH, expiration=10 * WEEK)),
        str(WEEK),
    ),
    ("URL of one", lambda s: (s.manager.get_object_info(f"{s.p}pending.png") or {})["url"] == plain_url(s), True),
    ("URL in a listing", lambda s: s.manager.list_objects(s.p, 1)[0]["url"] == plain_url(s), True),
]


# Cloudflare's emulator answers these with NotImplemented.
SEAWEEDFS_ALONE = ("client: CORS", "client: lifecycle")
ROWS = [
    pytest.param(server, call, expected, id=f"{server}-{name}")
    for server in ("seaweedfs", "emulator")
    for name, call, expected in (*CALLS, *OFFERED)
    if server == "seaweedfs" or name not in SEAWEEDFS_ALONE
]


@pytest.mark.parametrize(("server", "call", "expected"), ROWS, indirect=["server"])
def test_every_call_of_a_game_server_does_what_it_relies_on(
    server: Server, call: Callable[[Server], object], expected: object
) -> None:
    """The class takes the arguments that its callers pass, and returns what they look up."""
    assert expected == call(server)


def test_an_upload_intent_takes_no_other_hash(server: Server) -> None:
    """The hash and the type are signed: a PUT that sends others is refused, and stores nothing."""
    url = server.manager.generate_presigned_upload_url(f"{server.p}new.png", HASH, "image/png")
    headers = {"Content-Type": "image/png", "x-amz-meta-xxhash": HASH}
    statuses = []
    for changed in ({"x-amz-meta-xxhash": "0"}, {"Content-Type": "text/html"}):
        request = urllib.request.Request(str(url), data=PICTURE, method="PUT", headers=headers | changed)
        with pytest.raises(urllib.request.HTTPError) as caught:
            urllib.request.urlopen(request)
        statuses.append(caught.value.code)
        caught.value.close()
    assert ([403, 403], None) == (statuses, server.read("new.png"))


def test_a_promotion_can_replace_or_refuse_a_taken_destination(server: Server) -> None:
    """``overwrite=False`` keeps both objects and fails; ``overwrite=True`` replaces the destination."""
    keys = (f"{server.p}pending.png", f"{server.p}taken.png")
    assert not server.manager.promote_file(*keys, overwrite=False)
    assert (PICTURE, OTHER) == (server.read("pending.png"), server.read("taken.png"))
    assert server.manager.promote_file(*keys, overwrite=True)
    assert (None, PICTURE) == (server.read("pending.png"), server.read("taken.png"))
    assert not server.manager.promote_file(*keys, overwrite=True)


def test_a_promotion_onto_itself_deletes_nothing(server: Server) -> None:
    """One key as source and destination is a promotion that has happened."""
    key = f"{server.p}pending.png"
    assert server.manager.promote_file(key, key)
    assert PICTURE == server.read("pending.png")


def test_the_older_keyword_still_names_the_key(server: Server) -> None:
    """``key=`` means ``file_key=`` where it did before, and not both at a time."""
    manager: Any = server.manager
    key = f"{server.p}taken.png"
    found = manager.object_exists(key=key), manager.get_object_bytes(key=key, max_bytes=99)
    assert (True, OTHER) == found
    assert OTHER == got(manager.generate_presigned_url(key=key, expiration=60))
    with pytest.raises(TypeError, match="key"):
        manager.object_exists(key=key, file_key=key)


def test_a_public_url_is_in_info_and_listing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``R2_PUBLIC_URL`` they hold the address that anyone may read, quoted."""
    monkeypatch.setenv("R2_PUBLIC_URL", "https://cdn.example/")
    server.store.upload(b"", f"{server.p}a b.png")
    info = server.manager.get_object_info(f"{server.p}a b.png") or {}
    expected = f"https://cdn.example/{server.p}a%20b.png"
    assert (expected, expected) == (info["url"], server.manager.list_objects(server.p)[0]["url"])


def test_log_records_have_event_names(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """A program's own formatter finds the event in each record, and the facts that belong to it."""
    caplog.set_level("INFO", logger="assetstore_r2")
    manager, pending = server.manager, f"{server.p}pending.png"
    manager.generate_presigned_upload_url(pending, HASH, expiration=WEEK + 1)
    manager.generate_presigned_url(pending, "put", 60)
    manager.list_objects(server.p)
    manager.promote_file(pending, f"{server.p}final.png")
    manager.delete_file(f"{server.p}final.png")
    manager.get_object_info(pending)
    R2AssetManager({}).is_r2_configured()
    assert [
        "r2.expiration.clamped",
        "asset.presigned_upload.generated",
        "asset.presigned_url.generated",
        "r2.objects.listed",
        "r2.object.promoted",
        "r2.object.deleted",
        "r2.lookup.failed",
    ] == [getattr(record, "event_name", None) for record in caplog.records[:7]]
    signed: Any = caplog.records[2]
    assert ("PUT", 60, "success") == (signed.http_method, signed.expires_in_seconds, signed.outcome)
    assert ["WARNING"] == [record.levelname for record in caplog.records[:6] if record.levelname != "INFO"]


def test_the_client_needs_settings() -> None:
    """Without them it raises what a program expects, and says what is missing."""
    with pytest.raises(ValueError, match="R2_ENABLED is not true"):
        _ = R2AssetManager({}).s3_client
