"""Settings: where credentials come from, which endpoints are refused, what a URL means."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest

from assetstore import ConfigError
from assetstore_r2 import R2Backend, S3Backend

FIELDS: dict[str, Any] = {"access_key": "field-id", "secret_key": "field-secret"}
R2 = {"R2_ACCESS_KEY": "r2-id", "R2_SECRET_KEY": "r2-secret", "R2_SESSION_TOKEN": "r2-token"}
AWS = {"AWS_ACCESS_KEY_ID": "aws-id", "AWS_SECRET_ACCESS_KEY": "aws-secret", "AWS_SESSION_TOKEN": "aws-token"}


def r2(**settings: Any) -> R2Backend:
    """Return a backend of R2 with an account and a bucket."""
    return R2Backend(**{"account_id": "0" * 32, "bucket": "assets", **settings})


def signer(backend: S3Backend) -> tuple[str, str, str | None]:
    """Return the credentials that the client really signs with."""
    credentials = backend._opened.get().client._request_signer._credentials
    return credentials.access_key, credentials.secret_key, credentials.token


def problems(**settings: Any) -> tuple[str, ...]:
    """Return what is wrong with a configuration of R2."""
    with pytest.raises(ConfigError) as caught:
        r2(**settings)
    return caught.value.problems


@pytest.mark.parametrize("make", [r2, lambda **settings: S3Backend(bucket="assets", **settings)], ids=["r2", "s3"])
def test_credentials_are_taken_as_a_set_in_a_fixed_order(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fields come first, then R2_*, then AWS_*; a token of one set never joins the keys of another."""
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    assert ("aws-id", "aws-secret", "aws-token") == signer(make())
    for name, value in R2.items():
        monkeypatch.setenv(name, value)
    assert ("r2-id", "r2-secret", "r2-token") == signer(make())
    assert ("field-id", "field-secret", None) == signer(make(**FIELDS))
    assert ("field-id", "field-secret", "t") == signer(make(**FIELDS, session_token="t"))
    monkeypatch.delenv("R2_SESSION_TOKEN")
    assert ("r2-id", "r2-secret", None) == signer(make())


def test_half_a_set_is_an_error_that_names_the_other_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key without its secret never falls through to another set."""
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    assert ("access_key is set, but secret_key is missing",) == problems(access_key="id")
    assert ("secret_key is set, but access_key is missing",) == problems(secret_key="canary")
    monkeypatch.setenv("R2_ACCESS_KEY", "id")
    assert ("R2_ACCESS_KEY is set, but R2_SECRET_KEY is missing",) == problems()


def test_missing_credentials_say_what_to_set() -> None:
    """R2 has no other source, so the store cannot be opened."""
    assert 1 == len(found := problems())
    assert all(name in found[0] for name in ("access_key", "secret_key", "R2_ACCESS_KEY", "R2_SECRET_KEY"))


@pytest.mark.parametrize("value", ["a\nb", "trailing\r", " leading", "in between", "\u20ac", "tab\t"])
@pytest.mark.parametrize("name", ["access_key", "secret_key", "session_token"])
def test_credentials_that_were_copied_badly_are_named_and_not_shown(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line break from a file of settings is said before anything is sent, wherever the credentials come from."""
    plain = {"access_key": "id", "secret_key": "canary", name: f"canary{value}"}
    said = f"{name} must be printable ASCII without blanks and line breaks: copy it again"
    assert (said,) == problems(**plain)
    for field, text in plain.items():
        monkeypatch.setenv(f"R2_{field.upper()}", text)
    assert (said.replace(name, f"R2_{name.upper()}"),) == problems()


@pytest.mark.parametrize("region", ["a\nb", "eu west", "\u20ac", "us/east", "x" * 64])
def test_a_region_that_cannot_be_signed_for_is_refused(region: str) -> None:
    """It is part of every signature, and of the endpoint's name."""
    with pytest.raises(ConfigError, match="region must"):
        S3Backend(bucket="assets", region=region)


def test_all_mistakes_are_told_at_once() -> None:
    """One ConfigError holds each problem on its own."""
    found = problems(
        account_id="evil.example/",
        bucket="a/b",
        jurisdiction="moon",
        part_size=1,
        max_concurrency=0,
        max_attempts=0,
        read_timeout=0.0,
        public_url="cdn.example",
        **FIELDS,
    )
    assert 8 == len(found)


