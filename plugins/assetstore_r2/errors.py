"""Maps every error of the service and its client to one class of assetstore.

``BY_CODE`` lists R2's error codes (R2, "Error codes"), others that were seen from R2, and those that other S3 services add.
Responses to HEAD have no body, so ``BY_STATUS`` alone classifies them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

from assetstore.plugin import (
    AccessDeniedError,
    AlreadyExistsError,
    AssetStoreError,
    BackendError,
    ConfigError,
    CredentialsError,
    IntegrityError,
    InvalidKeyError,
    InvalidOptionError,
    NoSpaceError,
    NotFoundError,
    PreconditionError,
    SourceError,
    StoreNotFoundError,
    UnavailableError,
    UnsupportedError,
)
from assetstore_r2.wire.errors import NotHttpError, NotSentError, S3Error, TooSlowError, UntrustedError, WireError

Row: TypeAlias = tuple[type[AssetStoreError], str, str | None]

_CHECK_ADDRESS = (
    "check the bucket's name, the account id and, on R2, the jurisdiction (eu, fedramp or us): each has its own endpoint"
)
_REGION = "set region to the bucket's region; on R2 it is 'auto', which R2Backend sets"
_LATER = "try again later"
_MAX_SKEW = 900.0
"""Seconds between the clocks beyond which services refuse every request."""
_AGAIN = "upload it again"
_FOREIGN = "the response is not from the store"
_BUG = "this is a bug in assetstore or in a proxy before the store; please report it"

BY_CODE: Mapping[str, Row] = {
    "Unauthorized": (
        CredentialsError,
        "the access key is unknown, expired or revoked",
        "create an API token and set access_key and secret_key to its S3 credentials",
    ),
    "InvalidAccessKeyId": (CredentialsError, "the store does not know the access key", "check access_key"),
    "ExpiredToken": (CredentialsError, "the temporary credentials expired", "get new ones and open the store again"),
    "InvalidToken": (CredentialsError, "the session token is not valid", "get new temporary credentials"),
    "SignatureDoesNotMatch": (
        CredentialsError,
        "the secret key does not match the access key, or the request was altered in transit",
        "copy secret_key again, without spaces; if it is right, look for a proxy that rewrites paths or headers",
    ),
    "RequestTimeTooSkewed": (
        CredentialsError,
        "the clock of this machine differs from the store's by more than 15 minutes",
        "set the clock, preferably by NTP",
    ),
    "ExpiredRequest": (
        CredentialsError,
        "the signed request expired",
        "sign it again; if it is new, set this machine's clock",
    ),
    "AccessDenied": (
        AccessDeniedError,
        "the access key does not permit this, or not in this bucket",
        f"give the token this permission for this bucket; if it has it, {_CHECK_ADDRESS}",
    ),
    "NotEntitled": (AccessDeniedError, "the account has no R2 subscription", "enable R2 in Cloudflare's dashboard"),
    "ObjectLockedByBucketPolicy": (
        AccessDeniedError,
        "a bucket lock protects the asset",
        "wait until the lock ends or change the bucket's lock rules",
    ),
    "NoSuchBucket": (StoreNotFoundError, "there is no such bucket at this endpoint", _CHECK_ADDRESS),
    "NoSuchKey": (NotFoundError, "there is no such asset", None),
    "NoSuchUpload": (BackendError, "the multipart upload was completed or aborted, or it expired", _AGAIN),
    "InvalidBucketName": (ConfigError, "the store refuses the bucket's name", "check bucket"),
    "InvalidRegionName": (ConfigError, "the store refuses the region", _REGION),
    "AuthorizationHeaderMalformed": (ConfigError, "the store refuses the region", _REGION),
    "PermanentRedirect": (ConfigError, "the bucket is in another region", _REGION),
    "TemporaryRedirect": (ConfigError, "the bucket is in another region", _REGION),
    "IllegalLocationConstraintException": (ConfigError, "the bucket is in another region", _REGION),
    "RouteNotFound": (ConfigError, "the endpoint has no such URL", "set endpoint_url without bucket and path"),
    "InvalidObjectName": (InvalidKeyError, "the store refuses the key", None),
    "KeyTooLongError": (InvalidKeyError, "the store refuses the key as too long", None),
    "EntityTooLarge": (SourceError, "the asset is larger than the store accepts", "split it"),
    "MetadataTooLarge": (InvalidOptionError, "the metadata is larger than the store accepts", "shorten it"),
    "InvalidStorageClass": (InvalidOptionError, "the store does not support the storage class", None),
    "InvalidMaxKeys": (InvalidOptionError, "the store refuses the limit of the listing", None),
    "InvalidRange": (InvalidOptionError, "the range is outside the asset", None),
    "PreconditionFailed": (PreconditionError, "the stored version is not the one in if_match", "read it again, then decide"),
    "ExistingObjectIsFile": (
        InvalidKeyError,
        "the service keeps folders, and an asset of this name, or of one that it begins with, is in the way",
        "choose a key that does not lie below another asset and does not end in a slash",
    ),
    "ConditionalRequestConflict": (UnavailableError, "another write to the same key was in progress", "try again"),
    "BadDigest": (IntegrityError, "the bytes were damaged in transit; nothing was stored", _AGAIN),
    "XAmzContentSHA256Mismatch": (IntegrityError, "the bytes were damaged in transit; nothing was stored", _AGAIN),
    "IncompleteBody": (UnavailableError, "the connection broke before all bytes had arrived", _AGAIN),
    "ClientDisconnect": (UnavailableError, "the connection broke before all bytes had arrived", _AGAIN),
    "RequestTimeout": (UnavailableError, "the store timed out waiting for the bytes", _AGAIN),
    "TooManyRequests": (
        UnavailableError,
        "rate limited",
        "write a key at most once a second, or lower max_concurrency; then try again",
    ),
    "SlowDown": (UnavailableError, "rate limited", "lower max_concurrency and try again"),
    "TooMuchConcurrency": (UnavailableError, "rate limited", "lower max_concurrency and try again"),
    "InternalError": (UnavailableError, "the store had an internal error", _LATER),
    "ServiceUnavailable": (UnavailableError, "the store is temporarily unavailable", _LATER),
    "QuotaExceeded": (NoSpaceError, "the store's quota is used up", "delete something or raise the quota"),
    "NotImplemented": (UnsupportedError, "the store does not implement this request", None),
    "TooManyBuckets": (BackendError, "bucket limit reached", "delete one"),
    "BucketNotEmpty": (BackendError, "the bucket is not empty", None),
    "BucketConflict": (BackendError, "a bucket of this name already exists", None),
    "EntityTooSmall": (BackendError, "a part was smaller than the store accepts", "set part_size to 5 MiB or more"),
    "InvalidPart": (BackendError, "the store refused a part", _AGAIN),
    "InvalidDigest": (BackendError, "the store could not read a digest", _BUG),
    "MissingContentLength": (BackendError, "a request had no Content-Length", _BUG),
    "MalformedXML": (BackendError, "the store could not read a request", _BUG),
    "InvalidRequest": (BackendError, "the store refused the request", None),
    "InvalidArgument": (BackendError, "the store refused an argument", None),
    "InvalidEncryptionAlgorithmError": (BackendError, "the store does not support the encryption", None),
}

_ELSEWHERE = (ConfigError, "the store redirects requests for this bucket to another address", f"{_REGION}; {_CHECK_ADDRESS}")

BY_STATUS: Mapping[int, Row] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _ELSEWHERE),
    401: BY_CODE["Unauthorized"],
    403: BY_CODE["AccessDenied"],
    404: BY_CODE["NoSuchKey"],
    408: BY_CODE["RequestTimeout"],
    412: BY_CODE["PreconditionFailed"],
    416: BY_CODE["InvalidRange"],
    429: BY_CODE["TooManyRequests"],
    499: BY_CODE["IncompleteBody"],
    500: BY_CODE["InternalError"],
    501: BY_CODE["NotImplemented"],
    502: BY_CODE["ServiceUnavailable"],
    503: BY_CODE["ServiceUnavailable"],
    504: BY_CODE["ServiceUnavailable"],
    507: BY_CODE["QuotaExceeded"],
}

# R2 reports these as InvalidArgument, and only the text shows that it means the credentials.
_ABOUT_CREDENTIALS = ("credential", "authorization", "x-amz-security-token", "access key")
_MILLISECONDS = ("x-amz-retry-after", "x-amz-retry-after-millis", "retry-after-ms")
_NUMBER = re.compile(r"(?<![^,\s])\d{1,15}(?:\.\d+)?(?![^,\s])", re.ASCII)
_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", re.ASCII)
_WRITES = {"PutObject", "UploadPart", "CreateMultipartUpload", "CompleteMultipartUpload"}


class LostAnswerError(Exception):
    """The response cannot be the store's: it lacks what every such response has, or is not what was asked for."""

    def __init__(self, text: str = _FOREIGN) -> None:
        """Say what is wrong."""
        super().__init__(text)


