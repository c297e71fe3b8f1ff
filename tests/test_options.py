"""Values between user, store and plugins: what they accept, and that they cannot be changed."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetInfo, InvalidOptionError
from assetstore.plugin import CopyOptions, ListOptions, PresignOptions, ReadOptions, UploadOptions, secret

NOW = datetime(2025, 6, 18, 14, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize("options_class", [UploadOptions, CopyOptions])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"content_type": 1}, "content_type must be a str, got int"),
        ({"content_type": "png"}, "content_type must be a media type, got 'png'; for example 'image/png'"),
        ({"content_type": "a/b,c"}, "content_type must be a media type, got 'a/b,c'; for example 'image/png'"),
        ({"content_type": "image/png\r\nx: y"}, "content_type must not contain control characters"),
        ({"cache_control": "no-cache\n"}, "cache_control must not contain control characters"),
        ({"content_disposition": "\x7f"}, "content_disposition must not contain control characters"),
        ({"content_language": "dé"}, "content_language must be ASCII; encode other text by RFC 6266 or RFC 8187"),
        ({"cache_control": "x" * 8193}, "cache_control must have at most 8,192 characters, got 8,193"),
        ({"metadata": [("a", "b")]}, "metadata must be a mapping, got list"),
        ({"metadata": {"a": 1}}, "metadata must map str to str"),
        ({"metadata": {1: "a"}}, "metadata must map str to str"),
        ({"metadata": {"": "a"}}, "metadata name '' must be an ASCII token"),
        ({"metadata": {"a b": "a"}}, "metadata name 'a b' must be an ASCII token"),
        ({"metadata": {"é": "a"}}, "metadata name 'é' must be an ASCII token"),
        ({"metadata": {"Assetstore-x": "a"}}, "metadata names that begin with 'assetstore-' are reserved"),
        ({"metadata": {"By": "a", "by": "b"}}, "metadata name 'by' is given twice"),
        ({"metadata": {"by": "a\n"}}, "metadata 'by' must not contain control characters or lone surrogates"),
        ({"metadata": {"by": "\x7f"}}, "metadata 'by' must not contain control characters or lone surrogates"),
        ({"metadata": {"by": "\x85"}}, "metadata 'by' must not contain control characters or lone surrogates"),
        ({"metadata": {"by": "\ud800"}}, "metadata 'by' must not contain control characters or lone surrogates"),
        ({"metadata": {"by": "x" * 8191}}, "metadata must have at most 8192 bytes of UTF-8, names included"),
        ({"metadata": {"by": "é" * 4096}}, "metadata must have at most 8192 bytes of UTF-8, names included"),
    ],
)
def test_headers_and_metadata_are_checked(options_class, options, message):
    """A value that no store could keep, or that would smuggle a header in, is refused."""
    with pytest.raises(InvalidOptionError) as caught:
        options_class(**options)
    assert message == str(caught.value)


def test_a_key_cannot_be_free_and_taken_at_once():
    """Create-only and compare-and-swap exclude one another."""
    with pytest.raises(InvalidOptionError, match="exclude one another"):
        UploadOptions(overwrite=False, if_match="etag")


@pytest.mark.parametrize(
    "content_type", [None, "", "image/png", "text/html; charset=utf-8", "text/html ;a=b", "x/y+z", "IMAGE/PNG"]
)
def test_media_types_with_or_without_parameters_are_taken(content_type):
    """A content type is kept as it is; the empty one clears."""
    assert content_type == CopyOptions(content_type=content_type).content_type


def test_metadata_is_copied_read_only_with_names_in_lower_case():
    """A later change of the caller's dict changes nothing, and nobody else can change it either."""
    given = {"By": "game master 🐉", "x": "\u2028 tab-free"}
    options = UploadOptions(metadata=given)
    given["By"] = "somebody else"
    assert {"by": "game master 🐉", "x": "\u2028 tab-free"} == dict(options.metadata)
    with pytest.raises(TypeError):
        options.metadata["by"] = "somebody else"


