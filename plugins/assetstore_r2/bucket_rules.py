"""Reads and sets the bucket rules for direct uploads: CORS for browsers, a lifecycle for unfinished uploads.

A bucket's rules are read and written as a whole; other rules are kept. Our lifecycle rule is recognised by its ID, our CORS
rule by its form, whatever its origins and methods: rules from the dashboard have no ID.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from assetstore.plugin import (
    AccessDeniedError,
    CredentialsError,
    InvalidOptionError,
    NotFoundError,
    StoreNotFoundError,
    UnsupportedError,
)
from assetstore_r2.bucket import Bucket
from assetstore_r2.errors import translated

Rule: TypeAlias = dict[str, Any]

PENDING = "pending/"
PENDING_DAYS = 8
_LIFECYCLE_ID = "assetstore-pending"
_ORIGIN = re.compile(r"(https(?!.*:443$)|http(?!.*:80$))://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?", re.ASCII)
_EXPOSED = ["ETag", "Accept-Ranges", "Content-Range", "Content-Length"]
_EXPOSED_BEFORE = ["ETag"]
_WRITTEN = "write it as browsers do, https://app.example: in lower case, without path, trailing slash and default port"


def cors_rule(origins: Sequence[str], *, delete: bool = False) -> Rule:
    """Return the CORS rule that lets pages of these origins use signed requests.

    Any header is allowed, because the signature fixes the headers that matter. Scripts see the ETag, and what they need to
    read ranges and to seek in sound that a service worker answers from its cache. Browsers cache the response for an hour
    (R2, "Configure CORS", allows a day).

    Args:
        origins: each as a browser sends it, for example ``https://app.example``.
        delete: allow signed DELETE too.

    Raises:
        InvalidOptionError: there is no origin, or one is not written as browsers write it.
    """
    if not origins:
        raise InvalidOptionError("a CORS rule needs an origin", hint="give --origin https://app.example")
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise InvalidOptionError(f"{origin!r} is not an origin", hint=_WRITTEN)
    return {
        "AllowedOrigins": list(dict.fromkeys(origins)),
        "AllowedMethods": ["GET", "HEAD", "PUT", *(["DELETE"] if delete else [])],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": _EXPOSED,
        "MaxAgeSeconds": 3600,
    }


def lifecycle_rule(prefix: str = PENDING, days: int = PENDING_DAYS) -> Rule:
    """Return the lifecycle rule that removes unfinished uploads, whole or in parts.

    Eight days is the longest life of an upload token: seven for the requests, and one to finish the upload.

    Raises:
        InvalidOptionError: ``prefix`` does not end in a slash (an empty one means all assets), or ``days`` is less than 1.
    """
    if not prefix.endswith("/"):
        raise InvalidOptionError("the prefix must end in a slash", hint=f"use the default, {PENDING}")
    if days < 1:
        raise InvalidOptionError(f"days must be at least 1, got {days}")
    return {
        "ID": _LIFECYCLE_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "Expiration": {"Days": days},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
    }


def read_cors(bucket: Bucket) -> list[Rule]:
    """Return a bucket's CORS rules."""
    return _asked("CORS", lambda: bucket.client.get_bucket_cors(Bucket=bucket.name).get("CORSRules"))


def read_lifecycle(bucket: Bucket) -> list[Rule]:
    """Return a bucket's lifecycle rules."""
    return _asked("lifecycle", lambda: bucket.client.get_bucket_lifecycle_configuration(Bucket=bucket.name).get("Rules"))


def set_cors(bucket: Bucket, rule: Rule) -> list[Rule]:
    """Put our rule first, replacing an older one of ours; return all rules."""
    rules = [rule, *(other for other in read_cors(bucket) if not _has_our_form(other, rule))]
    _asked("CORS", lambda: bucket.client.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": rules}))
    return rules


def set_lifecycle(bucket: Bucket, rule: Rule) -> list[Rule]:
    """Put our rule last, replacing an older one of ours; return all rules."""
    rules = [*(other for other in read_lifecycle(bucket) if other.get("ID") != rule["ID"]), rule]
    _asked(
        "lifecycle",
        lambda: bucket.client.put_bucket_lifecycle_configuration(
            Bucket=bucket.name, LifecycleConfiguration={"Rules": rules}
        ),
    )
    return rules


def _has_our_form(other: Rule, rule: Rule) -> bool:
    """Return whether ``other`` is a rule that we wrote, today or when it exposed the ETag alone."""
    free = ("ID", "AllowedOrigins", "AllowedMethods")
    ours = {name: value for name, value in rule.items() if name not in free}
    theirs = {name: value for name, value in other.items() if name not in free and value}
    return theirs in (ours, {**ours, "ExposeHeaders": _EXPOSED_BEFORE})


def _asked(kind: str, ask: Callable[[], Any]) -> list[Rule]:
    """Return the rules in a response; for a bucket without rules the service responds with 404."""
    try:
        with translated():
            return list(ask() or ())
    except StoreNotFoundError:
        raise
    except NotFoundError:
        return []
    except CredentialsError:
        raise
    except AccessDeniedError as error:
        raise AccessDeniedError(
            f"the access key permits neither reading nor changing the bucket's {kind} rules",
            hint="use an R2 API token with the permission Admin Read & Write, or set the rules in the dashboard",
        ) from error
    except UnsupportedError as error:
        raise UnsupportedError(
            f"the service does not support {kind} rules; assetstore {kind.lower()} print writes ours as JSON",
            hint="set them in the service's dashboard",
        ) from error
