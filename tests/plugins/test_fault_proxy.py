"""The fault proxy: it is invisible until a fault strikes, each fault does what it says, and no thread is left."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
from botocore.exceptions import ClientError, HTTPClientError
from proxied import client_of, proxied

from assetstore_r2.testing import (
    Answer,
    Delay,
    ErrorBody,
    ExpireCredentials,
    Fault,
    FaultProxy,
    FlipBit,
    LoseResponse,
    Request,
    Reset,
    Shorten,
    Stall,
    Status,
    Truncate,
)
from kept_ports import kept_port
from servers import S3Server

DATA = bytes(range(256)) * 1024


@pytest.fixture(params=["seaweedfs", "emulator"])
def server(request: pytest.FixtureRequest) -> S3Server:
    """Give each server in turn."""
    found: S3Server = request.getfixturevalue(request.param)
    return found


@contextmanager
def stored(server: S3Server, key: str, data: bytes = DATA) -> Iterator[Any]:
    """Store an asset, and give a client that reaches the server without a proxy."""
    with client_of(server) as client:
        client.put_object(Bucket=server.bucket, Key=key, Body=data)
        yield client


@contextmanager
def answer_to(url: str, method: str = "GET") -> Iterator[http.client.HTTPResponse]:
    """Return the response to a plain request."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=600)
    try:
        connection.request(method, f"{parts.path}?{parts.query}")
        with connection.getresponse() as answer:
            yield answer
    finally:
        connection.close()


def signed(client: Any, key: str) -> str:
    """Return the signed URL of a GET."""
    url: str = client.generate_presigned_url("get_object", {"Bucket": "assets", "Key": key})
    return url


def keys(client: Any, prefix: str) -> list[str]:
    """List what is stored under a prefix."""
    return [item["Key"] for item in client.list_objects_v2(Bucket="assets", Prefix=prefix).get("Contents", [])]


def put(client: Any, key: str, data: bytes = DATA) -> Any:
    """Store by one request."""
    return client.put_object(Bucket="assets", Key=key, Body=data)


def test_signatures_hold_behind_the_proxy(server: S3Server, unique_prefix: str) -> None:
    """A client signs for the proxy's address, and both servers accept that: for headers, odd keys and signed URLs."""
    key = f"{unique_prefix}a b+ü%2F'(1)*.txt"
    with proxied(server) as (proxy, client):
        put(client, key)
        assert DATA == client.get_object(Bucket="assets", Key=key)["Body"].read()
        assert [key] == keys(client, unique_prefix)
        with answer_to(signed(client, key)) as answer:
            assert DATA == answer.read()
        assert len(DATA) == client.head_object(Bucket="assets", Key=key)["ContentLength"]
        assert [200] * 5 == [request.status for request in proxy.requests]


def test_a_wrong_signature_is_refused_behind_the_proxy(server: S3Server) -> None:
    """The proxy does not weaken the check."""
    with (
        FaultProxy(server.endpoint_url) as proxy,
        client_of(server, proxy.url, aws_secret_access_key="0" * 64) as client,
        pytest.raises(ClientError, match="SignatureDoesNotMatch"),
    ):
        put(client, "a")


@pytest.mark.parametrize("count", [0, 1, 70_000])
def test_truncate_ends_an_answer_early(seaweedfs: S3Server, unique_prefix: str, count: int) -> None:
    """Exactly the first bytes are received, with the head of the whole."""
    with (
        stored(seaweedfs, f"{unique_prefix}a"),
        proxied(seaweedfs, Truncate(after=count)) as (_, client),
        answer_to(signed(client, f"{unique_prefix}a")) as answer,
        pytest.raises(http.client.IncompleteRead) as cut,
    ):
        answer.read()
    assert (str(len(DATA)), DATA[:count]) == (answer.headers["content-length"], cut.value.partial)


def test_reset_ends_an_answer_by_a_reset(seaweedfs: S3Server, unique_prefix: str) -> None:
    """The client meets a connection that was reset, not one that ended."""
    with (
        stored(seaweedfs, f"{unique_prefix}a"),
        proxied(seaweedfs, Reset(after=1000)) as (_, client),
        pytest.raises(ConnectionResetError),
        answer_to(signed(client, f"{unique_prefix}a")) as answer,
    ):
        answer.read()


