"""The backends ``R2Backend`` and ``S3Backend``: their settings and their hooks."""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import SplitResult, unquote, urlsplit

import attrs

from assetstore.plugin import (
    AssetInfo,
    AssetStream,
    BeginPartsOptions,
    CheckOptions,
    CheckReport,
    CollectOptions,
    CollectReport,
    ConfigError,
    Container,
    ContainerOptions,
    CopyOptions,
    DeleteOptions,
    DeleteReport,
    DownloadOptions,
    EndPartsOptions,
    ListOptions,
    ListPage,
    NewAsset,
    PartsOptions,
    PerProcess,
    PresignedRequest,
    PresignOptions,
    ReadOptions,
    SigningKeys,
    SigningKeysOptions,
    Source,
    StatOptions,
    UploadedPart,
    UploadManyOptions,
    UploadOptions,
    UrlOptions,
    every,
    hookimpl,
    is_web_url,
    limits,
    secret,
)
from assetstore_r2 import listing, read  # the other modules are loaded by the hooks that they serve
from assetstore_r2.address import address_at, address_from
from assetstore_r2.bucket import Bucket
from assetstore_r2.client import Client, make_client, make_session
from assetstore_r2.credentials import Credentials, find_credentials
from assetstore_r2.deadline import MIN_RATE, TIMEOUT
from assetstore_r2.endpoint import (
    Endpoint,
    account_problems,
    bucket_problems,
    endpoint_from_environment,
    endpoint_problems,
    is_loopback,
    r2_endpoint,
)
from assetstore_r2.errors import translated
from assetstore_r2.mend import mend
from assetstore_r2.prices import PRICES, price_problems
from assetstore_r2.retry import Retries
from assetstore_r2.sigv4 import Signer
from assetstore_r2.wire.client import WireClient
from assetstore_r2.wire.pool import Pool

_SETTING, _ACCOUNT = "endpoint_url", "account_id"
_STYLES = ("path", "virtual", "auto")
_REGION = re.compile(r"[A-Za-z0-9-]{0,63}")
_IDLE = 2 * limits.MAX_UPLOADS
"""Connections that are kept for the next requests at least: as many as two batches of uploads use."""
_ENGINES = ("wire", "boto3")
# No operating system waits for more seconds than fit into 31 bits; nobody wants to wait for a day.
_SECONDS = (0.001, 86_400, " seconds")
_RANGES: Mapping[str, tuple[float, float, str]] = {
    "part_size": (limits.MIN_PART, limits.MAX_PART, " bytes"),
    "max_concurrency": (1, limits.MAX_CONCURRENCY, ""),
    "max_attempts": (1, 1000, ""),
    "timeout": _SECONDS,
    "min_rate": (0.001, 1 << 40, " bytes a second"),
    "connect_timeout": _SECONDS,
    "read_timeout": _SECONDS,
}
_TOKENS = b"assetstore tokens of direct uploads"
# Only R2 has a condition on the destination of a copy. No service has one that tells two updates of an asset apart.
_SUPPORTS = every(
    *("upload", "upload_many", "read", "download", "list", "delete", "copy", "presign", "collect"),
    *("begin_parts", "list_parts", "end_parts"),
) - {"copy.overwrite", "begin_parts.overwrite", "begin_parts.if_match", "collect.repair"}


def _blank_to_none(value: str | None) -> str | None:
    return value or None


def _and_free(prices: Mapping[str, float]) -> Mapping[str, float]:
    return {"free": 0.0, **prices}


def _or_of_r2(prices: Mapping[str, float]) -> Mapping[str, float]:
    return {**PRICES, **prices}


