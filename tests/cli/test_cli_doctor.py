"""``doctor``: what each step reports and suggests; it shows no secret and leaves nothing behind."""

from __future__ import annotations

import contextlib
import functools
import shutil
import subprocess
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from assetstore import AssetStore, open_store

if TYPE_CHECKING:
    from running import Run

S = ("-s", "file:assets")
CANARY = "hunter2"
ORIGIN = "https://app.example"
STEPS = [
    "check the configuration",
    "upload a test file",
    "sign URLs",
    "send signed requests",
    "compare the clocks",
    "send a CORS preflight",
    "stat the test file",
    "download and compare it",
    "read its public URL",
    "list it",
    "delete it",
    "show usage statistics",
]
SENT, CLOCKS, BROWSER, PUBLIC = 3, 4, 5, 8
OPEN = {
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-methods": "GET, PUT",
    "access-control-allow-headers": "Content-Type",
}


class Elsewhere(ThreadingHTTPServer):
    """A server of signed URLs that fails in chosen ways.

    Attributes:
        assets: what is stored, by path.
        late: seconds that its clock is late.
        answered: the methods that always return one status, with that status.
        headers: headers of the answer to OPTIONS.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.assets: dict[str, bytes] = {}
        self.late = 0.0
        self.answered: dict[str, int] = {}
        self.headers: dict[str, str] = {}

    @property
    def store(self) -> str:
        """The store whose signed URLs lead here."""
        return f"stub:?base={quote(f'http://127.0.0.1:{self.server_port}', safe='')}"


class Handler(BaseHTTPRequestHandler):
    """Keeps what is sent, and echoes the signature where it refuses."""

    server: Elsewhere

    def __getattr__(self, name: str) -> Any:
        """Answer any method alike."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self) -> None:
        """Answer."""
        path, server = self.path.partition("?")[0], self.server
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        status, data = (200, server.assets[path]) if path in server.assets else (404, b"")
        if self.command == "PUT":
            server.assets[path], status, data = sent, 200, b""
        elif self.command == "DELETE":
            status, data = 204, server.assets.pop(path, b"")[:0]
        elif self.command == "OPTIONS":
            status, data = 204, b""
        if refused := server.answered.get(self.command):
            status, data = refused, f"<Error><Code>SignatureDoesNotMatch</Code>{self.path}</Error>".encode()
        self.send_response_only(status, f"as {self.path.partition('=')[2]}")
        self.send_header("Date", formatdate(time() - server.late, usegmt=True))
        for name, value in server.headers.items() if self.command == "OPTIONS" else ():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Silent(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Folder(SimpleHTTPRequestHandler):
    """Offers the files of a folder."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Server = TypeVar("Server", bound=HTTPServer)


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Let a server run."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """Give a server, running."""
    with serving(Elsewhere()) as server:
        yield server


def test_doctor_takes_twelve_steps(run: Run, store: AssetStore) -> None:
    """Each is named, timed and told; what is not supported is no failure; nothing is left behind."""
    done = run("--json", "doctor", "file:assets")
    assert 0 == done.code
    assert STEPS == [record["name"] for record in done.records]
    others = {CLOCKS: "skipped", BROWSER: "skipped", PUBLIC: "unsupported"}
    assert [others.get(step, "ok") for step in range(len(STEPS))] == [record["outcome"] for record in done.records]
    assert all(record["milliseconds"] >= 0 and record["detail"] for record in done.records)
    assert 4 == len(list(store.list()))


def test_doctor_signs_urls_and_shows_none(run: Run) -> None:
    """A signed URL is a secret, in a report too."""
    done = run("-s", "stub:", "doctor")
    assert 0 == done.code
    assert "a GET and a PUT, valid for 60 seconds" in done.out
    assert "signature" not in done.out + done.err


def test_doctor_reports_in_lines_for_people(run: Run) -> None:
    """Each step has its number, outcome and milliseconds on a line, and what it did below."""
    lines = run(*S, "doctor").lines
    assert STEPS == [line[3:27].strip() for line in lines if line[:1].isdigit()]
    assert all(line.endswith(" ms") for line in lines if line[:1].isdigit())


def test_doctor_says_what_to_do_about_a_configuration(run: Run, folder: Path) -> None:
    """A store that does not open is one failure with a next step; the other steps are skipped."""
    (folder / "assetstore.toml").write_text('[stores.prod]\nurl = "file:assets"\nkey = "${NOT_SET}"\n')
    done = run("doctor", "prod", "--json")
    first, *others = done.records
    assert (2, "FAILED") == (done.code, first["outcome"])
    assert "NOT_SET is not set" in first["detail"]
    assert "assetstore stores" in first["next"]
    assert {"skipped"} == {record["outcome"] for record in others}


@pytest.mark.parametrize(("trouble", "code"), [("credentials", 4), ("denied", 4), ("away", 1), ("bug", 1)])
def test_doctor_goes_on_after_a_failure(run: Run, trouble: str, code: int) -> None:
    """The failing step has its reason and the next thing to do, the others are taken all the same."""
    done = run("--json", "doctor", f"stub:?trouble={trouble}")
    outcomes = {record["name"]: record["outcome"] for record in done.records}
    assert code == done.code
    assert ("FAILED", "ok", "ok") == tuple(outcomes[name] for name in (STEPS[6], STEPS[7], STEPS[9]))
    assert all(record["next"] for record in done.records if record["outcome"] == "FAILED")
    assert "signature" not in done.out + done.err


def test_doctor_leaves_nothing_behind_when_it_is_interrupted(run: Run, folder: Path) -> None:
    """Ctrl-C in the middle still deletes the test file."""
    (folder / "assetstore.toml").write_text(
        '[stores.dev]\nurl = "file:assets"\nplugins = ["interrupting"]\n'
    )
    done = run("doctor", "dev")
    assert (130, []) == (done.code, list(open_store("file:assets").list()))


def test_a_folder_is_tried_by_its_own_application(run: Run) -> None:
    """No server is needed; the report shows whether one listens where signed URLs lead."""
    Path("assetstore.toml").write_text(
        '[stores.dev]\nurl = "file:assets"\nserve_url = "http://127.0.0.1:9"\norigins = ["https://app.example"]\n'
    )
    records = run("--json", "doctor", "dev").records
    assert "PUT, GET, HEAD and DELETE work, by the store's application" in records[SENT]["detail"]
    assert "nothing listens at 127.0.0.1:9 now; start assetstore serve" in records[SENT]["detail"]
    assert ("skipped", "ok") == (records[CLOCKS]["outcome"], records[BROWSER]["outcome"])
    assert "pages of https://app.example may send a PUT with content-type" == records[BROWSER]["detail"]


def test_the_server_of_a_folder_is_told_from_others(run: Run, elsewhere: Elsewhere) -> None:
    """What listens where signed URLs lead is asked whether it honours them."""
    settings = '[stores.dev]\nurl = "file:assets"\nserve_url = "http://127.0.0.1:{}"\n'
    Path("assetstore.toml").write_text(settings.format(elsewhere.server_port))
    (record,) = [each for each in run("--json", "doctor", "dev").records if each["name"] == STEPS[SENT]]
    assert "does not serve this store; correct serve_url, or start assetstore serve" in record["detail"]
    application = open_store("file:assets").application("wsgi")
    with serving(make_server("127.0.0.1", 0, application, handler_class=Silent)) as server:
        Path("assetstore.toml").write_text(settings.format(server.server_port))
        records = run("--json", "doctor", "dev").records
    assert f"the server at 127.0.0.1:{server.server_port} answers them too" in records[SENT]["detail"]


def test_signed_requests_are_sent_over_http(run: Run, elsewhere: Elsewhere) -> None:
    """Where the store has no application of its own, they go to the server, and nothing is left there."""
    done = run("--json", "doctor", elsewhere.store)
    outcomes = [record["outcome"] for record in done.records]
    assert ["ok", "ok", "skipped"] == [outcomes[step] for step in (SENT, CLOCKS, BROWSER)]
    assert ("PUT, GET, HEAD and DELETE work", {}) == (done.records[SENT]["detail"], elsewhere.assets)
    assert (0, "both clocks agree") == (done.code, done.records[CLOCKS]["detail"])


@pytest.mark.parametrize("method", ["PUT", "GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("status", [403, 500])
def test_a_signed_request_that_is_refused_has_a_next_step(run: Run, elsewhere: Elsewhere, method: str, status: int) -> None:
    """The failure names method, status and code, says what to do, shows no signature, and leaves nothing behind."""
    elsewhere.answered[method] = status
    done = run("--json", "doctor", elsewhere.store)
    record = done.records[SENT]
    assert (1, "FAILED") == (done.code, record["outcome"])
    code = "" if method == "HEAD" else " SignatureDoesNotMatch"
    assert f"a signed {method} returned status {status}{code}" == record["detail"]
    assert ("check the secret key" in record["next"]) == (method != "HEAD")
    assert CANARY not in done.out + done.err


def test_a_server_that_is_away_is_one_failure_each(run: Run, elsewhere: Elsewhere) -> None:
    """The failure names the address and a next step, and the other steps are taken."""
    store = elsewhere.store.replace(str(elsewhere.server_port), "9")
    done = run("--json", "doctor", store, "--origin", ORIGIN)
    failed = [record for record in done.records if record["outcome"] == "FAILED"]
    assert [STEPS[SENT], STEPS[CLOCKS], STEPS[BROWSER]] == [record["name"] for record in failed]
    assert {"no answer from 127.0.0.1:9: Connection refused"} == {record["detail"] for record in failed}
    assert {"check the network and the address in the store's settings"} == {record["next"] for record in failed}


@pytest.mark.parametrize(
    ("late", "outcome", "words"),
    [
        (0, "ok", "both clocks agree"),
        (-30, "ok", "behind the server's"),
        (120, "warning", "ahead of the server's; signed URLs start and expire that much too early or too late"),
        (-120, "warning", "behind the server's; signed URLs start and expire that much too early or too late"),
        (1000, "FAILED", "ahead of the server's; more than 15 minutes is refused"),
    ],
)
def test_clocks_are_compared(run: Run, elsewhere: Elsewhere, late: int, outcome: str, words: str) -> None:
    """Up to a minute is well, up to fifteen is a warning, more is refused by R2; the next step is to set the clock."""
    elsewhere.late = late
    done = run("--json", "doctor", elsewhere.store)
    record = done.records[CLOCKS]
    assert (outcome, True) == (record["outcome"], words in record["detail"])
    expected = None if outcome == "ok" else "set this machine's clock, preferably by NTP"
    assert (expected, int(outcome == "FAILED")) == (record["next"], done.code)


@pytest.mark.parametrize(
    ("headers", "status", "why"),
    [
        (OPEN, 204, None),
        (dict.fromkeys(OPEN, "*"), 204, None),
        (OPEN, 403, "the preflight returned status 403"),
        ({}, 204, "the origin is not allowed"),
        (OPEN | {"access-control-allow-origin": "https://other.example"}, 204, "the origin is not allowed"),
        (OPEN | {"access-control-allow-methods": "GET"}, 204, "the method is not allowed"),
        (OPEN | {"access-control-allow-headers": "range"}, 204, "the header content-type is not allowed"),
    ],
)
def test_a_browser_is_asked_for(
    run: Run, elsewhere: Elsewhere, headers: dict[str, str], status: int, why: str | None
) -> None:
    """The preflight is sent as a browser sends it, and judged as a browser judges."""
    elsewhere.headers, elsewhere.answered["OPTIONS"] = headers, status
    done = run("--json", "doctor", elsewhere.store, "--origin", ORIGIN)
    record = done.records[BROWSER]
    if why is None:
        assert (0, "ok", f"pages of {ORIGIN} may send a PUT with content-type") == (
            done.code, record["outcome"], record["detail"],
        )  # fmt: skip
        return
    assert (1, "FAILED") == (done.code, record["outcome"])
    assert f"a browser would block a PUT from a page of {ORIGIN}: {why}" == record["detail"]
    assert "CORS rules" in record["next"]


def test_a_folder_says_how_to_allow_a_site(run: Run) -> None:
    """The next step names the setting."""
    done = run("--json", "doctor", "file:assets", "--origin", ORIGIN)
    assert 1 == done.code
    assert f'add "{ORIGIN}" to origins in the store\'s settings' == done.records[BROWSER]["next"]


def test_the_public_url_is_read(run: Run, elsewhere: Elsewhere) -> None:
    """The test file must be found under it; other bytes, a status or no answer fail with a next step."""

    def public(url: str) -> dict[str, Any]:
        Path("assetstore.toml").write_text(f'[stores.dev]\nurl = "file:assets"\npublic_url = "{url}"\n')
        record: dict[str, Any] = run("--json", "doctor", "dev").records[PUBLIC]
        return record

    here = f"http://127.0.0.1:{elsewhere.server_port}"
    missing = public(here)
    assert ("FAILED", "the public URL returned status 404") == (missing["outcome"], missing["detail"])
    assert "check public_url, and that the assets are public there" == missing["next"]
    elsewhere.answered["GET"] = 200
    assert "the public URL returns other bytes" == public(here)["detail"]
    assert "no answer from 127.0.0.1:9: Connection refused" == public("http://127.0.0.1:9")["detail"]
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Folder, directory="assets"))) as server:
        found = public(f"http://127.0.0.1:{server.server_port}")
        assert ("ok", f"found at http://127.0.0.1:{server.server_port}") == (found["outcome"], found["detail"])


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_signing_key_that_git_or_the_web_server_hands_out_is_a_warning(run: Run) -> None:
    """Whoever has the key can sign URLs; the warning says where it leaks and what to do, and shows no key."""

    def told(expected: str) -> str:
        done = run("--json", "doctor", "dev")
        assert Path("assets/.assetstore/signing-key").read_text().strip() not in done.out + done.err
        record = done.records[0]
        assert expected == record["outcome"]
        return str(record["detail"])

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Folder, directory="assets"))) as server:
        toml = '[stores.dev]\nurl = "file:assets"\n'
        Path("assetstore.toml").write_text(toml)
        open_store("dev").presign("a")
        assert "signing key: found neither in git nor at public_url" in told("ok")
        Path("assetstore.toml").write_text(f'{toml}public_url = "http://127.0.0.1:{server.server_port}"\n')
        assert "signing key: public_url hands out .assetstore/signing-key" == told("warning")
        Path("assetstore.toml").write_text(f'{toml}public_url = "http://127.0.0.1:9"\n')
        assert "signing key: found neither in git nor at public_url" in told("ok")
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], check=True)
    assert "signing key: found neither in git nor at public_url" in told("ok")
    subprocess.run(["git", "add", "-f", "assets/.assetstore/signing-key"], check=True)
    assert "signing key: git tracks .assetstore/signing-key" == told("warning")


@pytest.mark.parametrize("trouble", ["", "refused", "credentials", "denied", "away", "broken", "bug", "log"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_signature_is_told(
    run: Run, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, trouble: str, options: tuple[str, ...]
) -> None:
    """Whatever goes wrong, in this process or over HTTP, neither report nor traceback holds the canary."""
    elsewhere.answered = dict.fromkeys(("PUT", "OPTIONS"), 403)
    for trace in ("", "1"):
        monkeypatch.setenv("ASSETSTORE_TRACE", trace)
        for store in ("stub:", elsewhere.store):
            done = run(*options, "doctor", f"{store}{'&' if '?' in store else '?'}trouble={trouble}", "--origin", ORIGIN)
            assert (1, False) == (min(done.code, 1), CANARY in done.out + done.err)