def test_shorten_corrects_the_length(seaweedfs: S3Server, unique_prefix: str) -> None:
    """The response is complete for HTTP, and its ETag is that of the full asset."""
    with stored(seaweedfs, f"{unique_prefix}a") as direct, proxied(seaweedfs, Shorten(after=1000)) as (_, client):
        answer = client.get_object(Bucket="assets", Key=f"{unique_prefix}a")
        assert DATA[:1000] == answer["Body"].read()
        assert direct.head_object(Bucket="assets", Key=f"{unique_prefix}a")["ETag"] == answer["ETag"]


def test_stall_sends_nothing_more(seaweedfs: S3Server, unique_prefix: str) -> None:
    """After the first bytes nothing is sent until the client gives up; closing the proxy does not wait."""
    with (
        stored(seaweedfs, f"{unique_prefix}a"),
        proxied(seaweedfs, Stall(after=1000)) as (_, client),
        answer_to(signed(client, f"{unique_prefix}a")) as answer,
    ):
        assert DATA[:1000] == answer.read(1000)
        # The timeout is shortened only now, because the first bytes may take their time.
        with socket.socket(fileno=os.dup(answer.fileno())) as rest:
            rest.settimeout(0.2)
            with pytest.raises(TimeoutError):
                rest.recv(1)


@pytest.mark.parametrize("fault", [Stall(after=9, seconds=0.01), Delay(seconds=0.01)], ids=["stall", "delay"])
@pytest.mark.parametrize("direction", ["request", "response"])
def test_what_is_only_late_comes_whole(seaweedfs: S3Server, unique_prefix: str, fault: Fault, direction: Any) -> None:
    """Slowness changes no byte in either direction."""
    with proxied(seaweedfs, attrs.evolve(fault, times=None, direction=direction)) as (_, client):
        put(client, f"{unique_prefix}a")
        assert DATA == client.get_object(Bucket="assets", Key=f"{unique_prefix}a")["Body"].read()


def test_one_bit_is_flipped_and_the_seed_decides_which(seaweedfs: S3Server, unique_prefix: str) -> None:
    """The same seed flips the same bits; each exchange draws its own."""

    def damage(seed: int) -> list[int]:
        with proxied(seaweedfs, FlipBit(method="GET", times=None), seed=seed) as (_, client):
            bodies = [client.get_object(Bucket="assets", Key=f"{unique_prefix}a")["Body"].read() for _ in range(2)]
        return [int.from_bytes(body) ^ int.from_bytes(DATA) for body in bodies]

    with stored(seaweedfs, f"{unique_prefix}a"):
        first = damage(1)
        assert [1, 1] == [flipped.bit_count() for flipped in first]
        assert first[0] != first[1]
        assert (first, True) == (damage(1), first != damage(2))


def test_a_chosen_bit_is_flipped(seaweedfs: S3Server, unique_prefix: str) -> None:
    """Bits are counted through the body from the lowest of the first byte."""
    with stored(seaweedfs, f"{unique_prefix}a", b"\0\0\0"), proxied(seaweedfs, FlipBit(bit=9)) as (_, client):
        assert b"\0\x02\0" == client.get_object(Bucket="assets", Key=f"{unique_prefix}a")["Body"].read()


def test_a_bit_flipped_on_the_way_up_is_found_by_the_server(seaweedfs: S3Server, unique_prefix: str) -> None:
    """The upstream server gets the damaged body, which does not match its digest."""
    digest = base64.b64encode(hashlib.md5(DATA).digest()).decode()
    with proxied(seaweedfs, FlipBit(direction="request")) as (proxy, client):
        with pytest.raises(ClientError, match="BadDigest"):
            client.put_object(Bucket="assets", Key=f"{unique_prefix}a", Body=DATA, ContentMD5=digest)
        assert [] == keys(client, unique_prefix)
    assert [400, 200] == [request.status for request in proxy.requests]