def require_asset(answer: Mapping[str, Any]) -> None:
    """Raise LostAnswerError unless an answer to GET or HEAD is a store's: it has an ETag, or a header of S3's own.

    Some stores, for example juicefs, keep no ETags.
    """
    headers: Mapping[str, str] = answer["ResponseMetadata"].get("HTTPHeaders", {})
    if "ETag" not in answer and not any(name.lower().startswith("x-amz-") for name in headers):
        raise LostAnswerError


@contextmanager
def translated(*, create_only: bool = False, if_match: str | None = None) -> Iterator[None]:
    """Convert the engines' exceptions to ours.

    With ``create_only`` a failed condition means that the key is taken; with ``if_match`` a missing asset is a failed
    condition too.
    """
    try:
        yield
    except Exception as error:
        ours = translate(error)
        if ours is None:
            raise
        if create_only and isinstance(ours, PreconditionError):
            ours = taken()
        elif if_match is not None and type(ours) is NotFoundError:
            ours = unmatched()
        raise ours from error


def no_bucket() -> StoreNotFoundError:
    """Return the error of a missing bucket."""
    _, message, hint = BY_CODE["NoSuchBucket"]
    return StoreNotFoundError(message, hint=hint)


def taken() -> AlreadyExistsError:
    """Return the error of a create-only write whose key is taken."""
    return AlreadyExistsError("the key is taken", hint="choose another key, or overwrite")


