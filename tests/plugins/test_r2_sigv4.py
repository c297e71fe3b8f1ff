"""Our signatures are botocore's, byte for byte; headers that botocore leaves out are signed too."""

from __future__ import annotations

import functools
import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, quote, urlsplit

import attrs
import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.credentials import RefreshableCredentials
from botocore.session import Session
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from r2_stand_in import backend_at

from assetstore import CredentialsError, InvalidOptionError, PresignedRequest, UnsupportedError
from assetstore.plugin import Part, PresignOptions, is_valid_key
from assetstore_r2 import R2Backend, S3Backend
from assetstore_r2.address import address_at
from assetstore_r2.credentials import Credentials
from assetstore_r2.sigv4 import Signer, quoted_paths

EXAMPLES = settings().max_examples
OPERATIONS = {"GET": "get_object", "HEAD": "head_object", "PUT": "put_object", "DELETE": "delete_object"}
NAMES = {
    "response-content-disposition": "ResponseContentDisposition",
    "response-content-type": "ResponseContentType",
    "cache-control": "CacheControl",
    "content-length": "ContentLength",
    "content-type": "ContentType",
    "if-none-match": "IfNoneMatch",
    "x-amz-checksum-sha256": "ChecksumSHA256",
}
LEFT_OUT = "application/x-www-form-urlencoded; charset=utf-8"
METADATA = "x-amz-meta-"
KEYS: dict[str, Any] = {"access_key": "AKIDEXAMPLE0123456", "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}


@attrs.frozen(eq=False)
class Place:
    """A bucket for both sides: our class, its fields, and botocore's own settings."""

    factory: type[S3Backend]
    fields: dict[str, Any]
    endpoint: str | None
    region: str = "auto"
    style: str = "path"


R2_HOST = "https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com"
PLACES = (
    Place(R2Backend, {"bucket": "assets", "account_id": "0123456789abcdef0123456789abcdef"}, R2_HOST),
    Place(
        R2Backend,
        {"bucket": "dotted.name", "account_id": "0" * 32, "jurisdiction": "eu"},
        f"https://{'0' * 32}.eu.r2.cloudflarestorage.com",
    ),
    Place(R2Backend, {"bucket": "assets", "endpoint_url": "http://127.0.0.1:8787/r2"}, "http://127.0.0.1:8787/r2"),
    Place(R2Backend, {"bucket": "assets", "endpoint_url": "http://[::1]:8787"}, "http://[::1]:8787"),
    Place(R2Backend, {"bucket": "assets", "endpoint_url": "https://R2.Example:443/"}, "https://R2.Example:443/"),
    *(
        Place(
            S3Backend,
            {"bucket": bucket, "endpoint_url": "https://s3.example:9000", "addressing_style": style, "region": "eu-north-1"},
            "https://s3.example:9000",
            "eu-north-1",
            style,
        )
        for bucket in ("assets", "dotted.name")
        for style in ("path", "virtual", "auto")
    ),
    *(
        Place(S3Backend, {"bucket": "assets", "addressing_style": style, "region": region}, None, region, style)
        for region in ("us-east-1", "eu-central-1", "cn-north-1")
        for style in ("path", "virtual", "auto")
    ),
)
TOKENS = (None, "FwoGZXIvYXdzE/+=//token==")


@functools.cache
def sides(place: Place, token: str | None) -> tuple[S3Backend, Any]:
    """Return our backend and an independent botocore client."""
    backend = place.factory(**place.fields, **KEYS, session_token=token)
    style: Any = {"addressing_style": place.style}
    client = Session().create_client(
        "s3",
        region_name=place.region,
        endpoint_url=place.endpoint,
        aws_access_key_id=KEYS["access_key"],
        aws_secret_access_key=KEYS["secret_key"],
        aws_session_token=token,
        config=Config(signature_version="s3v4", s3=style),
    )
    return backend, client


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Set botocore's clock."""
    if hasattr(botocore.auth, "get_current_datetime"):
        with mock.patch.object(botocore.auth, "get_current_datetime", return_value=moment):
            yield
        return
    with mock.patch.object(botocore.auth, "datetime") as module:  # up to botocore 1.39
        module.datetime.utcnow.return_value = moment
        yield


def botocores(client: Any, bucket: str, key: str, options: PresignOptions, ours: str) -> str:
    """Return what botocore signs for the same request, at the time of our URL."""
    answered = {f"response-{name}": value for name, value in options.answered_headers().items()}
    bound = options.bound_headers()
    params: dict[str, Any] = {NAMES[name]: value for name, value in (answered | bound).items() if name in NAMES}
    if "ContentLength" in params:
        params["ContentLength"] = int(params["ContentLength"])
    if options.metadata:
        params["Metadata"] = {
            name.removeprefix(METADATA): value for name, value in bound.items() if name.startswith(METADATA)
        }
    operation = OPERATIONS[options.method]
    if options.part is not None:
        operation = "upload_part"
        params |= {"PartNumber": options.part.number, "UploadId": options.part.upload_id}
    query = parse_qs(urlsplit(ours).query)
    with at(datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)):
        url: str = client.generate_presigned_url(
            operation, Params={"Bucket": bucket, "Key": key, **params}, ExpiresIn=options.expires + (options.window or 0)
        )
    return url


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
HEADER = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=30)
TYPES = st.sampled_from(["image/png", "text/plain; charset=utf-8", "application/x-www-form-urlencoded", 'a/b;  c="d  e"'])
ASSET_KEYS = st.one_of(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60),
    st.text("ab /.~%+?#&=;:@!$'()*,[]{}|^`\"<>\\-_ü😀", min_size=1, max_size=20),
).filter(is_valid_key)
METADATA_NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True).filter(
    lambda name: not name.startswith("assetstore-")
)


