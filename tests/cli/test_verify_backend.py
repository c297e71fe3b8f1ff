"""``verify-backend``: the contract against a live store."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assetstore import AssetStore
from assetstore.testing.contract.backend import SUBJECTS, guarantees
from assetstore.testing.contract.capabilities import PROOFS

if TYPE_CHECKING:
    from running import Done, Run

BROKEN = Path(__file__).parent.parent / "data" / "broken_store"
BRIEFLY = ("--only", "compare and swap", "--only", "pickled")


@pytest.fixture
def broken(run: Run, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install the third party's broken store, and give its module."""
    monkeypatch.syspath_prepend(str(BROKEN))
    import broken_store

    broken_store.BrokenBackend.kept.clear()
    return broken_store


def failing(done: Done) -> set[str]:
    """Return the guarantees that fail, of a report in JSON."""
    (record,) = done.records
    return {found["name"] for found in record["guarantees"] if found["outcome"] == "FAILS"}


def test_a_memory_keeps_every_promise(run: Run) -> None:
    """Each guarantee and each capability has its verdict, progress goes by subject, and the end is 0."""
    done = run("verify-backend", "memory:", "--json")
    assert (0, set()) == (done.code, failing(done))
    (record,) = done.records
    names = [guarantee.name for guarantee in guarantees()]
    assert names == [found["name"] for found in record["guarantees"]]
    assert {found["outcome"] for found in record["guarantees"]} == {"holds", "not claimed"}
    assert PROOFS.keys() == record["capabilities"].keys()
    assert ("works", "refused") == (record["capabilities"]["upload.if_match"], record["capabilities"]["presign"])
    assert [True, None] == [record["ok"], record["left_behind"]]
    assert list(SUBJECTS) == [line.partition(":")[0] for line in done.err.splitlines()]


def test_a_folder_keeps_every_promise_and_what_was_in_it(run: Run, store: AssetStore) -> None:
    """All is tried beside the assets that are there, which stay, and nothing else does."""
    before = list(store.list())
    done = run("-s", "file:assets?durable=false", "verify-backend", "--json")
    assert (0, set()) == (done.code, failing(done))
    (record,) = done.records
    assert {"not claimed"} == {found["outcome"] for found in record["guarantees"] if found["without"]}
    assert "of 8 create-only writes that race for a free key, 5 times: exactly one won each time" in record["observations"]
    assert before == list(store.list())


def test_the_report_is_text_for_people(run: Run) -> None:
    """Guarantees by subject, capabilities, observations, and the sum of it."""
    done = run("verify-backend", "memory:", *BRIEFLY)
    assert "  holds        a compare and swap needs the stored etag" in done.lines
    assert "  not shown    read.offset" in done.lines
    assert "  works        upload.if_match" in done.lines
    assert "observed: of 8 writes over one key at once: 8 succeeded" in done.lines
    assert "3 guarantees: 3 hold" in done.lines[-1]
    assert done.lines[-1].endswith("nothing is left behind")


def test_the_report_is_markdown_in_a_file(run: Run, folder: Path) -> None:
    """``-o`` takes the report, stdout nothing, and stderr the sum of it."""
    done = run("verify-backend", "memory:", "--format", "markdown", "-o", "report.md", *BRIEFLY)
    report = (folder / "report.md").read_text()
    assert (0, b"") == (done.code, done.raw)
    assert "| Conditions | a compare and swap needs the stored etag | holds |" in report.splitlines()
    assert "| `upload.if_match` | works |" in report.splitlines()
    assert "3 guarantees: 3 hold" in done.err


def test_a_broken_backend_is_found_out(run: Run, broken: Any) -> None:
    """A third party's backend that overwrites create-only exits 1, with the broken guarantee and the reason."""
    done = run("verify-backend", "broken:?fault=overwrites", "--only", "create only", "--only", "keeps the rest")
    assert 1 == done.code
    place = done.lines.index("  FAILS        a create only upload refuses a taken key")
    meaning, reason = done.lines[place + 1 : place + 3]
    assert "    means: `overwrite=False` writes a free key and raises AlreadyExistsError" in meaning
    assert "    why:   DID NOT RAISE" in reason
    assert "  FAILS        upload.overwrite" in done.lines
    assert "  works        copy.content_type" in done.lines
    assert "FAILS: a create only upload refuses a taken key" in done.err.splitlines()
    assert "Traceback" not in done.out + done.err