def test_s3_without_credentials_asks_botocore(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A profile's keys are found when nothing else is given."""
    (tmp_path / "credentials").write_text(
        "[other]\naws_access_key_id = profile-id\naws_secret_access_key = profile-secret\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert ("profile-id", "profile-secret", None) == signer(S3Backend(bucket="assets"))


@pytest.mark.parametrize(
    ("jurisdiction", "host"),
    [(None, ""), ("", ""), ("eu", ".eu"), ("fedramp", ".fedramp"), ("us", ".us")],
)
def test_the_endpoint_is_made_of_account_and_jurisdiction(
    jurisdiction: str | None, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each jurisdiction has its own host, and no ambient endpoint or region changes it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://ambient.example")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://ambient.example")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    client = r2(jurisdiction=jurisdiction, **FIELDS)._opened.get().client
    assert f"https://{'0' * 32}{host}.r2.cloudflarestorage.com" == client.meta.endpoint_url
    assert "auto" == client.meta.region_name


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        *[(name, "0.001 and 86400 seconds") for name in ("timeout", "connect_timeout", "read_timeout")],
        *[("min_rate", "0.001 and 1099511627776 bytes a second"), ("max_attempts", "1 and 1000")],
    ],
)
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, 1e300])
def test_an_impossible_bound_is_refused(name: str, bounds: str, value: float) -> None:
    """Seconds, rates and numbers have bounds, in one ConfigError that names the setting."""
    found = problems(account_id="0" * 32, **FIELDS, **{name: value})
    assert (f"{name} must be between {bounds}, got {value}",) == found


@pytest.mark.parametrize("number", [0, 1025])
def test_the_number_of_requests_at_a_time_has_bounds(number: int) -> None:
    """From 1 to 1,024; a process may usually have no more open files."""
    assert (f"max_concurrency must be between 1 and 1024, got {number}",) == problems(
        account_id="0" * 32, **FIELDS, max_concurrency=number
    )


@pytest.mark.parametrize(
    ("prices", "problem"),
    [
        ({"C": 1.0}, "prices: C is unknown; the names are A, B, free, out"),
        ({"A": -1}, "prices: A must be a number between 0 and 1,000,000,000"),
        ({"B": "free"}, "prices: B must be a number between 0 and 1,000,000,000"),
        ({"out": math.nan}, "prices: out must be a number between 0 and 1,000,000,000"),
        ({"A": math.inf}, "prices: A must be a number between 0 and 1,000,000,000"),
        ({"A": 10**400}, "prices: A must be a number between 0 and 1,000,000,000"),
    ],
)
def test_an_impossible_price_is_refused(prices: dict[str, Any], problem: str) -> None:
    """The message names the class, and those that there are."""
    assert (problem,) == problems(account_id="0" * 32, **FIELDS, prices=prices)


def test_an_unknown_engine_is_refused() -> None:
    """The message names those that there are."""
    assert ("engine 'curl' must be one of wire, boto3",) == problems(account_id="0" * 32, **FIELDS, engine="curl")


ONE, OTHER = "https://one.example", "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("environment", "endpoint", "origin"),
    [
        ({}, "https://s3.eu-central-1.amazonaws.com", "the region"),
        ({"AWS_ENDPOINT_URL": ONE}, ONE, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": ONE, "AWS_ENDPOINT_URL_S3": OTHER}, OTHER, "AWS_ENDPOINT_URL_S3"),
        ({"AWS_ENDPOINT_URL": ONE, "AWS_ENDPOINT_URL_S3": ""}, ONE, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": ONE, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"}, ONE, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL_S3": ONE, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True"}, None, "the region"),
        ({"AWS_ENDPOINT_URL_SQS": ONE, "AWS_REGION": "eu-west-3"}, None, "the region"),
    ],
)
def test_s3_takes_its_endpoint_from_the_environment_as_boto3_does(
    environment: dict[str, str], endpoint: str | None, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What botocore itself, asked in the same environment, takes; ``location`` goes by it too."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    backend = S3Backend(bucket="assets", region="eu-central-1", **FIELDS)
    client = backend._opened.get().client
    assert origin == backend._endpoint.origin
    assert (endpoint or "https://s3.eu-central-1.amazonaws.com") == client.meta.endpoint_url
    theirs = botocore.session.Session().create_client("s3", region_name="eu-central-1")
    assert theirs.meta.endpoint_url == client.meta.endpoint_url
    assert f"s3 assets, {'local' if endpoint == OTHER else 'remote'}" == backend.location
    assert ONE == S3Backend(bucket="assets", endpoint_url=ONE, **FIELDS)._opened.get().client.meta.endpoint_url


def test_an_endpoint_of_the_environment_is_checked_as_a_setting_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://minio:9000")
    with pytest.raises(ConfigError, match=r"^AWS_ENDPOINT_URL must use https for minio; to send unencrypted"):
        S3Backend(bucket="assets", **FIELDS)
    assert S3Backend(bucket="assets", insecure_http=True, **FIELDS).insecure_http


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://minio:9000",
        "ftp://example.com",
        "example.com",
        "https://",
        "https://user:canary@example.com",
        "https://example.com/?a=b",
        "https://example.com/assets",
        "https://example.com/assets/",
        "https://assets.example.com",
        "https://example.com:port",
        "https://169.254.169.254",
        "http://169.254.169.254",
        "http://2852039166",
        "https://[fe80::1]",
        "https://[::ffff:169.254.169.254]",
        "https://[fd00:ec2::254]",
        "http://metadata.google.internal",
    ],
)
def test_a_dangerous_or_wrong_endpoint_is_refused(url: str) -> None:
    """Unencrypted, a password, the bucket, a metadata service: refused without repeating a secret."""
    found = problems(endpoint_url=url, **FIELDS)
    assert all(text.startswith("endpoint_url") for text in found)
    assert "canary" not in str(found)


