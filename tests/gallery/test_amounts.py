"""How the pages write numbers and sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore_gallery.amounts import UNITS, number, readable


@pytest.mark.parametrize(
    ("count", "texts"),
    [
        (0, ("0 bytes", "0 Byte", "0 octet")),
        (1, ("1 byte", "1 Byte", "1 octet")),
        (999, ("999 bytes", "999 Byte", "999 octets")),
        (1000, ("1 kB", "1 kB", "1 ko")),
        (1_550_000, ("1.6 MB", "1,6 MB", "1,6 Mo")),
        (12_345 * 10**12, ("12,345 TB", "12.345 TB", "12\u202f345 To")),
    ],
)
def test_a_size_is_written_as_the_language_does(count: int, texts: tuple[str, str, str]) -> None:
    """Separators, units and plurals are those of English, German and French."""
    assert texts == tuple(readable(language, count).replace("\u00a0", " ") for language in UNITS)


@given(st.integers(0, 10**15))
def test_a_number_keeps_its_digits(value: int) -> None:
    """Without what stands between the thousands it is the number."""
    assert [str(value)] * 3 == ["".join(filter(str.isdecimal, number(language, value))) for language in UNITS]
