"""The README does what it says: its blocks run, and what it shows is what they print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pages import ROOT, Reader, agree, blocks_of, links_of

README = ROOT / "README.md"
BLOCKS = blocks_of(README)
INSTALL, TEST = [text for language, _, text in BLOCKS if language == "sh"][:2]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Return a reader who has everything installed, took the demo, and typed the rest."""
    reader = Reader(tmp_path_factory.mktemp("game"))
    (reader.folder / "keep.webp").write_bytes(b"RIFF\x04\x00\x00\x00WEBP")
    (reader.folder / "README.md").write_text("# a readme\n", encoding="utf-8")
    for language, name, text in BLOCKS:
        if text == INSTALL:
            reader.run(text.rpartition("/")[2])
        elif text != TEST:
            reader.type(language, name, text)
    reader.names["store"].close()
    return reader


def test_every_output_is_what_is_shown(reader: Reader) -> None:
    """The demo and the example print what the README shows, but for times and random names."""
    assert [] == reader.differences()
    assert ["text", "python", "text", "toml", "python", "sh"] == reader.ran


def test_the_demo_is_shortened_honestly() -> None:
    """What is left out is marked: a line more or less than shown is noticed."""
    assert agree("a\n…\nd\n", "a\nb\nc\nd\n")
    assert (False, False) == (agree("a\nd\n", "a\nb\nd\n"), agree("a\nb\nc\n", "a\nc\n"))


def test_the_example_holds_what_it_promises(reader: Reader) -> None:
    """The key, the file and the request are as the comments say."""
    assert re.fullmatch(r"images/\d{8}_\d{6}_[0-9a-f]{8}_keep\.webp", reader.names["info"].key)
    assert (reader.folder / "keep.webp").read_bytes() == (reader.folder / "out" / "keep.webp").read_bytes()
    assert {"method", "url", "headers"} == reader.names["upload"].request.as_dict().keys()
    assert "# a readme\n" == (reader.folder / "copy.md").read_text(encoding="utf-8")


def test_the_test_command_is_the_one_that_ci_calls() -> None:
    """Two commands are all that a newcomer needs, and one of them is what has to pass."""
    assert INSTALL.strip().endswith("pip install '.[all]' && .venv/bin/assetstore demo")
    assert TEST.strip() in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_readme_is_short_and_leads_somewhere() -> None:
    """It has at most 120 lines, links to every page of the documentation, and every link leads to something."""
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    links = links_of(README)
    assert (True, set(), []) == (
        len(README.read_text(encoding="utf-8").splitlines()) <= 120,
        pages - set(links),
        [link for link in links if not Path(ROOT, link).exists()],
    )