@pytest.mark.parametrize("kind", [Reset, Truncate])
@pytest.mark.parametrize("count", [0, 100_000, len(DATA)])
def test_a_cut_request_is_never_carried_out(seaweedfs: S3Server, unique_prefix: str, kind: Any, count: int) -> None:
    """However much of it passed, the client loses the connection and nothing is stored."""
    with proxied(seaweedfs, kind(after=count, direction="request")) as (proxy, client):
        with pytest.raises(HTTPClientError):
            put(client, f"{unique_prefix}a")
        assert [] == keys(client, unique_prefix)
    assert [None, 200] == [request.status for request in proxy.requests]


def test_a_cut_request_without_a_body_is_never_carried_out(seaweedfs: S3Server, unique_prefix: str) -> None:
    """Nothing of it reaches the server."""
    with stored(seaweedfs, f"{unique_prefix}a"), proxied(seaweedfs, Reset(direction="request")) as (_, client):
        with pytest.raises(HTTPClientError):
            client.delete_object(Bucket="assets", Key=f"{unique_prefix}a")
        assert [f"{unique_prefix}a"] == keys(client, unique_prefix)


@pytest.mark.parametrize("fault", [LoseResponse(), LoseResponse(reset=True)], ids=["closed", "reset"])
def test_a_lost_response_is_one_of_a_request_that_was_carried_out(
    seaweedfs: S3Server, unique_prefix: str, fault: Fault
) -> None:
    """The client loses the connection, the asset is stored, and the log has the lost status."""
    with proxied(seaweedfs, fault) as (proxy, client):
        with pytest.raises(HTTPClientError):
            put(client, f"{unique_prefix}a")
        assert [f"{unique_prefix}a"] == keys(client, unique_prefix)
    assert [(200, fault), (200, None)] == [(request.status, request.fault) for request in proxy.requests]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", [Status, ErrorBody])
