"""How many pages a PDF has, as a process of its own finds out."""

from __future__ import annotations

import io
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import PATIENCE, Visit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfWriter

from assetstore import AssetStore
from assetstore.testing import FaultyBackend
from assetstore_gallery import confined
from assetstore_gallery.documents import Documents
from assetstore_gallery.facts import Facts
from assetstore_gallery.workers import Worker
from assetstore_local import LocalBackend
from made_files import pdf


@pytest.fixture
def documents() -> Iterator[Documents]:
    """Give what reads PDFs, however busy the machine is."""
    documents = Documents()
    worker_of(documents).seconds = 600
    yield documents
    documents.close()


def worker_of(documents: Documents) -> Worker:
    """Return what runs its process."""
    (worker,) = documents._workers.get().all
    return worker


def read(documents: Documents, store: AssetStore, data: bytes) -> dict[str, int] | None:
    """Return what is known of a PDF in a store."""
    return Facts(store, PATIENCE).read(store.upload(data, "a.pdf", overwrite=True), documents.facts_of)


def written(pages: int, password: str | None = None) -> bytes:
    """Return a PDF of empty pages."""
    writer, file = PdfWriter(), io.BytesIO()
    for _ in range(pages):
        writer.add_blank_page(72, 72)
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    writer.write(file)
    return file.getvalue()


def test_a_document_says_how_many_pages_it_has(store: AssetStore, visit: Visit) -> None:
    """The number stands on the page and in its twin."""
    store.upload(written(1234), "rules.pdf")
    client = visit(store)
    while not (found := client.get("/asset.json", params={"key": "rules.pdf"}).json()["facts"]):
        pass  # the process starts
    assert {"pages": 1234} == found
    assert "<dt>Pages<dd>1,234" in client.get("/asset", params={"key": "rules.pdf"}).text


def test_a_document_with_a_password_may_say_so_too(store: AssetStore, documents: Documents) -> None:
    """What only protects printing, with no password to open it, hides no number."""
    assert {"pages": 7} == read(documents, store, written(7, ""))


def test_of_a_large_document_only_its_table_and_its_root_are_asked_for(tmp_path: Path, documents: Documents) -> None:
    """Neither the gap of 200 MB in its middle is read, nor a page."""
    document = pdf()
    table = document.index(b"xref\n")
    with (tmp_path / "a.pdf").open("wb") as file:
        file.write(document[:table])
        start = file.seek(200_000_000)
        file.write(re.sub(rb"startxref\n\d+", b"startxref\n%d" % start, document[table:]))
    spy = FaultyBackend(LocalBackend(root=tmp_path))
    with AssetStore(spy) as store:
        assert {"pages": 1} == Facts(store, PATIENCE).read(store.stat("a.pdf"), documents.facts_of)
    lengths = [arguments["options"].length for operation, arguments in spy.calls if operation == "read"]
    assert 10 >= len(lengths)
    assert 1_000_000 > sum(lengths)


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        *((b"/Count 1", each) for each in (b"/Count -1", b"/Count 0", b"/Count 99999999", b"/Count(x)", b"/Count 2 0 R")),
        *((b"/Pages 2 0 R", each) for each in (b"/Pages 1 0 R", b"/Pages 99 0 R", b"/Pages [[[[")),
        *((b"/Root 1 0 R", each) for each in (b"/Root 1 0 R/Prev 0", b"/Prev 400", b"/Root/Root")),
        *((b"startxref", b"startyref"), (b"%PDF", b"%PNG"), (b"<<", b"<<" * 5000), (b"%PDF-1.4", b"[" * 100_000)),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_a_document_that_lies_harms_nothing(store: AssetStore, documents: Documents, there: bytes, instead: bytes) -> None:
    """Numbers that none can be, circles and nests end without a number that is wrong, and the next document is read."""
    assert read(documents, store, pdf().replace(there, instead)) in (None, {}, {"pages": 1})
    assert {"pages": 3} == read(documents, store, written(3))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=60), st.integers(0, 500))
def test_any_damage_is_unknown_or_read(damage: bytes, at: int) -> None:
    """Whatever stands in a document, there is a number or none."""
    document = bytearray(pdf())
    document[at : at + len(damage)] = damage
    try:
        assert 0 < confined.page_count(io.BytesIO(document)) <= confined.MAX_COUNT
    except AssertionError:
        raise
    except Exception:
        return


def test_a_document_that_takes_too_long_is_unknown(store: AssetStore, documents: Documents) -> None:
    """Its process is killed, and the next document gets another one."""
    read(documents, store, pdf())
    worker = worker_of(documents)
    assert worker.process is not None
    worker.process.send_signal(signal.SIGSTOP)  # however slow this machine is, it answers later
    worker.seconds = 0.01
    assert {} == read(documents, store, written(2))
    assert worker.process is None
    worker.seconds = 600
    assert {"pages": 3} == read(documents, store, written(3))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_process_is_confined_and_ends_with_its_owner(store: AssetStore, documents: Documents) -> None:
    """Its memory is bounded, it gets no further file, its environment is empty, and none is left behind."""
    read(documents, store, pdf())
    process = worker_of(documents).process
    assert process is not None
    about = Path(f"/proc/{process.pid}")
    limits = {line[:26].strip(): line[26:].split()[0] for line in (about / "limits").read_text().splitlines()[1:]}
    assert (str(confined.MAX_MEMORY), "3") == (limits["Max address space"], limits["Max open files"])
    assert b"" == re.sub(rb"PATH=[^\0]*\0", b"", (about / "environ").read_bytes())
    documents.close()
    assert process.returncode is not None