def test_a_failed_assert_says_what_differs(run: Run, folder: Path, broken: Any) -> None:
    """A wrapper of the store is tried with it, and what it loses is shown beside what was expected."""
    (folder / "assetstore.toml").write_text('[stores.dev]\nurl = "memory:"\nwrappers = ["forgetful"]\n')
    program = "from assetstore.cli import main; main()"
    arguments = ["verify-backend", "dev", "--only", "spaces around", "--only", "slips past", "--json"]
    command = [sys.executable, "-c", program, *arguments]
    environment = {"PYTHONPATH": f"{BROKEN}:{':'.join(sys.path)}"}
    run_alone = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    found = {found["name"]: found for found in json.loads(run_alone.stdout)["guarantees"]}
    assert "holds" == found["nothing slips past a wrapper that does not pass it"]["outcome"]
    assert "'before': '  a'" in found["spaces around metadata are kept"]["reason"]
    assert 1 == run_alone.returncode


def test_a_reason_holds_no_secret(run: Run, broken: Any) -> None:
    """A signed URL or an escape sequence in an error reaches no report in any form."""
    for form in ("text", "json", "markdown"):
        done = run("verify-backend", "broken:?fault=leaks", "--only", "guessed", "--format", form)
        assert (1, True) == (done.code, "no answer" in done.out)
        assert not {broken.SECRET, "\x1b"} & {word for word in (broken.SECRET, "\x1b") if word in done.out + done.err}


def test_what_cannot_be_deleted_is_told(run: Run, broken: Any) -> None:
    """Assets that stay are counted with their prefix and the reason, and end with 1."""
    done = run("verify-backend", "broken:?fault=sticky", "--only", "copy replaces")
    (prefix,) = {key.partition("/")[0] for key in broken.BrokenBackend.kept}
    assert (1, True) == (done.code, prefix.startswith("verify-"))
    assert done.lines[-1].endswith(f"left behind under {prefix}/: 1 asset, it is locked")


@pytest.mark.parametrize(("fault", "code", "word"), [("interrupt", 130, "interrupted"), ("terminate", 143, "terminated")])
def test_ctrl_c_and_sigterm_leave_nothing(run: Run, broken: Any, fault: str, code: int, word: str) -> None:
    """A verification that is ended removes what it wrote and exits with the signal's code in one line."""
    done = run("verify-backend", f"broken:?fault={fault}", "--only", "copy replaces")
    assert (code, {}) == (done.code, broken.BrokenBackend.kept)
    assert word == done.err.splitlines()[-1]


@pytest.mark.parametrize(("store", "code"), [("broken:?fault=credentials", 4), ("nope:", 2), ("nope", 2)])
def test_a_store_that_cannot_be_used_is_no_verdict(run: Run, broken: Any, store: str, code: int) -> None:
    """Credentials and configuration fail as in every other command, before any guarantee is tried."""
    done = run("verify-backend", store)
    assert (code, b"", 3) == (done.code, done.raw, len(done.err.splitlines()))


def test_without_pytest_it_says_what_to_install(folder: Path) -> None:
    """The extra is named in three lines, and the code is 2."""
    program = "import sys; sys.modules['pytest'] = None; from assetstore.cli import main; main()"
    command = [sys.executable, "-c", program, "verify-backend", "memory:"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (2, "") == (done.returncode, done.stdout)
    assert [
        "error: cannot verify a backend",
        "  why: pytest is not installed",
        "  next: pip install 'assetstore[testing]'",
    ] == done.stderr.splitlines()


def test_a_terminal_sees_what_is_tried(run: Run) -> None:
    """On a terminal one line is drawn over and over with the guarantee in hand."""
    done = run("verify-backend", "memory:", *BRIEFLY, terminal=True)
    assert "\r\x1b[K2 of 3  a store of live objects refuses to be pickled" in done.err


@pytest.mark.parametrize(
    ("server", "broken_promise", "observed"),
    [
        ("emulator", "a signed get is answered with its type", "response-content-type of a signed GET is ignored"),
        ("seaweedfs", "a listing is in the order of utf8 bytes", "response-content-type of a signed GET is honoured"),
    ],
)
def test_a_bucket_is_verified(
    run: Run, folder: Path, request: pytest.FixtureRequest, server: str, broken_promise: str, observed: str
) -> None:
    """Against a real server the report shows its known faults and the observations."""
    bucket = request.getfixturevalue(server)
    (folder / "assetstore.toml").write_text(f"""
[stores.prod]
url        = "r2:///{bucket.bucket}?endpoint_url={bucket.endpoint_url}&part_size=5242880"
access_key = "{bucket.access_key}"
secret_key = "{bucket.secret_key}"
""")
    only = ("signed url", "signed get is answered", "processes", "utf8 bytes", "headers round trip")
    done = run("verify-backend", "prod", "--json", *(word for text in only for word in ("--only", text)))
    assert (1, {broken_promise}) == (done.code, failing(done))
    (record,) = done.records
    assert None is record["left_behind"]
    assert [] == [line for line in record["observations"] if "could not be observed" in line]
    assert any(line.startswith(observed) for line in record["observations"])
    assert bucket.secret_key not in done.out + done.err