def made(fields: dict[str, Any]) -> PresignOptions:
    """Make options."""
    return PresignOptions(**fields)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[PresignOptions]:
    """Make options of which any field may be left out."""
    return st.fixed_dictionaries({}, optional=fields).map(made)


SPAN = {"expires": st.integers(1, 302_400), "window": st.integers(1, 302_400)}
OPTIONS = st.one_of(
    some(content_type=TYPES, download_as=TEXT.filter(bool), **SPAN),
    some(method=st.just("HEAD"), **SPAN).map(lambda options: attrs.evolve(options, method="HEAD")),
    some(expires=st.integers(1, 604_800)).map(lambda options: attrs.evolve(options, method="DELETE")),
    st.fixed_dictionaries(
        {"method": st.just("PUT")},
        optional={
            "expires": st.integers(1, 604_800),
            "content_type": TYPES,
            "content_length": st.integers(0, 1 << 40),
            "sha256": st.binary(min_size=32, max_size=32).map(bytes.hex),
            "metadata": st.dictionaries(METADATA_NAMES, TEXT, max_size=3),
            "cache_control": HEADER,
            "overwrite": st.booleans(),
        },
    ).map(made),
    st.fixed_dictionaries(
        {
            "method": st.just("PUT"),
            "part": st.builds(Part, number=st.integers(1, 10_000), upload_id=st.one_of(HEADER, TEXT.filter(bool))),
        },
        optional={"content_length": st.integers(0, 1 << 32), "sha256": st.binary(min_size=32, max_size=32).map(bytes.hex)},
    ).map(made),
)


def signed(backend: S3Backend, key: str, options: PresignOptions) -> PresignedRequest:
    """Sign through the hook."""
    request = backend.assetstore_presign(key=key, options=options)
    assert request is not None
    return request


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PLACES), st.sampled_from(TOKENS), ASSET_KEYS, OPTIONS)
@example(PLACES[0], None, "a b/ü 😀?#%25+&=~*'().txt", PresignOptions(download_as='Karte "ü"; %41', content_type="a/b"))
@example(PLACES[0], TOKENS[1], "k", PresignOptions(method="PUT", metadata={"a": "", "b": " =?x?= "}, overwrite=False))
def test_every_url_is_botocores(place: Place, token: str | None, key: str, options: PresignOptions) -> None:
    """Any key, header and parameter, either style, with and without a session token: the same bytes, at the same time."""
    backend, client = sides(place, token)
    if options.part and not backend.parts_take_sha256:
        options = attrs.evolve(options, sha256=None)
    request = signed(backend, key, options)
    assert botocores(client, backend.bucket, key, options, request.url) == request.url
    assert options.bound_headers() == dict(request.headers)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(st.datetimes(datetime(2013, 1, 1), datetime(2100, 1, 1)), st.integers(1, 604_800))
def test_every_time_is_botocores(moment: datetime, seconds: int) -> None:
    """Each day's key is derived anew, and another day's is never used."""
    backend, client = sides(PLACES[0], None)
    begin = moment.replace(microsecond=0, tzinfo=UTC)
    template = backend._opened.get().signer.template("GET", query={}, headers={}, begin=begin, seconds=seconds)
    with at(begin):
        botocores_own = client.generate_presigned_url("get_object", {"Bucket": "assets", "Key": "a"}, seconds)
    assert [botocores_own] == template.urls(["a"])


