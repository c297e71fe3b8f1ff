"""A store for the tests of the command line: it holds foreign keys, signs URLs, offers a command, and gets into trouble."""

from __future__ import annotations

import hashlib
import logging
import signal
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, quote

import attrs

from assetstore import (
    AccessDeniedError,
    AssetInfo,
    BackendError,
    CheckReport,
    CheckStep,
    CredentialsError,
    Event,
    PresignedRequest,
    UnavailableError,
)
from assetstore.plugin import (
    ApplicationOptions,
    CheckOptions,
    DeleteOptions,
    PresignOptions,
    Source,
    StatOptions,
    UploadOptions,
    hookimpl,
    is_valid_key,
    stopping,
)
from assetstore.testing import MemoryBackend

SECRET = "hunter2-signature"
HOSTILE = (
    "/etc/canary",
    "../canary",
    "a/../../canary",
    "bell\x07\x1b]0;owned\x07",
    "csi\x9b31mred",
    "del\x7fete",
    "double//slash",
    "folder/",
    "good/one.txt",
    "good/right-to-left\u202egpj.exe",
    "line\nfeed\r",
    "link/out.txt",
    "lone\udc80surrogate",
)


@attrs.define(eq=False, kw_only=True)
class StubBackend(MemoryBackend):
    """Holds ``HOSTILE`` from the start, and looks every ``trouble`` in the eye."""

    location = "a stub\x1b[31m, here"
    supports = MemoryBackend.supports | {
        *("presign.method", "presign.expires", "presign.content_type", "application.interface")
    }

    trouble: str = ""
    base: str = "https://cdn.example"

    def __attrs_post_init__(self) -> None:
        for key in HOSTILE:
            data = b"hostile"
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            info = AssetInfo(key=key, size=len(data), digest=digest, metadata={"by": "\u202e"}, valid=is_valid_key(key))
            self._assets[key] = info, data

    @classmethod
    def from_url(cls, parts: SplitResult) -> dict[str, str]:
        """Take no path."""
        return {}

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo:
        """Send this process the signal that ``trouble`` names, and wait until the call is closed."""
        if self.trouble.startswith("SIG"):
            closed = threading.Event()
            with stopping(closed.set):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.Signals[self.trouble])
                assert closed.wait(600)
            raise UnavailableError("the call was closed")
        return super().assetstore_upload(key, source, options)

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo:
        """Fail as ``trouble`` says."""
        self._fail(key)
        return self._find(key)[0]

    @hookimpl
    def assetstore_check(self, options: CheckOptions) -> CheckReport:
        """Fail where the credentials are wrong."""
        step = CheckStep(name="stub", ok=self.trouble != "credentials", detail="as \x1btold", hint="make a new key")
        return CheckReport(steps=(step,))

    @hookimpl
    def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest:
        """Sign with the canary."""
        self._fail(key)
        end = datetime.now(UTC) + timedelta(seconds=options.expires)
        headers = {"content-type": options.content_type} if options.content_type else {}
        url = f"{self.base}/{quote(key)}?signature={SECRET}"
        return PresignedRequest(url=url, method=options.method, headers=headers, expires_at=end)

    @hookimpl
    def assetstore_application(self, options: ApplicationOptions) -> Any | None:
        """Honour the canary, unless the URLs lead elsewhere."""
        return self._serve if self.base == "https://cdn.example" else None

    def _serve(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        key, method = environ["PATH_INFO"].removeprefix("/"), environ["REQUEST_METHOD"]
        status, data = "403 Forbidden", f"<Code>SignatureDoesNotMatch</Code>{SECRET}".encode()
        if self.trouble != "refused" and environ["QUERY_STRING"] == f"signature={SECRET}":
            status, data = "200 OK", b""
            if method == "PUT":
                self.assetstore_upload(key, Source(environ["wsgi.input"].read()), UploadOptions())
            elif method == "DELETE":
                self.assetstore_delete([key], DeleteOptions())
            elif key in self._assets:
                data = self._assets[key][1]
            else:
                status = "404 Not Found"
        start_response(status, [("Content-Length", str(len(data)))])
        return [b"" if method == "HEAD" else data]

    @hookimpl
    def assetstore_commands(self) -> Sequence[Any]:
        """Offer a command that is given the open store."""
        import click

        @click.command("greet")
        @click.option("--loud", is_flag=True, help="Shout.")
        @click.pass_obj
        def greet(store: Any, loud: bool) -> None:
            """Greet whoever opens the store."""
            click.echo(f"welcome to {store.name}{'!' if loud else ''}")

        return [greet]

    def _fail(self, key: str) -> None:
        url = f"https://cdn.example/{quote(key, errors='replace')}?signature={SECRET}"
        if self.trouble == "credentials":
            raise CredentialsError("the access key is unknown", hint="make a new one")
        if self.trouble == "denied":
            raise AccessDeniedError("you may not\x1b[2J do this")
        if self.trouble == "away":
            raise UnavailableError(f"no answer from {url}")
        if self.trouble == "broken":
            raise BackendError(f"the vendor said\nno\x07 at {url}")
        if self.trouble == "bug":
            raise RuntimeError(f"{SECRET} {url}")
        if self.trouble == "interrupt":
            signal.raise_signal(signal.SIGINT)
        if self.trouble == "log":
            try:
                raise ValueError(url)
            except ValueError:
                logging.getLogger("stub").exception("the log of\x1b %s", url)


class Interrupting:
    """An observer that is hit by Ctrl-C right after the first upload."""

    @hookimpl
    def assetstore_event(self, event: Event) -> None:
        """Hit."""
        if event.op == "upload":
            signal.raise_signal(signal.SIGINT)
