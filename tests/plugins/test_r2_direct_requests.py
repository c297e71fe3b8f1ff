"""Direct uploads on R2: how many requests their steps cost, and how a compressed asset affects a read."""

from __future__ import annotations

import gzip
import hashlib
import urllib.request
from collections.abc import Iterator

import pytest

from assetstore import AssetStore, BackendError, DirectUpload
from assetstore_r2 import R2Backend
from assetstore_r2.testing import FaultProxy
from servers import S3Server

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def proxy(emulator: S3Server) -> Iterator[FaultProxy]:
    """Give a proxy that lists the requests to the emulator."""
    with FaultProxy(emulator.endpoint_url) as proxy:
        yield proxy


@pytest.fixture
def store(emulator: S3Server, proxy: FaultProxy, unique_prefix: str) -> Iterator[AssetStore]:
    """Give a store on R2's emulator behind the proxy."""
    backend = R2Backend(
        bucket=emulator.bucket,
        endpoint_url=proxy.url,
        access_key=emulator.access_key,
        secret_key=emulator.secret_key,
    )
    with AssetStore(backend) as store:
        yield store.scoped(unique_prefix)


def send(upload: DirectUpload, body: bytes) -> None:
    """Send the bytes as a browser does."""
    assert upload.request is not None
    headers = {name: value for name, value in upload.request.headers.items() if name != "content-length"}
    with urllib.request.urlopen(urllib.request.Request(upload.request.url, body, headers, method="PUT")) as answer:
        assert 200 == answer.status


@pytest.mark.parametrize("sha256", [None, hashlib.sha256(PNG).hexdigest()], ids=["no digest", "a digest"])
def test_a_direct_upload_is_finished_by_four_requests(store: AssetStore, proxy: FaultProxy, sha256: str | None) -> None:
    """One request each reads the bytes, looks up the key, copies, and deletes the pending object."""
    upload = store.begin_upload(key="a.png", size=len(PNG), sha256=sha256)
    send(upload, PNG)
    before = len(proxy.requests)
    info = store.finish_upload(upload.token)
    assert ["GET", "HEAD", "PUT", "DELETE"] == [request.method for request in proxy.requests[before:]]
    assert (PNG, info.etag) == (store.read("a.png"), store.stat("a.png").etag)


def test_the_copy_of_a_direct_upload_keeps_its_headers(store: AssetStore) -> None:
    """The copy takes headers and metadata from the read, without another HEAD of the source."""
    headers = {"cache_control": "no-cache", "content_disposition": "inline", "content_language": "de"}
    upload = store.begin_upload(key="a.png", size=len(PNG), metadata={"by": "Spielleitung 🐉"}, **headers)
    send(upload, PNG)
    store.finish_upload(upload.token)
    found = store.stat("a.png")
    assert {**headers, "content_type": "image/png"} == {name: getattr(found, name) for name in (*headers, "content_type")}
    assert "Spielleitung 🐉" == (found.metadata or {})["by"]


@pytest.mark.parametrize("where", [{}, {"offset": 10, "length": 50}, {"offset": 0, "length": 5000}], ids=str)
@pytest.mark.parametrize("measured_anew", [False, True])
def test_bytes_that_are_packed_on_the_way_are_refused(
    emulator: S3Server, proxy: FaultProxy, unique_prefix: str, where: dict[str, int], measured_anew: bool
) -> None:
    """The emulator packs what has a Content-Encoding once more: a read refuses it with a way out, and never returns it.

    A proxy on the way measures the answer anew, so that its length is not missing but wrong.
    """
    url = proxy.url if measured_anew else emulator.endpoint_url
    keys = {"access_key": emulator.access_key, "secret_key": emulator.secret_key}
    store = AssetStore(R2Backend(bucket=emulator.bucket, endpoint_url=url, **keys)).scoped(unique_prefix)
    packed = gzip.compress(b"the party enters the keep\n" * 1000, mtime=0)
    store.upload(packed, "a.svgz", content_encoding="gzip", content_type="image/svg+xml")
    with pytest.raises(BackendError, match="Content-Encoding") as caught:
        store.read("a.svgz", **where)
    assert "store it without content_encoding" in (caught.value.hint or "")
    copied = store.copy("a.svgz", "b.svgz")
    assert (len(packed), "gzip") == (copied.size, store.stat("b.svgz").content_encoding)