@attrs.define(eq=False, kw_only=True)
class S3Backend:
    """A bucket of any service that speaks S3: ``s3://bucket?endpoint_url=https://…``.

    Its ETags are digests of the bytes: ``if_match`` guards the bytes of an asset, and an update has no ``if_match``.

    Attributes:
        bucket: the bucket's name.
        endpoint_url: the service's URL; by default from ``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL``, or else Amazon S3.
        region: the region that requests are signed for.
        addressing_style: ``path``, ``virtual`` (the bucket is part of the host name) or ``auto``.
        access_key: the access key ID; by default from ``R2_ACCESS_KEY``, ``AWS_ACCESS_KEY_ID`` or botocore's search.
        secret_key: the secret of ``access_key``.
        session_token: the token of temporary credentials.
        signing_keys: secrets of at least 32 characters, newest first, that sign the tokens of direct uploads; by default one
            derived from ``secret_key``.
        public_url: base URL where the bucket can be read without credentials, or ``None``.
        part_size: bytes of each part, at least 5 MiB; an asset of up to this size is sent in one request.
        max_concurrency: how many parts of an asset are sent or fetched at a time, at most 1,024.
        max_attempts: how often a request is tried, the first attempt included; at most 1,000.
        timeout: seconds that one operation may take beside the time in which its bytes move; for a large asset, each part.
            At most a day, as the other times.
        min_rate: bytes a second, over 30 seconds, below which a transfer is given up.
        connect_timeout: seconds to wait for a connection.
        read_timeout: seconds to wait for the service to send data; only with ``engine = "boto3"``, which has no ``timeout``.
        engine: ``wire``, assetstore's own client of S3, or ``boto3``, which is slower: for proxies that ``wire`` does not
            speak and for handlers of botocore's events.
        checks_sha256: whether the service compares each body with its signed SHA-256, as R2 does and many others do not;
            then ``wire`` sends no Content-MD5.
        insecure_http: allow ``http`` to other machines; requests and assets can then be read in transit.
        prices: what the service charges for a million requests of class ``A``, which write or list, and of ``B``, which
            read, and under ``out`` for a GB that is read: ``{ A = 5.0, B = 0.4, out = 0.09 }``; for ``stats --cost``.
    """

    supports: ClassVar[frozenset[str]] = _SUPPORTS
    kind: ClassVar[str] = "s3"
    botocore_searches: ClassVar[bool] = True
    etags_are_md5: ClassVar[bool] = False
    parts_take_sha256: ClassVar[bool] = True

    bucket: str
    endpoint_url: str | None = attrs.field(default=None, converter=_blank_to_none)
    region: str = "us-east-1"
    addressing_style: str = "auto"
    access_key: str | None = attrs.field(default=None, converter=_blank_to_none)
    secret_key: str | None = secret(default=None, converter=_blank_to_none)
    session_token: str | None = secret(default=None, converter=_blank_to_none)
    signing_keys: tuple[str, ...] = secret(default=())
    public_url: str | None = attrs.field(default=None, converter=_blank_to_none)
    part_size: int = 8 * limits.MIB
    max_concurrency: int = 4
    max_attempts: int = 5
    timeout: float = TIMEOUT
    min_rate: float = MIN_RATE
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    engine: str = "wire"
    checks_sha256: bool = False
    insecure_http: bool = False
    prices: Mapping[str, float] = attrs.field(factory=dict, converter=_and_free)
    _credentials: Credentials | None = attrs.field(init=False, repr=False, default=None)
    _endpoint: Endpoint = attrs.field(init=False, repr=False)
    _opened: PerProcess[Bucket] = attrs.field(init=False, repr=False)
    _vendor: PerProcess[Client] = attrs.field(init=False, repr=False)
    _neighbours: dict[str, S3Backend] = attrs.field(init=False, repr=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Check the settings.

        Raises:
            ConfigError: with every problem.
        """
        self._endpoint = self._find_endpoint()
        self._credentials, problems = find_credentials(self.access_key, self.secret_key, self.session_token)
        if self._credentials is None and not problems and not self.botocore_searches:
            problems = ("credentials are missing: set access_key and secret_key, or R2_ACCESS_KEY and R2_SECRET_KEY",)
        problems = (*problems, *self._problems())
        if problems:
            raise ConfigError("; ".join(problems), problems=problems)
        self._opened = PerProcess(self._open)
        self._vendor = PerProcess(lambda: self._make_client(self.max_attempts))

    def _problems(self) -> Iterator[str]:
        yield from bucket_problems(self.bucket)
        url, name = self._endpoint.url, self._endpoint.origin
        if url is not None and name != _ACCOUNT:
            yield from endpoint_problems(url, self.bucket, insecure_http=self.insecure_http, name=name)
        if not _REGION.fullmatch(self.region):
            yield "region must be letters, digits and hyphens, for example 'us-east-1'"
        if self.addressing_style not in _STYLES:
            yield f"addressing_style {self.addressing_style!r} must be one of {', '.join(_STYLES)}"
        for name, (least, most, unit) in _RANGES.items():
            if not least <= getattr(self, name) <= most:
                yield f"{name} must be between {least} and {most}{unit}, got {getattr(self, name)}"
        if self.engine not in _ENGINES:
            yield f"engine {self.engine!r} must be one of {', '.join(_ENGINES)}"
        yield from price_problems(self.prices)
        if any(len(key.encode()) < limits.MIN_SIGNING_KEY for key in self.signing_keys):
            yield f"each of signing_keys must have at least {limits.MIN_SIGNING_KEY} characters"
        if self.public_url is not None and not is_web_url(self.public_url):
            yield "public_url must begin with https:// and a host, and have no blanks"

    @classmethod
    def from_url(cls, parts: SplitResult) -> dict[str, str]:
        """Return the fields that ``s3://bucket`` contains."""
        return {"bucket": unquote(parts.netloc + parts.path.rstrip("/"))}

    @property
    def location(self) -> str:
        """The kind of service, the bucket, and whether it is local, for messages."""
        host = urlsplit(self._endpoint.url or "").hostname or ""
        return f"{self.kind} {self.bucket}, {'local' if is_loopback(host) else 'remote'}"

    @property
    def client(self) -> Client:
        """Botocore's client with every setting pinned; threads may share it. The engine ``wire`` does not use it."""
        return self._vendor.get()

    def _find_endpoint(self) -> Endpoint:
        return endpoint_from_environment() if self.endpoint_url is None else Endpoint(self.endpoint_url, _SETTING)

    def _make_client(self, max_attempts: int) -> Client:
        return make_client(
            make_session(self._credentials),
            endpoint_url=self._endpoint.url,
            region=self.region,
            addressing_style=self.addressing_style,
            max_attempts=max_attempts,
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            max_concurrency=self.max_concurrency,
        )

    def _open(self) -> Bucket:
        if self._endpoint.url is None:
            with translated():
                address = address_from(self._vendor.get(), self.bucket)
        else:
            address = address_at(self._endpoint.url, self.bucket, style=self.addressing_style, region=self.region)
        signer = Signer(address=address, credentials=self._credentials or make_session(None).get_credentials())
        retries = Retries(max_attempts=self.max_attempts)
        if self.engine == "wire":
            retries.mend = functools.partial(mend, signer)
            # Those beyond the size would be closed after each asset, and opened anew for the next.
            size = max(_IDLE, self.max_concurrency)
            pool = Pool(url=address.base, connect_timeout=self.connect_timeout, size=size)
            s3: Client = WireClient(signer, pool)
        else:
            s3 = self._make_client(1)
        return Bucket(
            s3=s3,
            signer=signer,
            name=self.bucket,
            part_size=self.part_size,
            max_concurrency=self.max_concurrency,
            vendor=self._vendor,
            timeout=self.timeout,
            min_rate=self.min_rate,
            retries=retries,
            is_r2=self.kind == "r2",
            signs_bodies=self.engine == "wire",
            sends_md5=not self.checks_sha256 or self.engine != "wire",
            parts_take_sha256=self.parts_take_sha256,
            etags_are_md5=self.etags_are_md5,
        )

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Write an asset, in parts when it is larger than one."""
        from assetstore_r2 import upload

        with self._opened.get().deadline():
            return upload.upload(self._opened.get(), key, source, options)

    @hookimpl
    def assetstore_upload_many(
        self, items: Sequence[NewAsset], options: UploadManyOptions
    ) -> Sequence[AssetInfo | Exception | None] | None:
        """Write the small ones of several assets at once, in this thread."""
        from assetstore_r2 import upload_many  # who writes one asset does without

        with self._opened.get().deadline():
            return upload_many.upload_many(self._opened.get(), items, options)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Open an asset; reading resumes after a broken connection."""
        with self._opened.get().deadline():
            return read.read(self._opened.get(), key, options)

    @hookimpl
    def assetstore_download(self, key: str, path: Path, options: DownloadOptions) -> AssetInfo | None:
        """Write an asset to a file, a large one by several ranges at a time."""
        from assetstore_r2 import download

        with self._opened.get().deadline():
            return download.download(self._opened.get(), key, path, options)

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo | None:
        """Look an asset up by a HEAD."""
        with self._opened.get().deadline():
            return read.stat(self._opened.get(), key)

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
        """List a page of at most 1,000."""
        with self._opened.get().deadline():
            return listing.list_page(self._opened.get(), prefix, options)

    @hookimpl
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport | None:
        """Delete up to 1,000 assets in one request."""
        from assetstore_r2 import delete

        with self._opened.get().deadline():
            return delete.delete(self._opened.get(), keys)

    @hookimpl
    def assetstore_copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
        """Copy inside the bucket, or from another of the service."""
        from assetstore_r2 import copy

        with self._opened.get().deadline():
            bucket = self._opened.get()
            origin = None if options.container is None else self._neighbour(options.container.name)
            return copy.copy(bucket, source, destination, options, origin)

    def _neighbour(self, name: str) -> Bucket:
        """Return another bucket of this service, with the same settings."""
        if name not in self._neighbours:
            self._neighbours.setdefault(name, attrs.evolve(self, bucket=name))
        return self._neighbours[name]._opened.get()  # noqa: SLF001 - it is of this class

    @hookimpl
    def assetstore_container(self, options: ContainerOptions) -> Container | None:
        """Return the bucket; who may do the same is told by a digest of the access key."""
        key = self._credentials.access_key if self._credentials else "botocore's search"
        parts = urlsplit(self._endpoint.url or "https://amazonaws.com")
        service = f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
        return Container(service=service, account=hashlib.sha256(key.encode()).hexdigest(), name=self.bucket)

    @hookimpl
    def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest | None:
        """Sign a request by SigV4."""
        from assetstore_r2 import presign

        return presign.presign(self._opened.get(), [key], options)[0]

    @hookimpl
    def assetstore_presign_many(self, keys: Sequence[str], options: PresignOptions) -> Sequence[PresignedRequest] | None:
        """Sign requests that share all but their keys."""
        from assetstore_r2 import presign

        return presign.presign(self._opened.get(), keys, options)

    @hookimpl
    def assetstore_url(self, key: str, options: UrlOptions) -> str | None:
        """Return the URL under ``public_url``, if one is set."""
        from assetstore_r2 import presign

        return None if self.public_url is None else presign.public_url(self.public_url, key)

    @hookimpl
    def assetstore_begin_parts(self, key: str, options: BeginPartsOptions) -> str | None:
        """Begin a multipart upload."""
        from assetstore_r2 import multipart_direct

        with self._opened.get().deadline():
            return multipart_direct.begin(self._opened.get(), key, options)

    @hookimpl
    def assetstore_list_parts(self, key: str, options: PartsOptions) -> Sequence[UploadedPart] | None:
        """List the parts of a multipart upload, page by page."""
        from assetstore_r2 import multipart_direct

        with self._opened.get().deadline():
            return multipart_direct.listed(self._opened.get(), key, options.upload_id)

    @hookimpl
    def assetstore_end_parts(self, key: str, options: EndPartsOptions) -> AssetInfo | None:
        """Complete or abort a multipart upload."""
        from assetstore_r2 import multipart_direct

        with self._opened.get().deadline():
            if options.parts is not None:
                return multipart_direct.end(self._opened.get(), key, options.upload_id, options.parts)
            multipart_direct.drop(self._opened.get(), key, options.upload_id)
        return AssetInfo(key=key, size=0)

    @hookimpl
    def assetstore_signing_keys(self, options: SigningKeysOptions) -> SigningKeys | None:
        """Return the configured keys, or one derived from the secret that all servers of the store share."""
        if self.signing_keys:
            return SigningKeys.of(self.signing_keys)
        if self._credentials is None or self._credentials.session_token is not None:
            # Another server, or this one an hour later, may find another secret.
            return None
        return SigningKeys((hmac.digest(self._credentials.secret_key.encode(), _TOKENS, hashlib.sha256),))

    @hookimpl
    def assetstore_check(self, options: CheckOptions) -> CheckReport | None:
        """Check credentials, endpoint, bucket and clock."""
        from assetstore_r2 import check

        credentials = self._credentials.origin if self._credentials else "botocore's search"
        with self._opened.get().deadline():
            return check.check(self._opened.get(), credentials=credentials, endpoint=self._endpoint.origin)

    @hookimpl
    def assetstore_collect(self, options: CollectOptions) -> CollectReport | None:
        """Find the uploads in parts that nobody ended; each request has a time of its own, because there may be many."""
        from assetstore_r2 import collect  # most programs never collect

        return collect.collect(self._opened.get(), options)

    @hookimpl
    def assetstore_commands(self) -> Sequence[Any] | None:
        """Return the commands ``cors`` and ``lifecycle``."""
        from assetstore_r2.commands import commands

        return commands(self._opened.get)

    @hookimpl
    def assetstore_close(self) -> None:
        """Close the connections of this process."""
        for neighbour in self._neighbours.values():
            neighbour.assetstore_close()
        for holder in (bucket.s3 if (bucket := self._opened.pop()) else None, self._vendor.pop()):
            if holder is not None:
                holder.close()


@attrs.define(eq=False, kw_only=True)
class R2Backend(S3Backend):
    """A bucket of Cloudflare R2: ``r2://ACCOUNT_ID/bucket``, with ``?jurisdiction=eu`` if it has one.

    Attributes:
        account_id: the account's ID, 32 hex digits; it forms the endpoint.
        jurisdiction: ``eu``, ``fedramp`` or ``us`` for a bucket that was created in one.
        endpoint_url: the endpoint, instead of ``account_id`` and ``jurisdiction``.
        prices: as for S3, in place of those of R2's Standard storage class on 2026-11-22: ``{ A = 4.5, B = 0.36, out = 0 }``
            dollars (https://developers.cloudflare.com/r2/pricing/).
    """

    supports: ClassVar[frozenset[str]] = _SUPPORTS | {"copy.overwrite"}
    kind: ClassVar[str] = "r2"
    botocore_searches: ClassVar[bool] = False
    etags_are_md5: ClassVar[bool] = True
    parts_take_sha256: ClassVar[bool] = False

    account_id: str | None = attrs.field(default=None, converter=_blank_to_none)
    jurisdiction: str | None = attrs.field(default=None, converter=_blank_to_none)
    region: str = attrs.field(init=False, default="auto")
    addressing_style: str = attrs.field(init=False, default="path")
    checks_sha256: bool = attrs.field(init=False, default=True)
    prices: Mapping[str, float] = attrs.field(factory=dict, converter=_or_of_r2)

    def _problems(self) -> Iterator[str]:
        yield from account_problems(self.account_id, self.jurisdiction, self.endpoint_url)
        yield from super()._problems()

    @classmethod
    def from_url(cls, parts: SplitResult) -> dict[str, str]:
        """Return the fields that ``r2://ACCOUNT_ID/bucket`` contains; the account is left out if endpoint_url is given."""
        fields = {"bucket": unquote(parts.path.strip("/"))}
        return {**fields, "account_id": parts.netloc} if parts.netloc else fields

    def _find_endpoint(self) -> Endpoint:
        if self.endpoint_url is not None:
            return Endpoint(self.endpoint_url, _SETTING)
        return Endpoint(r2_endpoint(self.account_id or "", self.jurisdiction), _ACCOUNT)