def test_metadata_of_exactly_the_limit_is_taken():
    """8,192 bytes in all are allowed, names included."""
    assert 8190 == len(UploadOptions(metadata={"by": "x" * 8190}).metadata["by"])


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_metadata_is_kept_whole_or_refused(metadata):
    """Names and values are kept unchanged, except for the case of names."""
    try:
        kept = UploadOptions(metadata=metadata).metadata
    except InvalidOptionError:
        return
    assert {name.lower(): text for name, text in metadata.items()} == dict(kept)


@pytest.mark.parametrize("value", [-1, 1.0, "1", True])
@pytest.mark.parametrize("field", ["offset", "length"])
def test_runs_of_bytes_are_whole_numbers_from_zero(field, value):
    """A negative or fractional range is refused."""
    with pytest.raises(InvalidOptionError) as caught:
        ReadOptions(**{field: value})
    assert f"{field} must be a whole number of 0 or more, at most 64 bits, got {value!r}" == str(caught.value)


@pytest.mark.parametrize("value", [0, -1, 2.5, True])
def test_a_page_has_at_least_one_entry(value):
    """A limit below 1 is refused."""
    with pytest.raises(InvalidOptionError) as caught:
        ListOptions(limit=value)
    assert f"limit must be a whole number of 1 or more, at most 64 bits, got {value!r}" == str(caught.value)


@pytest.mark.parametrize("build", [lambda value: ReadOptions(offset=value), lambda value: PresignOptions(expires=value)])
def test_a_number_without_end_is_refused(build):
    """Python cannot even spell an integer of 5,000 digits, and the message does without."""
    with pytest.raises(InvalidOptionError, match="got a long int"):
        build(10**5000)


def test_the_smallest_runs_and_pages_are_taken():
    """A length of 0 and a limit of 1 are valid."""
    assert (0, 0, 1) == (ReadOptions(length=0).length, ReadOptions(offset=0).offset, ListOptions(limit=1).limit)


def test_a_secret_is_masked_but_its_absence_is_told():
    """A repr shows whether a secret is set, and never what it is."""

    @attrs.define
    class Plugin:
        key: str | None = secret(default=None, metadata={"note": "kept"})

    assert ("***" in repr(Plugin("hunter2")), "hunter2" in repr(Plugin("hunter2"))) == (True, False)
    assert "None" in repr(Plugin())
    assert {"note": "kept", "assetstore.secret": True} == dict(attrs.fields(Plugin).key.metadata)


def test_what_is_not_known_is_none():
    """An asset of which only key and size are known says so; metadata that are known to be none are empty."""
    info = AssetInfo(key="a", size=1)
    assert (None, None, None, True) == (info.content_type, info.metadata, info.last_modified, info.valid)
    assert {} == AssetInfo(key="a", size=1, metadata={}).metadata


def test_an_asset_cannot_be_changed():
    """Results are frozen, their metadata read-only."""
    info = AssetInfo(key="a", size=1, metadata={"by": "gm"})
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        info.size = 2
    with pytest.raises(TypeError):
        info.metadata["by"] = "x"


def test_an_asset_info_can_be_cached() -> None:
    """It survives pickling and may stand in a set, with metadata and without."""
    infos = {AssetInfo(key="a", size=1, metadata={"by": "gm"}), AssetInfo(key="b", size=0)}
    assert infos == set(pickle.loads(pickle.dumps(list(infos))))


@pytest.mark.parametrize("name", ["cursor", "start_after"])
def test_a_listing_starts_at_a_text(name: str) -> None:
    """A number would fail somewhere in a backend; the name of the option is in the error."""
    with pytest.raises(InvalidOptionError, match=f"{name} must be a str, got int"):
        ListOptions(**{name: 1})  # type: ignore[arg-type]  # wrong on purpose