@settings(max_examples=EXAMPLES)
@given(st.lists(st.one_of(ASSET_KEYS, st.text(st.characters(exclude_categories=["Cs"]), max_size=5)), max_size=5))
@example(["%", "%25 %", "a%0Ab", "a\nb", "é"])
def test_many_keys_are_quoted_as_each_alone(keys: list[str]) -> None:
    """All at once they are what urllib makes of each, even where a foreign key holds a line break."""
    assert list(map(quote, keys)) == quoted_paths(keys)


@settings(max_examples=EXAMPLES)
@given(st.lists(ASSET_KEYS, min_size=1, max_size=5), OPTIONS)
def test_many_urls_are_those_of_one_by_one(keys: list[str], options: PresignOptions) -> None:
    """Keys that are signed together have the URLs that each has alone, in their order."""
    backend, _ = sides(PLACES[0], TOKENS[1])
    options = attrs.evolve(options, sha256=None) if options.part else options
    begin, end = options.span(datetime(2026, 1, 1, tzinfo=UTC))
    template = backend._opened.get().signer.template(
        options.method,
        query=options.answered_headers(),
        headers=options.bound_headers(),
        begin=begin,
        seconds=int((end - begin).total_seconds()),
    )
    assert [template.urls([key])[0] for key in keys] == template.urls(keys)
    assert len(keys) == len(backend.assetstore_presign_many(keys=keys, options=options) or ())


def test_the_type_that_botocore_leaves_out_is_bound() -> None:
    """A form's content type is not signed by botocore; we sign it if it was requested."""
    backend, client = sides(PLACES[0], None)
    options = PresignOptions(method="PUT", content_type=LEFT_OUT)
    ours = signed(backend, "a", options).url
    theirs = botocores(client, "assets", "a", options, ours)
    assert ["content-type;host"] == parse_qs(urlsplit(ours).query)["X-Amz-SignedHeaders"]
    assert ["host"] == parse_qs(urlsplit(theirs).query)["X-Amz-SignedHeaders"]


def test_a_window_has_one_url_and_its_end_is_told() -> None:
    """All signatures within a window are one URL, which lives `expires` seconds longer than the window."""
    backend = backend_at("http://127.0.0.1:1")
    options = PresignOptions(expires=600, window=300_000)
    # The clock may pass from one span to the next between two of them, once.
    requests = [signed(backend, "a", options) for _ in range(3)]
    assert 2 >= len({request.url for request in requests})
    last = requests[-1]
    query = parse_qs(urlsplit(last.url).query)
    begin = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert 0 == int(begin.timestamp()) % 300_000
    assert ["300600"] == query["X-Amz-Expires"]
    assert begin + timedelta(seconds=300_600) == last.expires_at
    assert last.expires_at - datetime.now(UTC) >= timedelta(seconds=599)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("content_type", {"content_type": "a/b"}),
        ("metadata", {"metadata": {"a": "b"}}),
        ("cache_control", {"cache_control": "no-store"}),
        ("overwrite", {"overwrite": False}),
    ],
)
def test_a_part_takes_nothing_that_would_not_hold(name: str, options: dict[str, Any]) -> None:
    """S3 ignores these on a part, so they are refused and not dropped."""
    backend = backend_at("http://127.0.0.1:1")
    with pytest.raises(InvalidOptionError, match=name):
        signed(backend, "a", PresignOptions(method="PUT", part=Part(upload_id="u", number=1), **options))


def test_r2_takes_no_sha256_with_a_part() -> None:
    """R2 responds with 501, so signing would only delay the refusal."""
    options = PresignOptions(method="PUT", part=Part(upload_id="u", number=1), sha256="0" * 64)
    with pytest.raises(UnsupportedError, match="sha256"):
        signed(backend_at("http://127.0.0.1:1"), "a", options)


