"""The command ``doctor``: tests a store from end to end in twelve steps."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator

import attrs
import click

from assetstore.cli import errors
from assetstore.cli.completion import complete_stores
from assetstore.cli.session import Session, colourful, command, where
from assetstore.cli.signed_steps import EXPIRES, SignedSteps, SkippedError, WarnedError, read_publicly
from assetstore.cli.streams import data_stream
from assetstore.cli.text import counted, plain, readable_size, shown
from assetstore.errors import AssetStoreError, BackendError, IntegrityError, UnsupportedError
from assetstore.store import AssetStore

PAYLOAD_BYTES = 4096
COLOURS = {"ok": "green", "FAILED": "red", "warning": "yellow", "skipped": "yellow", "unsupported": "yellow"}


@attrs.define(eq=False)
class Doctor:
    """Tests a store step by step; reports the result and the time of each step, and what to do about a failure.

    Attributes:
        session: prints the report.
        origins: sites whose pages upload; by default those in the store's settings.
        store: the store, once it is open.
        key: the key of the test asset.
        payload: the bytes of the test asset.
        sent: whether the test asset may be in the store.
        stored: whether it is in the store.
        codes: the exit codes of the steps that failed.
    """

    session: Session
    origins: tuple[str, ...] = ()
    _store: AssetStore | None = None
    _signed: SignedSteps | None = None
    key: str = attrs.field(factory=lambda: f"assetstore-doctor/{secrets.token_hex(8)}.bin")
    payload: bytes = attrs.field(factory=lambda: secrets.token_bytes(PAYLOAD_BYTES), repr=False)
    sent: bool = False
    stored: bool = False
    codes: list[int] = attrs.field(factory=list)

    @property
    def store(self) -> AssetStore:
        """The open store.

        Raises:
            SkippedError: it could not be opened.
        """
        if self._store is None:
            raise SkippedError("the store is not open")
        return self._store

    @property
    def signed(self) -> SignedSteps:
        """The steps that send signed requests.

        Raises:
            SkippedError: no URL was signed.
        """
        if self._signed is None:
            raise SkippedError("no URL was signed")
        return self._signed

    def run(self) -> None:
        """Take every step, and delete the test asset whatever happens."""
        try:
            for number, (title, step) in enumerate(self._steps(), 1):
                self._take(number, title, step)
        finally:
            self._clean_up()

    def _steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "check the configuration", self.configuration
        yield "upload a test file", self.upload
        yield "sign URLs", self.presign
        yield "send signed requests", lambda: self.signed.round_trip()
        yield "compare the clocks", lambda: self.signed.clocks()
        yield "send a CORS preflight", lambda: self.signed.preflight(self._known_origins())
        yield "stat the test file", self.stat
        yield "download and compare it", self.download
        yield "read its public URL", self.public_url
        yield "list it", self.list
        yield "delete it", self.delete
        yield "show usage statistics", self.stats

    def _take(self, number: int, title: str, step: Callable[[], str]) -> None:
        began = time.perf_counter()
        hint = None
        try:
            outcome, detail = "ok", step()
        except SkippedError as error:
            outcome, detail = "skipped", str(error)
        except UnsupportedError as error:
            outcome, detail = "unsupported", error.message
        except WarnedError as error:
            outcome, detail, hint = "warning", str(error), error.hint
        except Exception as error:  # any failure of a step is a result here
            outcome, detail, hint = "FAILED", errors.reason(error), errors.next_step(error)
            self.codes.append(errors.exit_code(error))
        self._tell(number, title, outcome, time.perf_counter() - began, detail, hint)

    def _tell(self, number: int, title: str, outcome: str, seconds: float, detail: str, hint: str | None) -> None:
        if self.session.as_json:
            values = {"step": number, "name": title, "outcome": outcome, "milliseconds": round(seconds * 1000, 3)}
            self.session.record({**values, "detail": detail.replace("\n", "; "), "next": hint})
            return
        mark = f"{outcome:<11}"
        if colourful(data_stream()):
            mark = click.style(mark, fg=COLOURS[outcome], bold=outcome == "FAILED")
        self.session.line(f"{number:<2} {title:<24}  {mark}  {seconds * 1000:>9.1f} ms")
        why, then = ("why: ", [f"next: {hint}"]) if hint is not None else ("", [])
        for line in [f"{why}{detail}", *then]:
            self.session.line("\n".join(f"   {part}" for part in plain(line).split("\n")))

    def configuration(self) -> str:
        """Open the store and run the checks of its backend."""
        self._store = self.session.open()
        report = self.store.check()
        for check in sorted(report.steps, key=lambda check: check.warning):
            if not check.ok:
                text = f"{check.name}: {check.detail}"
                raise WarnedError(text, check.hint or "") if check.warning else BackendError(text, hint=check.hint)
        return "\n".join([where(self.store), *(f"{check.name}: {check.detail or 'ok'}" for check in report.steps)])

    def upload(self) -> str:
        """Upload the test asset."""
        store, self.sent = self.store, True
        info = store.upload(self.payload, self.key, overwrite=not store.can("upload.overwrite"))
        self.stored = True
        return f"{shown(self.key)}, {counted(info.size, 'byte')}"

    def presign(self) -> str:
        """Sign URLs; show none, because they are secrets."""
        for method in ("GET", "PUT"):
            self.store.presign(self.key, method=method, expires=EXPIRES)
        self._signed = SignedSteps(self.store, f"{self.key}.signed", self.payload)
        return f"a GET and a PUT, valid for {EXPIRES} seconds"

    def stat(self) -> str:
        """Stat the test asset."""
        info = self._uploaded().stat(self.key)
        if info.size != PAYLOAD_BYTES:
            hint = "report it to the backend's author"
            raise IntegrityError(f"the store reports {info.size} bytes instead of {PAYLOAD_BYTES}", hint=hint)
        return f"{counted(info.size, 'byte')}, {info.content_type or 'no content type'}"

    def download(self) -> str:
        """Read the test asset and compare it byte for byte."""
        if self._uploaded().read(self.key) != self.payload:
            raise IntegrityError("the store returned other bytes", hint="do not use this store")
        return f"{counted(PAYLOAD_BYTES, 'byte')}, identical"

    def public_url(self) -> str:
        """Read the test asset by its public URL."""
        return read_publicly(self._uploaded().url(self.key), self.payload)

    def list(self) -> str:
        """Find the test asset in a listing."""
        store = self._uploaded()
        if self.key not in {info.key for info in store.list(self.key)}:
            raise BackendError("the asset is not in the listing", hint="try again in a minute; it must be listed at once")
        return f"found under {shown('assetstore-doctor/')}"

    def delete(self) -> str:
        """Delete the test asset and verify that it is gone."""
        store = self._uploaded()
        store.delete(self.key)
        if store.exists(self.key):
            raise BackendError("the asset is still there", hint=f"delete it by hand: assetstore delete {self.key}")
        self.sent = self.stored = False
        return "gone"

    def stats(self) -> str:
        """Show the usage statistics."""
        stats = self.store.stats()
        counted_groups = [
            f"{name} {group['count']:,.0f}" + (f" ({readable_size(group['bytes'])})" if group.get("bytes") else "")
            for name, group in stats.items()
            if group.get("count")
        ]
        return ", ".join(counted_groups) or "nothing was counted"

    def _known_origins(self) -> tuple[str, ...]:
        backend = self.store._stack.layers[0].plugin  # noqa: SLF001 - no public call shows a backend's settings
        known = self.origins or tuple(getattr(backend, "origins", ()))
        return tuple("https://app.example" if origin == "*" else origin for origin in known)

    def _uploaded(self) -> AssetStore:
        if not self.stored:
            raise SkippedError("the test file was not uploaded")
        return self.store

    def _clean_up(self) -> None:
        if not self.sent or self._store is None:
            return
        with contextlib.suppress(AssetStoreError):
            self._store.delete(self.key)
            return
        if self.stored:
            self.session.talk(f"the test file is left behind; delete it: assetstore delete {self.key}")


@command("doctor",
    examples=(
        "assetstore doctor file:assets",
        "assetstore doctor prod --json",
        "assetstore doctor prod --origin https://app.example",
    ),
)
@click.argument("store", required=False, shell_complete=complete_stores)
@click.option(
    "--origin", "origins", multiple=True, metavar="URL", help="Test CORS for the pages of this site; repeatable."
)
def doctor_command(session: Session, store: str | None, origins: tuple[str, ...]) -> None:
    """Test a store step by step.

    Uploads a test file, reads it back and deletes it, with credentials and by signed requests. STORE is a name from the
    configuration or a URL.
    """
    session.store_name = store or session.store_name
    doctor = Doctor(session, origins)
    began = time.perf_counter()
    doctor.run()
    if not doctor.codes:
        session.talk(f"no problems found, {(time.perf_counter() - began) * 1000:.0f} ms")
        return
    session.talk(f"{counted(len(doctor.codes), 'step')} failed")
    # A failed check of the backend has only the general code; the error of a later step is more precise.
    raise click.exceptions.Exit(next((code for code in doctor.codes if code != errors.FAILED), errors.FAILED))
