"""The languages of the pages."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from asking import Visit

import assetstore_gallery
from assetstore import InvalidOptionError, open_store
from assetstore_gallery import GalleryOptions
from assetstore_gallery.asset import LINK_HOURS
from assetstore_gallery.browse import SORTS
from assetstore_gallery.kinds import KINDS
from assetstore_gallery.words import WORDS, language_of

TEMPLATES = Path(assetstore_gallery.__file__).with_name("templates")
MADE = {*KINDS, "grid", "list", *(f"by_{sort}" for sort in SORTS), *(f"{hours}_hours" for hours in LINK_HOURS)}
"""Words whose names the templates make from facts."""


def test_every_word_is_used_and_every_used_word_is_there() -> None:
    """The table has what the templates say, and nothing else."""
    text = "".join(each.read_text() for each in TEMPLATES.iterdir())
    said = set(re.findall(r'say\("([^"]+)"[,)]', text))
    listed = set(re.findall(r'"(\w+)"', text.partition("said_by_scripts = [")[2].partition("]")[0]))
    assert set(WORDS) == said | listed | MADE


@pytest.mark.parametrize("name", WORDS)
def test_a_word_has_the_same_values_in_each_language(name: str) -> None:
    """A translation leaves out no value and names none that there is not."""
    values = [sorted(field for _, field, _, _ in Formatter().parse(text) if field) for text in WORDS[name]]
    assert all(WORDS[name])
    assert [values[0]] * 3 == values


@pytest.mark.parametrize(
    ("header", "language"),
    [
        *(("", "en"), ("de-AT,de;q=0.9,en;q=0.8", "de"), ("it,fr;q=0.5,en;q=0.2", "fr"), ("en;q=0.1,fr;q=0.9", "fr")),
        *(("it", "en"), ("de;q=0", "en"), ("de;q=x,;;,", "en"), ("DE", "de")),
    ],
)
def test_the_browser_chooses_the_language(header: str, language: str) -> None:
    """The best liked of ours wins, by the weights of the header; a broken header means English."""
    assert language == language_of(header)


def test_pages_speak_the_language_of_the_browser_or_of_the_option(visit: Visit) -> None:
    """The page says which language it is in; the option goes before the browser."""
    with open_store("memory:") as store:
        german = visit(store).get("/browse", headers={"accept-language": "de"}).text
        french = visit(store, language="fr").get("/browse", headers={"accept-language": "de"}).text
    assert '<html lang="de">' in german
    assert "Hier ist nichts." in german
    assert '<html lang="fr">' in french


def test_a_language_that_the_pages_do_not_speak_is_refused() -> None:
    """The error names those that there are."""
    with pytest.raises(InvalidOptionError, match="language must be one of en, de, fr"):
        GalleryOptions(language="it")
