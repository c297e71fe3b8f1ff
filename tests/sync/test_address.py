"""Addresses: what a text names is decided by how it begins, and by nothing that happens to be on the disk."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assetstore import AssetStoreError, ConfigError, InvalidOptionError, open_store
from assetstore.sync.address import Address
from assetstore.sync.sides import FolderSide, StoreSide, open_side

KEYS = st.text(st.characters(exclude_characters="@"))
CONFIG = '[stores.dev]\nurl = "file:assets"\n[stores.prod]\nurl = "file:published"\n'
SECRET = "hidden-in-plain-sight"


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with two configured stores, and files and folders that are named like keys and stores."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assetstore.toml").write_text(CONFIG)
    for name in ("art", "dev", "dev:maps"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("maps/keep.webp", Address(key="maps/keep.webp")),
        ("art", Address(key="art")),
        ("dev", Address(key="dev")),
        (":dev:x", Address(key="dev:x")),
        ("::x", Address(key=":x")),
        ("dev:", Address("dev")),
        ("dev:maps/", Address("dev", "maps/")),
        ("dev:dev:x", Address("dev", "dev:x")),
        ("dev:./x", Address("dev", "./x")),
        ("a/dev:x", Address(key="a/dev:x")),
        (".hidden", Address(key=".hidden")),
        ("...", Address(key="...")),
        ("~user/x", Address(key="~user/x")),
        ("./art", Address(path=Path("art"))),
        ("./dev:maps", Address(path=Path("dev:maps"))),
        ("../art/", Address(path=Path("../art"))),
        (".", Address(path=Path())),
        ("/srv/art", Address(path=Path("/srv/art"))),
        ("file:assets", Address("file:assets")),
        ("file:assets#maps/a#b", Address("file:assets", "maps/a#b")),
        ("file:a%23b#c", Address("file:a%23b", "c")),
        ("s3://bucket?region=auto#maps/", Address("s3://bucket?region=auto", "maps/")),
        ("S3://bucket", Address("S3://bucket")),
        ("ftp://host/x", Address("ftp://host/x")),
    ],
)
@pytest.mark.usefixtures("two")
def test_the_beginning_decides(text: str, expected: Address) -> None:
    """A text names a key, a store with a key, or a path, whatever lies in the working directory."""
    assert expected == Address.parse(text)


def test_a_tilde_is_the_home(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~`` and what is below it are paths."""
    monkeypatch.setenv("HOME", str(two))
    assert [Address(path=two), Address(path=two / "art")] == [Address.parse("~"), Address.parse("~/art")]


def test_a_user_without_a_home_is_told_so(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container, where the user's number often has no name."""
    monkeypatch.setenv("HOME", "~")
    with pytest.raises(InvalidOptionError, match="'~/art' needs a home, and this user has none"):
        Address.parse("~/art")


@pytest.mark.parametrize("text", ["deb:maps/x", "12:30.png", "note:today"])
@pytest.mark.usefixtures("two")
def test_a_store_that_is_not_configured_is_an_error(text: str) -> None:
    """A slip writes no key of that name; the error lists the stores, and says how to write such a key."""
    with pytest.raises(ConfigError, match="there are: dev, prod") as caught:
        Address.parse(text)
    assert "correct the name; if this is a key, write ':' in front of it" == caught.value.hint
    assert Address(key=text) == Address.parse(f":{text}")


@pytest.mark.usefixtures("two")
def test_an_empty_address_is_refused() -> None:
    """As that of a shell's variable that is not set."""
    with pytest.raises(InvalidOptionError, match="must not be empty"):
        Address.parse("")


@given(st.text(min_size=1))
@settings(suppress_health_check=list(HealthCheck))
@pytest.mark.usefixtures("two")
def test_every_key_can_be_said(key: str) -> None:
    """Behind ``:``, ``NAME:`` and ``URL#`` a key is taken as it is."""
    assert Address(key=key) == Address.parse(f":{key}")
    assert Address("prod", key) == Address.parse(f"prod:{key}") or key.startswith("//")
    assert Address("file:assets", key) == Address.parse(f"file:assets#{key}") or "@" in key


@given(st.builds(Address, st.sampled_from([None, "dev", "file:assets", "s3://b"]), KEYS))
@settings(suppress_health_check=list(HealthCheck))
@pytest.mark.usefixtures("two")
def test_a_written_address_names_the_same(address: Address) -> None:
    """``str`` and ``parse`` are inverse."""
    assert address == Address.parse(str(address)) or address.key.startswith("//")


@pytest.mark.parametrize(
    "text",
    [f"s3://bucket?secret_key={SECRET}#maps/", f"s3://user:{SECRET}@host/x", f"s3://u:#{SECRET}@host", f"u:{SECRET}@x"],
)
@pytest.mark.usefixtures("two")
def test_a_secret_is_never_shown(text: str) -> None:
    """Queries, users and passwords stand in no message, name or repr; who opens such a URL gets an error."""
    with contextlib.ExitStack() as exits, pytest.raises(ConfigError) as caught:
        open_side(text, exits)
    shown = [str(caught.value), repr(caught.value), str(caught.value.hint)]
    with contextlib.suppress(ConfigError):
        shown += [str(Address.parse(text)), repr(Address.parse(text))]
    assert SECRET not in "".join(shown)


def test_a_side_of_a_store_is_a_folder_of_keys(two: Path) -> None:
    """``dev:site`` is what is below ``site/``, and not what begins with these letters; so in every other form."""
    with open_store("dev") as store:
        for key in ("site/a", "site-old/b", "site"):
            store.upload(b"1", key)
    for text in ("dev:site", "dev:site/", "file:assets#site", f"file://{two}/assets#site/"):
        with contextlib.ExitStack() as exits:
            side = open_side(text, exits)
            assert ["a"] == [info.key for info in side.walk(lambda *_: None)]
    with contextlib.ExitStack() as exits:
        assert ["a"] == [info.key for info in open_side("site", exits, default="dev").walk(lambda *_: None)]


@pytest.mark.usefixtures("two")
def test_sides_have_the_names_that_were_written() -> None:
    """Messages name a side as the user could have, with its store."""
    with contextlib.ExitStack() as exits:
        written = ("maps", "prod:", "file:assets?profile=r2#x", "./art", ".")
        sides = [open_side(text, exits, default="dev") for text in written]
        assert ["dev:maps", "prod:", "file:assets#x", "./art", "."] == [side.name for side in sides]


def test_what_is_open_stays_open(two: Path) -> None:
    """A store that is given is used and not closed; a path is a folder of files."""
    with open_store("dev") as store:
        with contextlib.ExitStack() as exits:
            side = open_side(store, exits)
            assert isinstance(side, StoreSide)
            assert side is open_side(side, exits)
            assert isinstance(open_side(two / "art", exits), FolderSide)
            opened = open_side("dev:", exits)
        store.upload(b"1", "a")
    assert isinstance(opened, StoreSide)
    with pytest.raises(AssetStoreError, match="closed"):
        opened.store.read("a")


@pytest.mark.usefixtures("two")
def test_a_word_without_a_store_says_what_to_write() -> None:
    """A word is a key, and where no store is meant the error names the three ways to say one; a folder is not guessed."""
    with contextlib.ExitStack() as exits, pytest.raises(ConfigError) as caught:
        open_side("art", exits)
    assert "write ./art for a folder, NAME:art for a store's, or choose the store by -s" == caught.value.hint