@pytest.mark.parametrize(
    "url", ["https://example.com", "http://127.0.0.1:1", "http://localhost", "http://[::1]:9", "http://127.0.0.1/s3/r2"]
)
def test_a_sound_endpoint_is_taken(url: str) -> None:
    """Encrypted anywhere, unencrypted on this machine."""
    assert url == r2(endpoint_url=url, **FIELDS).endpoint_url


def test_unencrypted_http_can_be_allowed() -> None:
    """The field that the refusal names allows it, but never for a metadata service."""
    assert r2(endpoint_url="http://minio:9000", insecure_http=True, **FIELDS).insecure_http
    assert 1 == len(problems(endpoint_url="http://169.254.169.254", insecure_http=True, **FIELDS))


def test_an_endpoint_and_a_jurisdiction_exclude_each_other() -> None:
    """The host would say one thing and the field another."""
    assert 1 == len(problems(endpoint_url="https://example.com", jurisdiction="eu", **FIELDS))


@pytest.mark.parametrize(
    ("factory", "url", "fields"),
    [
        (R2Backend, "r2://0123ab/assets", {"account_id": "0123ab", "bucket": "assets"}),
        (R2Backend, "r2://0123ab/assets/", {"account_id": "0123ab", "bucket": "assets"}),
        (R2Backend, "r2:///assets", {"bucket": "assets"}),
        (R2Backend, "r2://0123ab/assets/maps", {"account_id": "0123ab", "bucket": "assets/maps"}),
        (S3Backend, "s3://assets?endpoint_url=http://127.0.0.1:9", {"bucket": "assets"}),
        (S3Backend, "s3://assets/maps", {"bucket": "assets/maps"}),
    ],
)
def test_a_url_gives_account_and_bucket(factory: type[S3Backend], url: str, fields: dict[str, str]) -> None:
    """A path after the bucket is kept, so that it is refused and not lost."""
    assert fields == factory.from_url(urlsplit(url))


def test_a_path_behind_the_bucket_is_refused() -> None:
    """The message says how to use a folder."""
    assert "store.scoped()" in problems(bucket="assets/maps", **FIELDS)[0]


def test_the_location_tells_people_where() -> None:
    """It is short, without account and endpoint."""
    assert "r2 assets, remote" == r2(**FIELDS).location
    assert "r2 assets, local" == r2(endpoint_url="http://127.0.0.1:9", **FIELDS).location
    assert "s3 assets, remote" == S3Backend(bucket="assets").location


def test_a_blank_setting_is_none() -> None:
    """An unset variable with an empty default means that there is no such setting."""
    backend = r2(public_url="", session_token="", endpoint_url="", **FIELDS)
    assert (None, None, None) == (backend.public_url, backend.session_token, backend.endpoint_url)


def test_the_import_loads_no_vendor() -> None:
    """Importing the plugin and building a backend need neither boto3 nor botocore yet."""
    code = (
        "import sys; from assetstore_r2 import R2Backend;"
        "R2Backend(bucket='assets', account_id='0', access_key='a', secret_key='b');"
        "print([name for name in sys.modules if name.startswith(('boto', 's3transfer', 'urllib3'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout
