"""Turns an error into three lines (what failed, why, what to do next) and an exit code."""

from __future__ import annotations

import os
import sys

from assetstore.cli.text import plain, shown, without_secrets
from assetstore.errors import (
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
    PluginError,
    PreconditionError,
    RefusedError,
    SourceError,
    StoreNotFoundError,
    TokenError,
    UnavailableError,
    UnknownOutcomeError,
    UnsupportedError,
    shortened,
)

DONE, FAILED, USAGE, NOT_FOUND, CREDENTIALS, SOME_FAILED, REFUSED, NOT_COMPARED = 0, 1, 2, 3, 4, 5, 6, 7
INTERRUPTED, TERMINATED = 130, 143

# The first match decides, so a class comes before its parent.
_CODES: tuple[tuple[type[AssetStoreError], int], ...] = (
    (NotFoundError, NOT_FOUND),
    (AccessDeniedError, CREDENTIALS),
    (AlreadyExistsError, REFUSED),
    (RefusedError, REFUSED),
    (ConfigError, USAGE),
    (InvalidKeyError, USAGE),
    (InvalidOptionError, USAGE),
)

_NEXT: tuple[tuple[type[AssetStoreError], str], ...] = (
    (StoreNotFoundError, "create the bucket or folder, or correct its name; assetstore stores shows what is configured"),
    (NotFoundError, "assetstore list shows the existing keys"),
    (AlreadyExistsError, "choose another name, or leave out --no-overwrite"),
    (PreconditionError, "assetstore stat shows the current version"),
    (CredentialsError, "check the access key and the secret key; assetstore doctor tests them"),
    (TokenError, "begin the upload again"),
    (AccessDeniedError, "give the credentials this permission, or use others"),
    (InvalidKeyError, "choose another key"),
    (InvalidOptionError, "correct the option; --help shows what it takes"),
    (SourceError, "check the path of the file to upload"),
    (IntegrityError, "try again; if it fails again, the asset is damaged"),
    (RefusedError, "upload a file that the policy allows, with its real content type"),
    (NoSpaceError, "free some space"),
    (UnavailableError, "try again later"),
    (UnknownOutcomeError, "assetstore stat shows whether it was written"),
    (UnsupportedError, "use another backend; assetstore plugins --capabilities shows what each can do"),
    (PluginError, "assetstore plugins lists what is installed"),
    (ConfigError, "correct the configuration; assetstore stores shows which file is read"),
    (BackendError, "assetstore doctor tests the store step by step"),
)


def exit_code(error: BaseException) -> int:
    """Return the exit code for an error."""
    if isinstance(error, PluginError) and error.op not in (None, "open"):
        return FAILED  # the configuration was good enough to open the store
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def next_step(error: BaseException) -> str:
    """Return what to do next about an error."""
    if isinstance(error, UnsupportedError) and "store.can()" in (error.hint or ""):
        # A hint of the core for those who write Python.
        return next(text for kind, text in _NEXT if kind is UnsupportedError)
    if isinstance(error, AssetStoreError):
        return error.hint or next((text for kind, text in _NEXT if isinstance(error, kind)), "try again")
    if isinstance(error, OSError):
        return "check the path and its permissions"
    return "report the bug with these lines" if tracing() else "run it again with ASSETSTORE_TRACE=1 and report the output"


def reason(error: BaseException) -> str:
    """Return why an operation failed, without secrets."""
    if isinstance(error, AssetStoreError):
        return without_secrets(_problems(error) if isinstance(error, ConfigError) else error.message)
    if isinstance(error, OSError):
        names = [shown(str(name)) for name in (error.filename, error.filename2) if name is not None]
        return f"{error.strerror or type(error).__name__}{': ' if names else ''}{' -> '.join(names)}"
    return f"unexpected {type(error).__name__}; this is a bug in assetstore or in a plugin"


def _problems(error: ConfigError) -> str:
    """Return all problems of a configuration; a table that they share is named once."""
    table, colon, _ = error.problems[0].partition(": ")
    shared = f"{table}{colon}"
    if colon and all(problem.startswith(shared) for problem in error.problems):
        return shared + "; ".join(problem.removeprefix(shared) for problem in error.problems)
    return "; ".join(error.problems)


def report(what: str, why: str, then: str) -> str:
    """Return the three lines of an error, without control characters."""
    return f"error: {_one_line(what)}\n  why: {_one_line(why)}\n  next: {_one_line(then)}"


def _one_line(text: str) -> str:
    return shortened(" ".join(plain(without_secrets(text)).split("\n")))


def explain(error: BaseException, doing: str = "", *, what: str | None = None) -> str:
    """Return the three lines about an error.

    ``doing`` describes the work if the error does not; ``what`` describes it even if the error does.
    """
    is_bug = bool(error.__cause__) if isinstance(error, PluginError) else not isinstance(error, AssetStoreError | OSError)
    if is_bug and tracing():
        import traceback

        print(plain(without_secrets("".join(traceback.format_exception(error)))), file=sys.stderr, end="")
    if isinstance(error, AssetStoreError):
        return report(f"cannot {what or _what(error) or doing or 'continue'}", reason(error), next_step(error))
    return report(f"cannot {doing or 'continue'}", reason(error), next_step(error))


# Methods whose names do not read as verbs after "cannot".
_PHRASES = {
    "application": "serve",
    "exists": "look up",
    "reset_stats": "reset the statistics",
    "stats": "show the statistics",
    "url": "show the URL of",
}


def _what(error: AssetStoreError) -> str:
    if error.op == "open":
        return f"open the store {error.store or ''}".rstrip()
    op = error.op or ""
    return error.what.replace(op, _PHRASES.get(op, op), 1)


def tracing() -> bool:
    """Return whether ASSETSTORE_TRACE asks for tracebacks."""
    return os.environ.get("ASSETSTORE_TRACE", "") not in ("", "0")
