"""The rules that direct uploads need are set on a bucket, and other rules stay."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from r2_stand_in import backend_on

from assetstore import AccessDeniedError, CredentialsError, InvalidOptionError, StoreNotFoundError, UnsupportedError
from assetstore_r2.bucket import Bucket
from assetstore_r2.bucket_rules import (
    cors_rule,
    lifecycle_rule,
    read_cors,
    read_lifecycle,
    set_cors,
    set_lifecycle,
)
from assetstore_r2.testing import FaultProxy, R2Personality

OTHERS_CORS = {
    "AllowedOrigins": ["https://elsewhere.example"],
    "AllowedMethods": ["GET"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag", "Content-Range"],
    "MaxAgeSeconds": 3600,
}
OTHERS_LIFECYCLE = {"ID": "thumbs", "Status": "Enabled", "Filter": {"Prefix": "thumbs/"}, "Expiration": {"Days": 30}}


@pytest.fixture
def bucket(seaweedfs: Any) -> Iterator[Bucket]:
    """Give a bucket without rules and remove them again; of the two servers only SeaweedFS has rules."""
    backend = backend_on(seaweedfs, bucket=seaweedfs.other_bucket)
    bucket = backend._opened.get()
    yield bucket
    bucket.client.delete_bucket_cors(Bucket=bucket.name)
    bucket.client.delete_bucket_lifecycle(Bucket=bucket.name)
    backend.assetstore_close()


def may_send(server: Any, bucket: Bucket, origin: str, method: str = "PUT") -> bool:
    """Send the preflight of a signed request, and judge the response as a browser does."""
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type,x-amz-meta-by"}
    connection = http.client.HTTPConnection(urlsplit(server.endpoint_url).netloc, timeout=600)
    try:
        connection.request("OPTIONS", f"/{bucket.name}/a", headers={"Origin": origin, **asked})
        answer = connection.getresponse().headers
        methods = (answer["access-control-allow-methods"] or "").replace(" ", "").split(",")
        return answer["access-control-allow-origin"] == origin and method in methods
    finally:
        connection.close()


def test_a_bucket_without_rules_has_none(bucket: Bucket) -> None:
    """That is no error."""
    assert ([], []) == (read_cors(bucket), read_lifecycle(bucket))


def test_the_cors_rule_is_replaced_and_those_of_others_stay(bucket: Bucket) -> None:
    """Ours is recognised by its form, so one that was printed and entered by hand is ours too."""
    bucket.client.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": [OTHERS_CORS]})
    old = cors_rule(["https://old.example"], delete=True)
    assert [old, OTHERS_CORS] == set_cors(bucket, old) == read_cors(bucket)
    new = cors_rule(["https://app.example", "http://localhost:3000"])
    assert [new, OTHERS_CORS] == set_cors(bucket, new) == read_cors(bucket)


def test_a_cors_rule_that_exposes_the_etag_alone_is_replaced(bucket: Bucket) -> None:
    """Older versions wrote such rules; one that stayed would let in the pages of old."""
    old = {**cors_rule(["https://old.example"]), "ExposeHeaders": ["ETag"]}
    bucket.client.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": [old, OTHERS_CORS]})
    new = cors_rule(["https://app.example"])
    assert [new, OTHERS_CORS] == set_cors(bucket, new) == read_cors(bucket)


def test_the_lifecycle_rule_is_replaced_and_those_of_others_stay(bucket: Bucket) -> None:
    """Ours is recognised by its ID."""
    bucket.client.put_bucket_lifecycle_configuration(
        Bucket=bucket.name, LifecycleConfiguration={"Rules": [OTHERS_LIFECYCLE]}
    )
    assert [OTHERS_LIFECYCLE, lifecycle_rule(days=3)] == set_lifecycle(bucket, lifecycle_rule(days=3))
    new = lifecycle_rule("tenant/pending/")
    assert [OTHERS_LIFECYCLE, new] == set_lifecycle(bucket, new) == read_lifecycle(bucket)


def test_browsers_of_the_sites_that_were_set_may_send(seaweedfs: Any, bucket: Bucket) -> None:
    """The service permits their preflight, and no other site's."""
    set_cors(bucket, cors_rule(["https://app.example"]))
    assert may_send(seaweedfs, bucket, "https://app.example")
    for origin in ("https://evil.example", "http://app.example", "https://app.example:8443", "null"):
        assert not may_send(seaweedfs, bucket, origin)
    assert not may_send(seaweedfs, bucket, "https://app.example", "DELETE")
    set_cors(bucket, cors_rule(["https://app.example"], delete=True))
    assert may_send(seaweedfs, bucket, "https://app.example", "DELETE")


@pytest.mark.parametrize(
    "origin",
    [
        *("", "*", "null", "app.example", "https://", "https://*.app.example", "https://app.example/", "https://app.example/a"),
        *("https://App.example", "https://app.example:443", "http://app.example:80", "ftp://app.example", "https://a.b:x"),
        *("https://user@app.example", "https://app.example?x", "https://app.example#x", " https://app.example"),
        *("https://bücher.de", "https://app.example:", "https://app.example\n"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(origin: str) -> None:
    """Another form would never match, or match too much."""
    with pytest.raises(InvalidOptionError, match="is not an origin"):
        cors_rule([origin])


def test_origins_that_browsers_write_are_taken_once_each() -> None:
    """With ports and IPv6 addresses."""
    origins = ["https://app.example", "http://localhost:3000", "http://[::1]:8080", "http://127.0.0.1", "https://app.example"]
    assert origins[:4] == cors_rule(origins)["AllowedOrigins"]


def test_rules_that_would_do_nothing_or_too_much_are_refused() -> None:
    """Without an origin; for all assets of the bucket; for no time."""
    with pytest.raises(InvalidOptionError):
        cors_rule([])
    for prefix, days in (("", 8), ("p", 8), ("pending/", 0)):
        with pytest.raises(InvalidOptionError):
            lifecycle_rule(prefix, days)


def test_a_token_that_may_not_is_told_which_may(seaweedfs: Any) -> None:
    """A token of one bucket may not touch rules (R2, "API tokens")."""
    with FaultProxy(seaweedfs.endpoint_url, personality=R2Personality(buckets=[seaweedfs.bucket])) as proxy:
        backend = backend_on(seaweedfs, proxy.url)
        bucket = backend._opened.get()
        for work in (lambda: read_cors(bucket), lambda: set_lifecycle(bucket, lifecycle_rule())):
            with pytest.raises(AccessDeniedError) as caught:
                work()
            assert "Admin Read & Write" in str(caught.value.hint)
        backend.assetstore_close()


def test_a_service_without_such_rules_says_so(emulator: Any) -> None:
    """Cloudflare's emulator supports neither."""
    backend = backend_on(emulator)
    bucket = backend._opened.get()
    with pytest.raises(UnsupportedError, match="cors print"):
        set_cors(bucket, cors_rule(["https://app.example"]))
    with pytest.raises(UnsupportedError, match="lifecycle print"):
        read_lifecycle(bucket)
    backend.assetstore_close()


def test_what_has_nothing_to_do_with_rules_is_told_as_ever(seaweedfs: Any) -> None:
    """A missing bucket is not an empty list of rules, and wrong credentials are not a missing permission."""
    for setting, value, error in (("bucket", "no-bucket", StoreNotFoundError), ("secret_key", "x" * 40, CredentialsError)):
        backend = backend_on(seaweedfs, **{setting: value})
        with pytest.raises(error):
            read_cors(backend._opened.get())
        backend.assetstore_close()
