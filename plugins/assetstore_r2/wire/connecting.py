"""Opens connections: TCP, TLS with the machine's authorities, and the tunnel through a proxy."""

from __future__ import annotations

import base64
import functools
import importlib
import importlib.util
import os
import selectors
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from assetstore.plugin import ConfigError, PerProcess
from assetstore_r2.deadline import Deadline
from assetstore_r2.wire.errors import NotHttpError, NotSentError, UntrustedError
from assetstore_r2.wire.head import find_end, parse

if TYPE_CHECKING:
    import ssl

PORTS = {"http": 80, "https": 443}
_BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
_MAKING = PerProcess(threading.RLock)
"""Held while a context is made: of threads that begin at once, each would read all authorities."""


def connect(to: SplitResult, proxy: SplitResult | None, timeout: float, limit: Deadline) -> Any:
    """Return a connected socket, with TLS where ``to`` is https.

    Raises:
        NotSentError: there is no connection.
        UntrustedError: the certificate is not trusted.
    """
    first = proxy or to
    name = "the endpoint" if proxy is None else "the proxy"
    plain = reach(first, name, timeout, limit)
    try:
        connected = _secured(plain, first, timeout, limit) if first.scheme == "https" else plain
        if proxy is not None and to.scheme == "https":
            _tunnel(connected, to, proxy, timeout, limit)
            connected = _secured(connected, to, timeout, limit)
    except OSError as error:
        plain.close()
        limit.left()
        raise NotSentError(f"the connection to {name} broke before anything was sent") from error
    except BaseException:
        plain.close()
        raise
    finally:
        limit.unwatch(plain)
    return connected