def unmatched() -> PreconditionError:
    """Return the error of a write with ``if_match`` where there is no asset."""
    return PreconditionError("there is no asset that if_match could match", hint="create it with overwrite=False")


def mismatched() -> PreconditionError:
    """Return the error of a write with ``if_match`` where another version is stored."""
    _, message, hint = BY_CODE["PreconditionFailed"]
    return PreconditionError(message, hint=hint)


def translate(error: Exception) -> AssetStoreError | None:
    """Return our error for one of botocore's, ``None`` for any other: that is a bug, and passes unchanged."""
    if isinstance(error, S3Error):
        return from_answer(error.response, error.operation_name)
    if isinstance(error, LostAnswerError | NotHttpError):
        text = str(error) if isinstance(error, LostAnswerError) else _FOREIGN
        return UnavailableError(text, hint="look for a proxy or captive portal, then try again")
    if isinstance(error, WireError):
        return _of_wire(error)
    if not type(error).__module__.startswith(("botocore.", "boto3.")):
        return None
    ours = _of_botocore(error)
    if ours is not None:
        _forget_requests(error)
    return ours


def _forget_requests(error: BaseException) -> None:
    """Remove the signed request from botocore's error and its causes: they have it as an attribute and in every frame."""
    inner: BaseException | None = error
    while inner is not None:
        inner.__traceback__ = None
        if hasattr(inner, "request"):
            inner.request = None
        inner = inner.__cause__ or inner.__context__


def _of_wire(error: WireError) -> AssetStoreError:
    if isinstance(error, UntrustedError):
        return _untrusted()
    if isinstance(error, TooSlowError):
        return UnavailableError(str(error), hint=_LATER)
    if isinstance(error, NotSentError):
        return _unreachable(str(error))
    return UnavailableError("the connection to the store broke", hint=_LATER)


def _untrusted() -> BackendError:
    return BackendError(
        "the endpoint's TLS certificate is not trusted",
        hint="check endpoint_url; for a private authority set AWS_CA_BUNDLE to its certificate",
    )


def _unreachable(message: str = "the endpoint cannot be reached") -> UnavailableError:
    where = "HTTPS_PROXY and NO_PROXY" if "proxy" in message else "the network, the account id and endpoint_url"
    return UnavailableError(message, hint=f"check {where}")


