"""TLS: whose certificates are trusted, where authorities come from, and what TLS adds to the wire; proxies; IPv6."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import pytest
from authority import Authority
from odd_server import READ, READ_HEAD, RESET, STALL, odd_server, ok, request_of
from r2_stand_in import backend_at, get

from assetstore import AssetStoreError, BackendError, ConfigError, UnavailableError
from assetstore_r2.deadline import Deadline
from assetstore_r2.wire import connecting
from assetstore_r2.wire.errors import CancelledError, CutAnswerError, NotSentError, TooSlowError, UntrustedError
from assetstore_r2.wire.pool import Pool

HOST = {"host": "localhost"}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the machine's proxies and authorities, and forget the contexts that others made."""
    for name in (*PROXIES, *BUNDLES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    connecting.tls_context.cache_clear()
    yield
    connecting.tls_context.cache_clear()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give an authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Trust the authority, and give the context of a server that it vouches for."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    return authority.server("localhost", "127.0.0.1", "::1")


@pytest.mark.usefixtures("trusted")
def test_cancelling_ends_a_handshake() -> None:
    """A server that takes the connection and never answers the handshake holds no cancelled operation back."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as threads:
        limit = Deadline()
        to = urlsplit(f"https://127.0.0.1:{server.getsockname()[1]}")
        connected = threads.submit(connecting.connect, to, None, 600, limit)
        peer, _ = server.accept()
        with peer:
            assert peer.recv(1)  # the handshake has begun
            limit.cancel()
            with pytest.raises(CancelledError):
                connected.result(600)


@contextmanager
def pool_at(url: str) -> Iterator[Pool]:
    """Give a pool and close it."""
    pool = Pool(url=url)
    try:
        yield pool
    finally:
        pool.close()


def body(pool: Pool, method: str = "GET", data: bytes = b"") -> bytes:
    """Send a request and return the body of the answer."""
    return pool.send(method, "/", HOST, data).read()


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_authority_is_trusted_that_the_environment_names(
    name: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A private authority is set as for botocore, or as for OpenSSL."""
    monkeypatch.setenv(name, str(authority.bundle))
    with odd_server((READ, ok(), STALL), tls=authority.server("127.0.0.1")) as server, pool_at(server.url) as pool:
        assert b"ok" == body(pool)


@pytest.mark.parametrize("engine", ["wire", "boto3"])
def test_an_authority_may_lack_the_extensions_of_public_ones(
    engine: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both engines trust what a private authority signs, on every Python: from 3.13 on it asks for more by itself."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    with odd_server((READ, ok(b"ok", 'etag: "a"'), STALL), tls=authority.server("127.0.0.1")) as server:
        backend = backend_at(server.url, engine=engine)
        assert b"ok" == get(backend, "a")
        backend.assetstore_close()


def test_the_bundle_of_aws_goes_before_that_of_openssl(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is set for this service alone counts."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path, "another").bundle))
    with odd_server((READ, ok(), STALL), tls=authority.server("127.0.0.1")) as server, pool_at(server.url) as pool:
        assert b"ok" == body(pool)


def test_threads_that_begin_at_once_read_the_authorities_once(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """All wait for the context that the first one makes, which takes as long as a hundred requests."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    together = threading.Barrier(8)

    def context(_: int) -> ssl.SSLContext:
        together.wait(600)
        return connecting.trusted()

    with ThreadPoolExecutor(8) as pool:
        assert 1 == len(set(pool.map(context, range(8))))


def test_certifi_is_the_list_where_the_system_has_none(tmp_path: Path) -> None:
    """Some installations of Python have no authorities of the system; botocore's requirement certifi has them."""
    program = "from assetstore_r2.wire.connecting import tls_context; print(len(tls_context().get_ca_certs()) > 9)"
    nowhere = {"SSL_CERT_FILE": str(tmp_path / "none.pem"), "SSL_CERT_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **nowhere}, capture_output=True, text=True, check=True
    )
    assert "True" == done.stdout.strip()


@pytest.mark.parametrize(
    ("host", "ends", "known"),
    [
        ("127.0.0.1", -1, True),
        ("another.example", 1, True),
        ("127.0.0.2", 1, True),
        ("127.0.0.1.example", 1, True),
        ("127.0.0.1", 1, False),
    ],
    ids=["expired", "another host", "another address", "a host named like the address", "an unknown authority"],
)
def test_a_certificate_that_proves_nothing_is_refused(
    host: str, ends: int, known: bool, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent to a server that does not prove who it is, and nothing is in doubt."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    context = (authority if known else Authority(tmp_path, "another")).server(host, ends=ends)
    with odd_server((READ, ok(), STALL), tls=context) as server, pool_at(server.url) as pool:
        with pytest.raises(UntrustedError) as caught:
            body(pool, "PUT", b"secret")
        assert not caught.value.assetstore_doubt
        assert [] == server.requests


@pytest.mark.parametrize("engine", ["wire", "boto3"])
def test_an_untrusted_certificate_is_one_error(
    engine: str, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both engines say what to set, and do not try again."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    context = Authority(tmp_path, "another").server("127.0.0.1")
    with odd_server((READ, ok(), STALL), tls=context) as server:
        backend = backend_at(server.url, engine=engine)
        with pytest.raises(BackendError, match="certificate is not trusted") as caught:
            get(backend, "a")
        backend.assetstore_close()
        assert "AWS_CA_BUNDLE" in str(caught.value.hint)
        assert 1 == server.connections


def test_a_self_signed_certificate_is_refused_unless_it_is_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service on one's own machine signs for itself: its certificate is trusted by name, never by chance."""
    alone = Authority(tmp_path, "alone")
    with odd_server((READ, ok(), STALL), tls=alone.itself("127.0.0.1")) as server, pool_at(server.url) as pool:
        with pytest.raises(UntrustedError):
            body(pool)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(alone.own))
        assert b"ok" == body(pool)


@pytest.mark.parametrize("path", ["missing.pem", "empty.pem", "odd.pem"])
def test_a_bundle_that_cannot_be_read_is_an_error(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped path is said as such: nobody looks for it in the network."""
    (tmp_path / "empty.pem").touch()
    (tmp_path / "odd.pem").write_text("no certificate")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / path))
    with odd_server((STALL,)) as server:
        backend = backend_at(server.url.replace("http", "https"))
        with pytest.raises(ConfigError, match="AWS_CA_BUNDLE must"):
            get(backend, "a")
        backend.assetstore_close()


def test_a_plain_server_where_tls_was_asked_for_is_not_reached(trusted: ssl.SSLContext) -> None:
    """A server that does not speak TLS gets no request."""
    assert trusted
    with odd_server((ok(),)) as server, pool_at(server.url.replace("http", "https")) as pool, pytest.raises(NotSentError):
        body(pool)


def test_a_handshake_that_stalls_ends_with_the_deadline(trusted: ssl.SSLContext) -> None:
    """A server that accepts a connection and is silent costs the time of the operation."""
    assert trusted
    with (
        odd_server((STALL,)) as server,
        pool_at(server.url.replace("http", "https")) as pool,
        pytest.raises(TooSlowError),
        Deadline(0.3),
    ):
        body(pool)


def test_requests_follow_each_other_on_one_connection(trusted: ssl.SSLContext) -> None:
    """The tickets that a server sends after the handshake are no reason to drop a connection."""
    with (
        odd_server((READ, ok(b"1"), READ, ok(b"2"), READ, ok(b"3"), STALL), tls=trusted) as server,
        pool_at(server.url) as pool,
    ):
        assert [b"1", b"2", b"3"] == [body(pool), body(pool, "PUT", bytes(1 << 20)), body(pool, "DELETE")]
        assert 1 == server.connections


def test_bytes_after_a_body_do_not_become_the_next_answer(trusted: ssl.SSLContext) -> None:
    """TLS decrypts whole records: what follows the body is in memory, where no look at the socket finds it."""
    with (
        odd_server((READ, ok() + ok(b"poison"), READ, STALL), (READ, ok(b"2"), STALL), tls=trusted) as server,
        pool_at(server.url) as pool,
    ):
        answer = pool.send("GET", "/", HOST)
        assert b"ok" == answer.read()
        assert b"2" == body(pool)
        assert 2 == server.connections


def test_large_bytes_after_a_body_do_not_become_the_next_answer(trusted: ssl.SSLContext) -> None:
    """The same where the body is longer than what one call receives."""
    large = bytes(100_000)
    with (
        odd_server((READ, ok(large) + ok(b"poison"), READ, STALL), (READ, ok(b"2"), STALL), tls=trusted) as server,
        pool_at(server.url) as pool,
    ):
        answer = pool.send("GET", "/", HOST)
        assert large == b"".join(iter(lambda: answer.read(1_000), b""))
        assert b"2" == body(pool)


@pytest.mark.parametrize("after", [(), (RESET,), (STALL,)], ids=["closes", "resets", "stays"])
def test_an_answer_before_the_body_is_out_is_read(after: tuple[object, ...], trusted: ssl.SSLContext) -> None:
    """A refusal by the head alone is understood over TLS too."""
    refusal = ok(b"<Error/>", status="403 Forbidden")
    with (
        odd_server((READ_HEAD, refusal, *after), (READ, ok(b"2"), STALL), tls=trusted) as server,
        pool_at(server.url) as pool,
        Deadline(600),
    ):
        answer = pool.send("PUT", "/", HOST, bytes(32 << 20))
        assert (403, False) == (answer.status, answer.sent_whole)
        answer.close()
        assert b"2" == body(pool)


def test_an_end_without_a_goodbye_is_no_whole_body(trusted: ssl.SSLContext) -> None:
    """An attacker can end a connection: a body with a length is known to be cut."""
    with odd_server((READ, ok(bytes(99))[:-1], RESET), tls=trusted) as server, pool_at(server.url) as pool:
        answer = pool.send("GET", "/", HOST)
        with pytest.raises(CutAnswerError):
            answer.read()


def test_64_threads_share_a_context_and_a_pool(trusted: ssl.SSLContext) -> None:
    """Each thread gets its own answer over its own connection."""
    with (
        odd_server(*[(READ, ok(b"%d" % number), STALL) for number in range(64)], tls=trusted) as server,
        pool_at(server.url) as pool,
        ThreadPoolExecutor(64) as threads,
    ):
        together = threading.Barrier(64)

        def work(_: int) -> bytes:
            together.wait()
            answer = pool.send("GET", "/", HOST)
            together.wait()
            return answer.read()

        assert {b"%d" % number for number in range(64)} == set(threads.map(work, range(64)))


@pytest.mark.parametrize("secure", [True, False])
def test_ipv6_is_spoken(secure: bool, trusted: ssl.SSLContext) -> None:
    """A service may have an address of the new kind alone."""
    with (
        odd_server((READ, ok(), STALL), tls=trusted if secure else None, host="::1") as server,
        pool_at(server.url) as pool,
    ):
        assert b"ok" == body(pool)


@attrs.define(eq=False)
class Proxy:
    """Attributes:
    port: where it listens.
    asked: the heads of the requests that it got.
    answer: what it answers to CONNECT, if it does not connect.
    """

    port: int
    asked: list[bytes] = attrs.field(factory=list)
    answer: bytes = b""

    @property
    def url(self) -> str:
        """Its URL without a user."""
        return f"http://127.0.0.1:{self.port}"

    def serve(self, client: socket.socket) -> None:
        """Connect a client as it asks."""
        with client, suppress(OSError, EOFError):
            request = request_of(client, whole=False)
            self.asked.append(request)
            if self.answer:
                client.sendall(self.answer)
                return
            target = request.split()[1].decode().removeprefix("http://").partition("/")[0]
            host, _, port = target.rpartition(":")
            with socket.create_connection((host.strip("[]"), int(port))) as server:
                if request.startswith(b"CONNECT"):
                    client.sendall(b"HTTP/1.1 200 Connection established\r\nvia: 1.1 proxy\r\n\r\n")
                else:
                    server.sendall(request)
                there = threading.Thread(target=pump, args=(client, server))
                there.start()
                pump(server, client)
                there.join()


def pump(source: socket.socket, destination: socket.socket) -> None:
    """Copy bytes until the source ends."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            destination.sendall(data)
    for end in (source, destination):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Give an HTTP proxy."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Proxy(listener.getsockname()[1])
        threads: list[threading.Thread] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threads.append(threading.Thread(target=made.serve, args=(client,)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield made
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        for thread in threads:
            thread.join()


def test_a_proxy_is_asked_for_a_tunnel(proxy: Proxy, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent over TLS stays unread by the proxy, and a tunnel serves several requests."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with odd_server((READ, ok(b"1"), READ, ok(b"2"), STALL), tls=trusted) as server, pool_at(server.url) as pool:
        assert [b"1", b"2"] == [body(pool), body(pool, "PUT", b"data")]
    target = server.url.removeprefix("https://").encode()
    assert [f"CONNECT {target.decode()} HTTP/1.1"] == [asked.decode().partition("\r\n")[0] for asked in proxy.asked]
    assert b"proxy-authorization" not in proxy.asked[0].lower()


def test_a_tunnel_leads_to_an_address_of_the_new_kind(
    proxy: Proxy, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The brackets of IPv6 stay in what the proxy is asked for."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with odd_server((READ, ok(), STALL), tls=trusted, host="::1") as server, pool_at(server.url) as pool:
        assert b"ok" == body(pool)
    assert proxy.asked[0].startswith(b"CONNECT [::1]:")


def test_a_proxy_for_plain_http_gets_the_whole_url(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without TLS there is no tunnel."""
    monkeypatch.setenv("http_proxy", proxy.url)
    with odd_server((READ, ok(), STALL)) as server, pool_at(server.url) as pool:
        assert b"ok" == body(pool)
        assert proxy.asked[0].startswith(f"GET {server.url}/ HTTP/1.1".encode())


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("value", ["127.0.0.1", "example.com, 127.0.0.1", "*"])
def test_a_host_without_a_proxy_is_asked_itself(
    name: str, value: str, proxy: Proxy, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_PROXY is honoured."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv(name, value)
    with odd_server((READ, ok(), STALL), tls=trusted) as server, pool_at(server.url) as pool:
        assert b"ok" == body(pool)
    assert [] == proxy.asked


SECRET = "pa:ss w%ord"


@pytest.mark.parametrize("secure", [True, False])
def test_the_user_of_a_proxy_is_sent_to_it_alone(
    secure: bool, proxy: Proxy, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials in the proxy's URL are decoded, and the service does not see them."""
    url = f"http://me:{'pa%3Ass%20w%25ord'}@127.0.0.1:{proxy.port}"
    monkeypatch.setenv("HTTPS_PROXY" if secure else "http_proxy", url)
    with odd_server((READ, ok(), STALL), tls=trusted if secure else None) as server, pool_at(server.url) as pool:
        assert b"ok" == body(pool)
    assert f"proxy-authorization: Basic {base64.b64encode(f'me:{SECRET}'.encode()).decode()}".encode() in proxy.asked[0]
    assert not secure or b"proxy-authorization" not in server.requests[0]


REFUSALS = {
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n",
    "403": b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno",
    "502": b"HTTP/1.0 502 Bad Gateway\r\n\r\n",
    "nonsense": b"hello\r\n\r\n",
    "the end": b"HTTP/1.1 2",
}


@pytest.mark.parametrize("engine", ["wire", "boto3"])
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_proxy_that_does_not_connect_is_named_without_its_password(
    kind: str, engine: str, proxy: Proxy, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent to the service; neither message nor causes show the credentials."""
    assert trusted
    proxy.answer = REFUSALS[kind]
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:s3cr3t@127.0.0.1:{proxy.port}")
    backend = backend_at("https://127.0.0.1:1", engine=engine, max_attempts=1)
    with pytest.raises(UnavailableError) as caught:
        get(backend, "a")
    backend.assetstore_close()
    error: BaseException | None = caught.value
    if engine == "wire":
        assert "proxy" in str(error)
    while error is not None and (engine == "wire" or isinstance(error, AssetStoreError)):
        assert "s3cr3t" not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    "url",
    ["socks5://127.0.0.1:1", "ftp://127.0.0.1", "https://me:s3cr3t@127.0.0.1:1", "http://me:s3cr3t@127.0.0.1:port", "http://"],
)
def test_a_proxy_that_the_wire_does_not_speak_is_one_error(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its URL is not shown, because it may hold a password."""
    monkeypatch.setenv("HTTPS_PROXY", url)
    backend = backend_at("https://127.0.0.1:1")
    with pytest.raises(AssetStoreError, match="HTTPS_PROXY") as caught:
        get(backend, "a")
    backend.assetstore_close()
    assert "s3cr3t" not in repr(caught.value)


def test_a_proxy_that_stalls_ends_with_the_deadline(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the operation bounds the wait for a tunnel, too."""
    with odd_server((READ, b"HTTP/1.1 200", STALL)) as silent:
        monkeypatch.setenv("HTTPS_PROXY", silent.url)
        with pool_at("https://127.0.0.1:1") as pool, pytest.raises(TooSlowError), Deadline(0.3):
            body(pool)
