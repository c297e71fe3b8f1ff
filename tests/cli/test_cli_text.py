"""Words for a terminal: harmless, free of secrets, readable."""

from __future__ import annotations

import contextlib
import subprocess
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore.cli.text import byte_count, counted, duration, plain, readable_size, shown, without_secrets


@given(st.text())
def test_what_is_shown_has_no_character_that_is_not_printable(text: str) -> None:
    """Whatever a key holds, a terminal gets printable characters alone."""
    assert shown(text).isprintable()
    assert plain(text).replace("\n", "").isprintable()


@given(st.text(alphabet="ab \\'/é\n\x1b\u202e", max_size=8), st.text(alphabet="ab \\'/é\n\x1b\u202e", max_size=8))
def test_different_keys_with_escapes_are_shown_differently(one: str, other: str) -> None:
    """No key can pass for another one but by writing ``$'…'`` itself."""
    assert (one == other) == (shown(one) == shown(other))


@pytest.mark.parametrize(
    "key", ["a b", " a ", "line\nfeed", "bell\x07", "it's\x1b[0m", "back\\slash\t", "bidi\u202ex", "\U000e0001"]
)
def test_bash_reads_a_shown_key_back(key: str) -> None:
    """What is shown in ``$'…'`` can be pasted into a shell."""
    word = shown(key) if shown(key) != key else f"'{key}'"
    environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True, env=environment)
    assert key == done.stdout.decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET https://cdn.example/a?X-Amz-Signature=1&b=2 failed", "GET https://cdn.example/a?*** failed"),
        ("s3://user:word@host/bucket", "s3://***@host/bucket"),
        ("s3://user:wo/rd@bucket, again s3://user:w/o?r@d/@bucket", "s3://***@bucket, again s3://***@bucket"),
        ("cannot read 's3:/user:wo/rd@bucket?secret_key=1'", "cannot read 's3:/***@bucket?***'"),
        ("s3://user@host/bucket?secret_key=1", "s3://***@host/bucket?***"),
        ("file:assets", "file:assets"),
        ("r2://${R2_ACCOUNT_ID}/assets", "r2://${R2_ACCOUNT_ID}/assets"),
        ("write to me@example.com?", "write to me@example.com?"),
    ],
)
def test_urls_lose_users_passwords_and_queries(text: str, expected: str) -> None:
    """The parts of a URL that may be secret are masked, and nothing else."""
    assert expected == without_secrets(text)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_048_576, "1.0 MiB"), (5 << 40, "5.0 TiB"), (1023 << 20, "1.0 GiB")],
)
def test_sizes_are_readable(count: int, expected: str) -> None:
    """Sizes have a unit and at most four digits."""
    assert expected == readable_size(count)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[("0", 0), ("512", 512), ("7B", 7), ("512K", 512 << 10), ("20m", 20 << 20), ("20MiB", 20 << 20)],
        *[("2 GiB", 2 << 30), ("1MB", 10**6), (" 1.5gb ", 1_500_000_000), ("0.5k", 512), ("9tib", 9 << 40)],
    ],
)
def test_sizes_are_read_as_they_are_written(text: str, expected: int) -> None:
    """``MB`` counts in thousands, ``MiB`` and ``M`` in 1,024s; the case does not matter."""
    assert expected == byte_count(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[("90", timedelta(seconds=90)), ("30s", timedelta(seconds=30)), ("15m", timedelta(minutes=15))],
        *[("12H", timedelta(hours=12)), (" 30d", timedelta(days=30)), ("2 w", timedelta(weeks=2))],
    ],
)
def test_times_are_read_as_they_are_written(text: str, expected: timedelta) -> None:
    """A number has a unit from seconds to weeks; without one it is seconds."""
    assert expected == duration(text)


@given(st.text(alphabet="0123456789.-+ kmgtibdhwsx²", max_size=12))
def test_other_sizes_and_times_are_refused_in_words(text: str) -> None:
    """Whatever is written, the answer is a value or a ValueError."""
    with contextlib.suppress(ValueError):
        assert 0 <= byte_count(text)
    with contextlib.suppress(ValueError):
        assert timedelta() <= duration(text)


def test_a_noun_follows_its_number() -> None:
    """One asset, two assets."""
    assert ["1 asset", "2,000 assets"] == [counted(1, "asset"), counted(2000, "asset")]
