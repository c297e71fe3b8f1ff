"""The requests that are really sent, whatever the machine's settings are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from r2_stand_in import PART, Request, StandIn, backend_at, backend_on, drain, opened, put, stand_in

from assetstore import NotFoundError
from assetstore.plugin import CheckOptions, CopyOptions, DeleteOptions, ListOptions, ReadOptions, StatOptions
from assetstore_r2 import S3Backend
from kept_ports import kept_port

AMBIENT = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
    "AWS_REGION": "eu-west-3",
    "AWS_DEFAULT_REGION": "eu-west-3",
    "AWS_PROFILE": "missing",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_supported",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_supported",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_RETRY_MODE": "adaptive",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_DEFAULTS_MODE": "mobile",
}
PROFILE = """
[default]
region = eu-west-3
endpoint_url = http://127.0.0.1:1
s3 =
    addressing_style = virtual
    use_accelerate_endpoint = true
    payload_signing_enabled = false
"""


def exercise(backend: S3Backend, prefix: str) -> None:
    """Use every operation, the failing and the large ones included."""
    put(backend, f"{prefix}a", b"abc", content_type="text/plain", metadata={"by": "Müller"})
    put(backend, f"{prefix}b", bytes(PART + 1), overwrite=False)
    put(backend, f"{prefix}c", iter([bytes(PART), bytes(PART)]))
    etag = backend.assetstore_stat(key=f"{prefix}a", options=StatOptions()).etag  # type: ignore[union-attr]  # never None
    put(backend, f"{prefix}a", b"abcd", if_match=etag)
    drain(opened(backend, f"{prefix}b"))
    drain(opened(backend, f"{prefix}a", offset=1, length=2))
    drain(opened(backend, f"{prefix}a", offset=9))
    with pytest.raises(NotFoundError):
        backend.assetstore_read(key=f"{prefix}none", options=ReadOptions())
    backend.assetstore_list(prefix=prefix, options=ListOptions(recursive=False, start_after=f"{prefix}a"))
    backend.assetstore_copy(source=f"{prefix}a", destination=f"{prefix}d", options=CopyOptions())
    backend.assetstore_copy(source=f"{prefix}a", destination=f"{prefix}a", options=CopyOptions(content_type="a/b"))
    backend.assetstore_check(options=CheckOptions())
    backend.assetstore_delete(keys=[f"{prefix}a"], options=DeleteOptions())
    backend.assetstore_delete(keys=[f"{prefix}b", f"{prefix}c", f"{prefix}d"], options=DeleteOptions())


def offences(request: Request, secret: str, region: str) -> list[str]:
    """Return what is wrong with a request."""
    headers = str(dict(request.headers)).lower()
    found = [word for word in ("expect", "aws-chunked", "trailer", "streaming-", "tagging", "-acl") if word in headers]
    if secret in headers + request.path + request.body.decode("latin-1"):
        found.append("secret")
    if f"/{region}/s3/aws4_request" not in headers:
        found.append("region")
    return found


@pytest.mark.parametrize("name", ["seaweedfs", "emulator"])
def test_no_request_carries_what_r2_refuses(
    name: str,
    request: pytest.FixtureRequest,
    unique_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """No Expect, chunked body, trailer or secret; region and endpoint are pinned, whatever AWS is set to."""
    server = request.getfixturevalue(name)
    for variable, value in AMBIENT.items():
        monkeypatch.setenv(variable, value)
    (tmp_path / "config").write_text(PROFILE)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with stand_in(server.endpoint_url) as proxy:
        style = {} if name == "emulator" else {"addressing_style": "path"}
        backend = backend_on(server, proxy.url, **style)
        exercise(backend, unique_prefix)
        backend.assetstore_close()
        assert set() == {offence for sent in proxy.requests for offence in offences(sent, server.secret_key, server.region)}
        assert all(f"/{server.bucket}" in sent.path for sent in proxy.requests)
        assert {"GET", "HEAD", "PUT", "POST", "DELETE"} == {sent.method for sent in proxy.requests}


def test_every_body_has_a_digest_and_a_length(seaweedfs: Any, unique_prefix: str) -> None:
    """Each object and each part is sent with Content-MD5 and Content-Length."""
    with stand_in(seaweedfs.endpoint_url) as proxy:
        backend = backend_on(seaweedfs, proxy.url)
        exercise(backend, unique_prefix)
        backend.assetstore_close()
        bodies = [sent for sent in proxy.requests if sent.method == "PUT" and "x-amz-copy-source" not in sent.headers]
    assert 6 == len(bodies)
    assert [True] * 6 == ["content-md5" in sent.headers and "content-length" in sent.headers for sent in bodies]


def test_a_bounded_number_of_requests_is_made(seaweedfs: Any, unique_prefix: str) -> None:
    """A plain upload, read, HEAD and single delete are one request each; an N-part upload takes N + 3."""
    with stand_in(seaweedfs.endpoint_url) as proxy:
        backend = backend_on(seaweedfs, proxy.url)
        key = f"{unique_prefix}a"
        counts = [counted(proxy, lambda: put(backend, key, b"abc"))]
        counts.append(counted(proxy, lambda: drain(opened(backend, key))))
        counts.append(counted(proxy, lambda: backend.assetstore_stat(key=key, options=StatOptions())))
        counts.append(counted(proxy, lambda: put(backend, key, bytes(2 * PART))))
        counts.append(counted(proxy, lambda: backend.assetstore_delete(keys=[key], options=DeleteOptions())))
        backend.assetstore_close()
    assert [1, 1, 1, 5, 1] == counts


def counted(proxy: StandIn, action: Any) -> int:
    """Return how many requests an action makes."""
    before = len(proxy.requests)
    action()
    return len(proxy.requests) - before


def test_the_secret_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """No repr, error or log record of ours contains a secret."""
    canary = "canary-5ec4e7" * 4
    with kept_port() as port:
        backend = backend_at(f"http://127.0.0.1:{port}", max_attempts=1, secret_key=canary, session_token=canary)
        with pytest.raises(Exception, match="reached") as caught:
            put(backend, "a", b"x")
    assert canary not in repr(backend) + repr(backend._credentials) + repr(backend._opened.get())
    assert canary not in str(caught.value) + repr(caught.value) + repr(caught.value.__cause__)
    assert canary not in backend.location
    assert [] == [record for record in caplog.records if record.name.startswith("assetstore")]
    backend.assetstore_close()