def test_an_error_comes_instead_of_the_work_or_behind_it(
    seaweedfs: S3Server, unique_prefix: str, kind: Any, late: bool
) -> None:
    """Only with ``late`` is the asset stored."""
    with proxied(seaweedfs, kind(late=late)) as (_, client):
        with answer_to(
            client.generate_presigned_url("put_object", {"Bucket": "assets", "Key": f"{unique_prefix}a"}), "PUT"
        ) as answer:
            assert answer.read().startswith(b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>')
        assert ([f"{unique_prefix}a"] if late else []) == keys(client, unique_prefix)


@pytest.mark.parametrize(
    ("status", "code"), [(429, "TooManyRequests"), (500, "InternalError"), (503, "ServiceUnavailable"), (503, "SlowDown")]
)
def test_a_status_is_answered_in_r2s_words(seaweedfs: S3Server, status: int, code: str) -> None:
    """An S3 client reads status and code from it."""
    chosen = code if code == "SlowDown" else None
    with proxied(seaweedfs, Status(status=status, code=chosen)) as (_, client), pytest.raises(ClientError) as refused:
        client.list_buckets()
    answer = refused.value.response
    assert (status, code) == (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"])


def test_retry_after_has_three_forms(seaweedfs: S3Server) -> None:
    """Seconds, a date relative to the response's own, and milliseconds in Amazon's header."""

    def headers(form: Any) -> Any:
        with proxied(seaweedfs, Status(retry_after=2.0, form=form)) as (proxy, _), answer_to(proxy.url) as answer:
            return answer.headers

    assert "2" == headers("seconds")["retry-after"]
    assert "2000" == headers("milliseconds")["x-amz-retry-after"]
    dated = headers("date")
    assert 2 == (parsedate_to_datetime(dated["retry-after"]) - parsedate_to_datetime(dated["date"])).total_seconds()


def test_a_false_success_may_have_any_body(seaweedfs: S3Server) -> None:
    """200 with a captive portal's page, or with nothing."""
    for body in (b"", b"<html>log in</html>"):
        with proxied(seaweedfs, ErrorBody(body=body)) as (proxy, _), answer_to(proxy.url) as answer:
            assert (200, body) == (answer.status, answer.read())


def test_each_credential_expires_after_so_many_requests(seaweedfs: S3Server, unique_prefix: str) -> None:
    """The first is refused from its third request on; another is counted separately."""
    with proxied(seaweedfs, ExpireCredentials(requests=2)) as (proxy, client):
        for _ in range(2):
            keys(client, unique_prefix)
        for _ in range(2):
            with pytest.raises(ClientError, match="Unauthorized"):
                keys(client, unique_prefix)
        with (
            client_of(seaweedfs, proxy.url, aws_access_key_id="another") as stranger,
            pytest.raises(ClientError, match="InvalidAccessKeyId"),
        ):
            keys(stranger, unique_prefix)


@pytest.mark.parametrize(
    ("faults", "struck"),
    [
        ([Status(status=500)], [500, 0, 0, 0, 0]),
        ([Status(status=500, nth=3)], [0, 0, 500, 0, 0]),
        ([Status(status=500, nth=2, times=2)], [0, 500, 500, 0, 0]),
        ([Status(status=500, nth=4, times=None)], [0, 0, 0, 500, 500]),
        ([Status(status=500), Status(status=503, times=2)], [500, 503, 503, 0, 0]),
        ([Status(status=500, nth=2), Status(status=503, nth=2)], [0, 500, 503, 0, 0]),
        ([Status(status=500, method="PUT"), Status(status=503, target=r"/other$")], [0, 0, 0, 0, 0]),
        ([Status(status=500, method="GET", target=r"^/assets\?x=[24]", times=None)], [0, 500, 0, 500, 0]),
    ],
)
def test_each_request_goes_down_the_list_until_a_fault_strikes(
    seaweedfs: S3Server, faults: list[Fault], struck: list[int]
) -> None:
    """The list alone decides which fault strikes which request."""
    with proxied(seaweedfs, *faults) as (proxy, _):
        for number in range(1, 6):
            with answer_to(f"{proxy.url}/assets?x={number}") as answer:
                answer.read()
    assert struck == [request.status if request.fault else 0 for request in proxy.requests]


def test_faults_can_be_changed_and_are_then_counted_anew(seaweedfs: S3Server) -> None:
    """A test can prepare without faults, inject some, then look at the outcome without faults."""
    with proxied(seaweedfs) as (proxy, client):
        client.list_buckets()
        for _ in range(2):
            proxy.inject(Status(status=500))
            with pytest.raises(ClientError):
                client.list_buckets()
        proxy.inject()
        client.list_buckets()
    assert [200, 500, 500, 200] == [request.status for request in proxy.requests]


def test_a_fault_of_ones_own(seaweedfs: S3Server) -> None:
    """A subclass may change responses as it likes."""

    class Teapot(Fault):
        def amend(self, request: Request, answer: Answer) -> Answer:
            return attrs.evolve(answer, status=418)

    with proxied(seaweedfs, Teapot()) as (proxy, _), answer_to(proxy.url) as answer:
        assert 418 == answer.status


def test_the_log_tells_neither_key_id_nor_signature(seaweedfs: S3Server, unique_prefix: str) -> None:
    """Signatures are replaced by ***; headers are not kept."""
    with stored(seaweedfs, f"{unique_prefix}a"), proxied(seaweedfs) as (proxy, client):
        url = signed(client, f"{unique_prefix}a")
        with answer_to(url) as answer:
            answer.read()
        put(client, f"{unique_prefix}a")
    signature = url.partition("X-Amz-Signature=")[2].partition("&")[0]
    text = repr(proxy.requests)
    assert len(signature) >= 40
    assert [] == [secret for secret in (signature, seaweedfs.access_key, seaweedfs.secret_key) if secret in text]
    assert "X-Amz-Signature=***" in text


def test_a_request_shows_no_secret() -> None:
    """A fault of one's own may print requests and responses."""
    request = Request(
        method="GET",
        target="/a?X-Amz-Credential=id%2F20260101&X-Amz-Signature=feed&X-Amz-Security-Token=beef&X-Amz-Expires=60",
        fields=(("authorization", "AWS4-HMAC-SHA256 Credential=id/20260101, Signature=cafe"),),
    )
    starred = "X-Amz-Credential=***&X-Amz-Signature=***&X-Amz-Security-Token=***&X-Amz-Expires=60"
    assert f"Request(method='GET', target='/a?{starred}')" == repr(request)
    assert "id" == request.credential[0]


def test_the_log_has_the_times_of_its_own_clock(seaweedfs: S3Server) -> None:
    """A test can look at the time between two requests without a clock of its own."""
    ticks = iter(range(10, 100, 10))
    with proxied(seaweedfs, clock=lambda: float(next(ticks))) as (proxy, client):
        client.list_buckets()
        client.list_buckets()
    assert [10.0, 20.0] == [request.at for request in proxy.requests]


def rest_of(connection: socket.socket) -> bytes:
    """Return what comes until the other side ends the connection, by a reset if it has not read or accepted all of it."""
    rest = b""
    with connection, suppress(ConnectionResetError):
        while data := connection.recv(1000):
            rest += data
    return rest


def test_threads_and_connections_end_with_the_proxy(seaweedfs: S3Server, unique_prefix: str) -> None:
    """Stalled, idle and half-sent connections are closed, and their threads end with the block."""
    before = set(threading.enumerate())
    with stored(seaweedfs, f"{unique_prefix}a") as client, FaultProxy(seaweedfs.endpoint_url, [Stall()]) as proxy:
        parts = urlsplit(proxy.url)
        sockets = [socket.create_connection((parts.hostname, parts.port), timeout=600) for _ in range(3)]
        sockets[0].sendall(b"GET /assets/a HTTP/1.1\r\nhost: x\r\n\r\n")
        assert sockets[0].recv(12).startswith(b"HTTP/1.1 ")
        sockets[1].sendall(b"GET /assets/a HT")
        client.list_buckets()
    rest = [rest_of(left) for left in sockets]
    # Of those that were there before, which other tests may have left, some may have ended.
    assert ([b"", b""], set()) == (rest[1:], set(threading.enumerate()) - before)


def test_a_body_that_is_announced_waits_for_the_go(seaweedfs: S3Server) -> None:
    """``Expect: 100-continue`` is answered, so that no client waits a second."""
    with proxied(seaweedfs, Status(status=500)) as (proxy, _):
        parts = urlsplit(proxy.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=600) as connection:
            connection.sendall(b"PUT /assets/a HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
            connection.sendall(b"abc")
            assert connection.recv(1000).startswith(b"HTTP/1.1 500 ")


def test_a_body_in_chunks_passes(seaweedfs: S3Server, unique_prefix: str) -> None:
    """A request without Content-Length reaches the server as it was sent."""
    with proxied(seaweedfs) as (_, client):
        url = urlsplit(client.generate_presigned_url("put_object", {"Bucket": "assets", "Key": f"{unique_prefix}a"}))
        connection = http.client.HTTPConnection(url.netloc, timeout=600)
        connection.request("PUT", f"{url.path}?{url.query}", iter([b"ab", b"c"]), encode_chunked=True)
        assert 200 == connection.getresponse().status
        connection.close()
        assert b"abc" == client.get_object(Bucket="assets", Key=f"{unique_prefix}a")["Body"].read()


def test_a_server_that_is_away_looks_like_a_broken_connection() -> None:
    """The proxy invents no response; the log has the request without a status."""
    with (
        kept_port() as port,
        FaultProxy(f"http://127.0.0.1:{port}") as proxy,
        pytest.raises(http.client.RemoteDisconnected),
        answer_to(proxy.url),
    ):
        pass
    assert [None] == [request.status for request in proxy.requests]


def test_a_mistake_in_a_personality_is_raised(seaweedfs: S3Server) -> None:
    """It is not taken for a network fault."""

    class Broken:
        def before(self, request: Request) -> Answer | None:
            raise ZeroDivisionError

        def after(self, request: Request, answer: Answer) -> Answer:
            return answer

    with (
        pytest.raises(ZeroDivisionError),
        FaultProxy(seaweedfs.endpoint_url, personality=Broken()) as proxy,
        pytest.raises(http.client.RemoteDisconnected),
        answer_to(proxy.url),
    ):
        pass


@pytest.mark.parametrize("url", ["https://127.0.0.1", "127.0.0.1:9000", "http://"])
def test_an_upstream_that_cannot_be_asked_is_refused(url: str) -> None:
    """A server with TLS would need another Host header than the signed one."""
    with pytest.raises(ValueError, match="upstream"):
        FaultProxy(url)


def test_the_test_kit_alone_needs_no_h11() -> None:
    """Only importing the proxy loads h11."""
    program = "import sys; import assetstore.testing; print('h11' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "False" == done.stdout.strip()
