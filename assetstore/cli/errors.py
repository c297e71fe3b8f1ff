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
)

DONE, FAILED, USAGE, NOT_FOUND, CREDENTIALS, SOME_FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130

# The first class that fits decides, so a class stands before its parent.
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
    (StoreNotFoundError, "make the place, or correct its name; assetstore stores shows what is configured"),
    (NotFoundError, "assetstore list shows what there is"),
    (AlreadyExistsError, "choose another name, or leave --no-overwrite out"),
    (PreconditionError, "look at the asset again with assetstore stat"),
    (CredentialsError, "check the access key and the secret key; assetstore doctor tests them"),
    (TokenError, "begin the upload again"),
    (AccessDeniedError, "allow this to the credentials, or use others"),
    (InvalidKeyError, "choose another key"),
    (InvalidOptionError, "correct the option; --help tells what it takes"),
    (SourceError, "check the path of what is to be uploaded"),
    (IntegrityError, "try again; if it stays so, the asset is damaged"),
    (RefusedError, "upload what the policy allows, under the type that it is"),
    (NoSpaceError, "free some space"),
    (UnavailableError, "try again later"),
    (UnknownOutcomeError, "assetstore stat tells whether it was written"),
    (UnsupportedError, "use a store whose backend can do this; assetstore plugins shows the hooks of each"),
    (PluginError, "assetstore plugins shows what is installed"),
    (ConfigError, "correct the configuration; assetstore stores shows which file is read"),
    (BackendError, "assetstore doctor tests the store step by step"),
)


def exit_code(error: BaseException) -> int:
    """Return the exit code that an error means."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def next_step(error: BaseException) -> str:
    """Return the next thing to do about an error."""
    if isinstance(error, UnsupportedError):
        # The core's hint speaks of Python.
        return next(text for kind, text in _NEXT if kind is UnsupportedError)
    if isinstance(error, AssetStoreError):
        return error.hint or next((text for kind, text in _NEXT if isinstance(error, kind)), "try again")
    if isinstance(error, OSError):
        return "check the path and its permissions"
    return "report it with these lines" if tracing() else "run it again with ASSETSTORE_TRACE=1 and report what it says"


def reason(error: BaseException) -> str:
    """Return why an operation failed, with nothing secret in it."""
    if isinstance(error, AssetStoreError):
        return without_secrets(_problems(error) if isinstance(error, ConfigError) else error.message)
    if isinstance(error, OSError):
        names = [shown(str(name)) for name in (error.filename, error.filename2) if name is not None]
        return f"{error.strerror or type(error).__name__}{': ' if names else ''}{' -> '.join(names)}"
    return f"an unexpected {type(error).__name__}, which is a bug of assetstore or of a plugin"


def _problems(error: ConfigError) -> str:
    """Return all problems of a configuration, naming the table once where they are all in the same."""
    table, colon, _ = error.problems[0].partition(": ")
    shared = f"{table}{colon}"
    if colon and all(problem.startswith(shared) for problem in error.problems):
        return shared + "; ".join(problem.removeprefix(shared) for problem in error.problems)
    return "; ".join(error.problems)


def report(what: str, why: str, then: str) -> str:
    """Return the three lines of an error; none holds a control character."""
    return f"error: {_one_line(what)}\n  why: {_one_line(why)}\n  next: {_one_line(then)}"


def _one_line(text: str) -> str:
    return " ".join(plain(text).split("\n"))


def explain(error: BaseException, doing: str = "", *, what: str | None = None) -> str:
    """Return the three lines about an error.

    ``doing`` says what was being done where the error does not; ``what`` says it even where the error does.
    """
    if isinstance(error, AssetStoreError):
        return report(f"cannot {what or _what(error) or doing or 'go on'}", reason(error), next_step(error))
    if isinstance(error, OSError):
        return report(f"cannot {doing or 'go on'}", reason(error), next_step(error))
    if tracing():
        import traceback

        print(plain(without_secrets("".join(traceback.format_exception(error)))), file=sys.stderr, end="")
    return report(f"cannot {doing or 'go on'}", reason(error), next_step(error))


def _what(error: AssetStoreError) -> str:
    if error.op == "open":
        return f"open the store {error.store or ''}".rstrip()
    return error.what.replace("reset_stats", "reset the statistics")


def tracing() -> bool:
    """Return whether ASSETSTORE_TRACE asks for tracebacks."""
    return os.environ.get("ASSETSTORE_TRACE", "") not in ("", "0")