def test_a_part_goes_to_the_services_own_upload() -> None:
    """The mark that we put before an upload's id stays out of the URL."""
    backend = backend_at("http://127.0.0.1:1")
    part = Part(upload_id=f"{'0' * 32}.abc.def", number=7)
    query = parse_qs(urlsplit(signed(backend, "a", PresignOptions(method="PUT", part=part)).url).query)
    assert (["7"], ["abc.def"]) == (query["partNumber"], query["uploadId"])


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("endpoint", [f"{R2_HOST}".replace("https", "http"), "http://127.0.0.1:8787/r2"])
@pytest.mark.parametrize(
    ("method", "key", "query", "headers", "body"),
    [
        ("GET", "a b/ü 😀?#%25+&=~*'().txt", "", {}, b""),
        ("GET", "", "continuation-token=a%2Fb&list-type=2&prefix=x%3F", {"range": "bytes=0-1"}, b""),
        ("PUT", "k", "partNumber=1&uploadId=u%3D", {"content-type": "text/plain", "x-amz-meta-b": "1", "a": "2"}, b"abc"),
        ("DELETE", "x", "", {"if-match": '"e"', "x-amz-meta-blanks": "a   b"}, b""),
    ],
)
def test_every_signed_request_is_botocores(
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
    endpoint: str,
    method: str,
    key: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
) -> None:
    """A request that is sent carries botocore's own Authorization, by the service's clock, with the headers it signs."""
    address = address_at(endpoint, "assets", style="path", region="auto")
    ours = Signer(address=address, credentials=Credentials(**KEYS, session_token=token, origin=""), skew=3600)
    monkeypatch.setattr(time, "time", lambda: 1_780_000_000.5)
    target = f"{urlsplit(address.base).path}{quote(key)}{f'?{query}' if query else ''}"
    sent = ours.headers(method, target, headers, hashlib.sha256(body).hexdigest())
    theirs = AWSRequest(method, f"{address.base}{quote(key)}?{query}", headers, body)
    with at(datetime.fromtimestamp(1_780_003_600, UTC)):
        S3SigV4Auth(BotocoreCredentials(KEYS["access_key"], KEYS["secret_key"], token), "s3", "auto").add_auth(theirs)
    names = {"authorization", "x-amz-date", "x-amz-content-sha256", *(["x-amz-security-token"] if token else [])}
    expected = {name: theirs.headers[name] for name in names}
    expected["authorization"] = expected["authorization"].replace(", ", ",")
    assert {**headers, "host": address.host, **expected} == sent


def test_a_signer_keeps_the_keys_of_few_days() -> None:
    """And none of another token, though it be of the same key; it remembers what it was last asked for alone."""
    address = address_at(R2_HOST, "assets", style="path", region="auto")
    signer = Signer(address=address, credentials=Credentials(**KEYS, session_token="one", origin=""))
    for day in range(1, 29):
        signer.template("GET", query={}, headers={}, begin=datetime(2026, 1, day, tzinfo=UTC), seconds=60)
        assert ((day - 1) % 16) + 1 == len(signer._days)
    made: list[int] = []
    for asked in (("a", 1), ("a", 1), ("b", 1), ("a", 1)):
        signer.remembered(asked, lambda: made.append(1) or len(made))
    assert 3 == len(made)
    signer.credentials = Credentials(**KEYS, session_token="two", origin="")
    assert 4 == signer.remembered(("a", 1), lambda: made.append(1) or len(made))
    (url,) = signer.template(
        "GET", query={}, headers={}, begin=datetime(2026, 1, 28, tzinfo=UTC), seconds=60
    ).urls(["a"])
    assert ["two"] == parse_qs(urlsplit(url).query)["X-Amz-Security-Token"]


def test_credentials_that_are_renewed_are_taken_up() -> None:
    """A role's credentials expire every hour; later signatures use the new ones, as botocore's do."""
    issued = iter(range(100))

    def metadata() -> dict[str, str]:
        number, end = next(issued), datetime.now(UTC) + timedelta(seconds=1)
        secrets = {"access_key": f"AKID{number}", "secret_key": f"secret{number}", "token": f"token{number}"}
        return {**secrets, "expiry_time": end.isoformat()}

    credentials = RefreshableCredentials.create_from_metadata(metadata(), metadata, "test")
    address = address_at(R2_HOST, "assets", style="path", region="auto")
    signer = Signer(address=address, credentials=credentials)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    templates = [signer.template("GET", query={}, headers={}, begin=begin, seconds=60) for _ in range(20)]
    urls = [url for template in templates for url in template.urls(["a"])]
    assert 20 == len(set(urls))
    assert re.search(r"Credential=AKID\d+%2F20260101%2Fauto%2Fs3%2Faws4_request&", urls[-1])
    assert 16 >= len(signer._days)


def test_without_credentials_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """If botocore finds none, the error says so."""
    monkeypatch.setenv("HOME", "/nonexistent")
    backend = S3Backend(bucket="assets", endpoint_url="http://127.0.0.1:1")
    with pytest.raises(CredentialsError, match="no credentials"):
        signed(backend, "a", PresignOptions())
    backend.assetstore_close()


def test_no_secret_is_shown() -> None:
    """Neither the repr of a signer, nor of its days, nor of what it signed last shows a key."""
    backend, _ = sides(PLACES[0], TOKENS[1])
    signed(backend, "a", PresignOptions())
    bucket = backend._opened.get()
    assert bucket.signer._last is not None
    shown = f"{backend!r} {bucket!r} {bucket.signer!r} {bucket.signer._days.values()!r} {bucket.signer._last[1]!r}"
    assert KEYS["secret_key"] not in shown
    assert TOKENS[1] not in shown
    assert all(repr(day.key) not in shown for day in bucket.signer._days.values())