def reach(to: SplitResult, name: str, timeout: float, limit: Deadline) -> socket.socket:
    """Return a TCP connection to the first address of a host that answers; cancelling the operation ends the wait."""
    problem: Exception | None = None
    try:
        found = socket.getaddrinfo(_host(to), to.port or PORTS[to.scheme], type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSentError(f"{name} cannot be reached: its name has no address") from error
    for family, _, _, _, address in found:
        plain = make_socket(family)
        limit.watch(plain)
        try:
            plain.settimeout(min(timeout, limit.left()))
            plain.connect(address)
        except OSError as error:
            problem = error
        except BaseException:  # the time is over, or the operation was cancelled
            limit.unwatch(plain)
            plain.close()
            raise
        else:
            return plain
        limit.unwatch(plain)
        plain.close()
        limit.left()
    raise NotSentError(f"{name} cannot be reached") from problem


def _host(to: SplitResult) -> str | bytes | None:
    """Return the host. As bytes it does not load the codec of other alphabets, which takes longer than a handshake."""
    name = to.hostname
    return name.encode() if name is not None and name.isascii() else name


def make_socket(family: int) -> socket.socket:
    """Return a TCP socket with the settings of all our connections."""
    plain = socket.socket(family, socket.SOCK_STREAM)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return plain


def _secured(plain: socket.socket, to: SplitResult, timeout: float, limit: Deadline) -> Any:
    import ssl

    context = trusted()
    # Wrapping takes the descriptor away from the socket that is watched.
    watched = socket.fromfd(plain.fileno(), plain.family, plain.type)
    limit.watch(watched)
    try:
        plain.settimeout(min(timeout, limit.left()))
        return context.wrap_socket(plain, server_hostname=_host(to))
    except ssl.SSLCertVerificationError as error:
        raise UntrustedError("the TLS certificate is not trusted") from error
    finally:
        limit.unwatch(watched)
        watched.close()


def begin_tls(opening: Any, to: SplitResult) -> tuple[Any, int]:
    """Go on with opening a connection that does not wait; return it, and what to wait for, 0 once it is open.

    Raises:
        OSError: there is no connection, or the certificate is not trusted.
    """
    if problem := opening.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(problem, os.strerror(problem))
    if to.scheme != "https":
        return opening, 0
    import ssl

    if not isinstance(opening, ssl.SSLSocket):
        opening = trusted().wrap_socket(opening, server_hostname=_host(to), do_handshake_on_connect=False)
    try:
        opening.do_handshake()
    except ssl.SSLWantReadError:
        return opening, selectors.EVENT_READ
    except ssl.SSLWantWriteError:
        return opening, selectors.EVENT_WRITE
    except OSError:
        opening.close()  # who called has the socket below, which is none any more
        raise
    return opening, 0


def trusted() -> ssl.SSLContext:
    """Return the context with the authorities that the environment names.

    Raises:
        ConfigError: it names a file that has none.
    """
    name = next((name for name in _BUNDLES if os.environ.get(name)), None)
    try:
        with _MAKING.get():
            return tls_context(name and os.environ[name])
    except OSError as error:
        raise ConfigError(f"{name} must name a file with certificates in PEM form") from error


@functools.lru_cache(maxsize=8)
def tls_context(bundle: str | None = None) -> ssl.SSLContext:
    """Return the context that all connections share, because making one takes as long as a hundred requests.

    The authorities are those of ``bundle``, or of ``SSL_CERT_FILE``, of the system, or of certifi where the system has none.
    """
    import ssl

    paths = ssl.get_default_verify_paths()
    has_own = paths.cafile is not None or (paths.capath is not None and bool(os.listdir(paths.capath)))
    if bundle is None and not has_own and importlib.util.find_spec("certifi") is not None:
        bundle = importlib.import_module("certifi").where()
    context = ssl.create_default_context(cafile=bundle)
    # Python 3.13 demands extensions that private authorities seldom have; like botocore, do without.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    return context


def _tunnel(connected: Any, to: SplitResult, proxy: SplitResult, timeout: float, limit: Deadline) -> None:
    """Ask a proxy for a tunnel (RFC 9110, 9.3.6)."""
    host = f"[{to.hostname}]" if ":" in (to.hostname or "") else to.hostname
    target = f"{host}:{to.port or PORTS[to.scheme]}"
    lines = [f"CONNECT {target} HTTP/1.1", f"host: {target}"]
    lines += [f"{name}: {value}" for name, value in proxy_headers(proxy).items()]
    connected.sendall("\r\n".join((*lines, "", "")).encode("latin-1"))
    data = b""
    try:
        while not (end := find_end(data)):
            connected.settimeout(min(timeout, limit.left()))
            more = connected.recv(4096)
            if not more:
                raise NotSentError("the proxy ended the connection")
            data += more
        status = parse(data[:end], "HEAD").status
    except NotHttpError as error:
        raise NotSentError("the proxy does not speak HTTP") from error
    if not 200 <= status < 300:
        raise NotSentError(f"the proxy refused to connect with status {status}")


def proxy_headers(proxy: SplitResult) -> dict[str, str]:
    """Return the header by which a request names the user of a proxy."""
    if proxy.username is None:
        return {}
    user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"proxy-authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}


def find_proxy(to: SplitResult) -> SplitResult | None:
    """Return the proxy that the environment names for a URL; ``None`` if there is none, or ``NO_PROXY`` names the host.

    Raises:
        ConfigError: the proxy is of another kind, for example SOCKS, or its URL, which is not shown, is none. TLS through a
            proxy that is itself reached by TLS is not spoken.
    """
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    name = to.scheme if proxies.get(to.scheme) else "all"
    url = proxies.get(name)
    if not url or proxy_bypass(to.netloc):
        return None
    try:
        proxy = urlsplit(url if "://" in url else f"http://{url}")
        spoken = proxy.scheme == "http" or (proxy.scheme == "https" and to.scheme == "http")
        if spoken and proxy.hostname and proxy.port != 0:
            return proxy
    except ValueError:
        pass
    raise ConfigError(f"{name.upper()}_PROXY must be an http:// URL", hint="for another kind of proxy, set engine = 'boto3'")
