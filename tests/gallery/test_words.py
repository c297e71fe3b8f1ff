"""The languages of the pages."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import pytest
from asking import Visit

import assetstore_gallery
from assetstore import InvalidOptionError, open_store
from assetstore_gallery import GalleryOptions
from assetstore_gallery.browse import SORTS
from assetstore_gallery.kinds import KINDS
from assetstore_gallery.links import LINK_MINUTES
from assetstore_gallery.words import LANGUAGES, WORDS, language_of

TEMPLATES = Path(assetstore_gallery.__file__).with_name("templates")
MADE = {
    *KINDS,
    *("grid", "list", "no_name"),
    *(f"by_{sort}" for sort in SORTS),
    *(f"{minutes}_minutes" for minutes in LINK_MINUTES),
}
"""Words whose names the templates, or ``named``, make from facts."""
PAGES = (
    *("/browse", "/browse?view=list&sort=size", "/browse?q=a", "/browse?prefix=nothing/", "/browse?kind=models", "/stats"),
    *("/asset?key=a.png", "/asset?key=c.txt&minutes=60", "/picker?origin=https://app.example"),
    "/picker?origin=https://app.example&prefix=nothing/",
)


def test_every_word_is_used_and_every_used_word_is_there() -> None:
    """The table has what the templates say, and nothing else."""
    text = "".join(each.read_text() for each in TEMPLATES.iterdir())
    said = set(re.findall(r'say\("([^"]+)"[,)]', text))
    listed = set(re.findall(r'"(\w+)"', text.partition("said_by_scripts = [")[2].partition("]")[0]))
    assert set(WORDS) == said | listed | MADE


def test_templates_name_the_version_of_what_they_load() -> None:
    """A script that is loaded under two addresses would run twice."""
    assert [] == [each.name for each in TEMPLATES.iterdir() if "/static/" in each.read_text()]


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


class Texts(HTMLParser):
    """The texts and labels of a page, and what its scripts say."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take up the labels of a tag."""
        given = dict(attrs)
        self.found += [value for name in ("aria-label", "placeholder") if (value := given.get(name))]
        if tag == "section" and "data-words" in given:
            self.found += json.loads(str(given["data-words"])).values()

    def handle_data(self, data: str) -> None:
        """Take up a text."""
        self.found.append(" ".join(data.split()))


@pytest.mark.parametrize("language", ["de", "fr"])
def test_no_english_is_left_on_a_page(language: str, visit: Visit) -> None:
    """No text or label of a page is the English one of the table, unless the language has the same word."""
    column = LANGUAGES.index(language)
    ours = {texts[column] for texts in WORDS.values()}
    english = {texts[0] for texts in WORDS.values()} - ours
    with open_store({"url": "memory:", "wrappers": ["trash"]}) as store:
        for key in ("a.png", "b.wav", "c.txt", "maps/d.zip"):
            store.upload(b"text", key=key, metadata={"by": "Ada"})
        client = visit(store, language=language, title="Assets of all", frame_ancestors=("https://app.example",))
        for path in PAGES:
            texts = Texts()
            texts.feed(client.get(path).text)
            assert set() == english & set(texts.found), path