def _of_botocore(error: Exception) -> AssetStoreError | None:
    from botocore import exceptions as vendor
    from botocore.parsers import ResponseParserError

    if isinstance(error, vendor.ClientError):
        return from_answer(error.response, error.operation_name)
    if isinstance(error, vendor.ParamValidationError):
        return None
    if isinstance(error, vendor.NoCredentialsError | vendor.PartialCredentialsError | vendor.CredentialRetrievalError):
        return CredentialsError("botocore found no complete credentials", hint="set access_key and secret_key")
    if isinstance(error, vendor.SSLError):
        return _untrusted()
    if isinstance(error, vendor.EndpointConnectionError | vendor.ConnectTimeoutError | vendor.ProxyConnectionError):
        return _unreachable()
    if isinstance(error, vendor.ReadTimeoutError):
        return UnavailableError("the store sent nothing for longer than read_timeout", hint=_LATER)
    if isinstance(error, vendor.HTTPClientError | vendor.ResponseStreamingError | vendor.IncompleteReadError):
        return UnavailableError("the connection to the store broke", hint=_LATER)
    if isinstance(error, ResponseParserError):
        return UnavailableError(_FOREIGN, hint="look for a proxy or captive portal, then try again")
    if isinstance(error, vendor.BotoCoreError):
        return BackendError(f"botocore failed with {type(error).__name__}")
    return None


def from_answer(response: Mapping[str, Any], operation: str) -> AssetStoreError:
    """Return our error for an error response in botocore's form."""
    code = str(response.get("Error", {}).get("Code", ""))
    text = str(response.get("Error", {}).get("Message", ""))
    metadata = response.get("ResponseMetadata", {})
    status = metadata.get("HTTPStatusCode", 0)
    headers: Mapping[str, str] = metadata.get("HTTPHeaders", {})
    if code == "403" and abs(skew(headers) or 0.0) > _MAX_SKEW:  # an answer to HEAD, which has no other code
        code = "RequestTimeTooSkewed"
    kind, message, hint = BY_CODE.get(code) or BY_STATUS.get(status) or _unknown(status)
    if code == "InvalidArgument" and any(word in text.lower() for word in _ABOUT_CREDENTIALS):
        kind, message, hint = BY_CODE["Unauthorized"]
    if kind is CredentialsError and code in ("Unauthorized", "401", "") and operation in _WRITES:
        hint = f"{hint}; if reading works with the same key, a proxy added a checksum trailer that R2 refuses: bypass it"
    if kind is ConfigError and (region := headers.get("x-amz-bucket-region")):
        hint = f"set region to {region!a}"
    if code == "RequestTimeTooSkewed":
        message = f"{message}; the store's is {headers.get('date', 'unknown')}"
    if kind in (BackendError, UnsupportedError) and (text or code):
        message = f"{message}: {ascii(f'{code} {text}'.strip()[:300])[1:-1]}"
    if "cf-ray" in headers:
        message = f"{message} (cf-ray {ascii(headers['cf-ray'])[1:-1]})"
    if issubclass(kind, UnavailableError):
        return kind(message, hint=hint, retry_after=retry_after(headers))
    return kind(message, hint=hint)


def skew(headers: Mapping[str, str]) -> float | None:
    """Return the seconds by which the clock of the response is ahead of this machine's; ``None`` if it has no date."""
    from email.utils import parsedate_to_datetime  # slow to load, and an answer without a fault needs none of it

    try:
        return parsedate_to_datetime(headers["date"]).timestamp() - time.time()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a response asks to wait, the most if it does so several times.

    There are seconds, dates (relative to the response's own, because clocks differ), and two headers with milliseconds.
    """
    from email.utils import parsedate_to_datetime  # as above

    found = [float(number) / 1000 for name in _MILLISECONDS for number in _NUMBER.findall(headers.get(name, ""))]
    value = headers.get("retry-after", "")
    found += [float(number) for number in _NUMBER.findall(_DATE.sub("", value))]
    try:
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        found += [max(0.0, (parsedate_to_datetime(date) - now).total_seconds()) for date in _DATE.findall(value)]
    except (TypeError, ValueError):
        pass
    return max(found, default=None)


def code_of(error: AssetStoreError) -> str:
    """Return the service's code for an error, empty if it gave none."""
    return str(answer_of(error).get("Error", {}).get("Code", ""))


def answer_of(error: AssetStoreError) -> Mapping[str, Any]:
    """Return the store's response that caused an error, in botocore's form; empty if there was none."""
    response = getattr(error.__cause__, "response", None)
    return response if isinstance(response, dict) else {}


def _unknown(status: int) -> Row:
    if status >= 500:
        return UnavailableError, f"the store responded with status {status}", _LATER
    return BackendError, f"the store responded with status {status}", None
