"""Finds the credentials: the fields first, then ``R2_*``, then ``AWS_*``. Sets are never mixed."""

from __future__ import annotations

import os
from collections.abc import Mapping

import attrs

from assetstore.plugin import secret


@attrs.frozen(kw_only=True)
class Credentials:
    """An access key with its secret.

    Attributes:
        access_key: the access key ID.
        secret_key: its secret.
        session_token: the token of temporary credentials.
        origin: where they were found, for messages.
    """

    access_key: str
    secret_key: str = secret()
    session_token: str | None = secret()
    origin: str


def find_credentials(
    access_key: str | None, secret_key: str | None, session_token: str | None
) -> tuple[Credentials | None, tuple[str, ...]]:
    """Return the first complete set, and the problems; an incomplete set ends the search."""
    settings = {"access_key": access_key, "secret_key": secret_key, "session_token": session_token}
    sets: tuple[tuple[tuple[str, str, str], Mapping[str, str | None], str], ...] = (
        (("access_key", "secret_key", "session_token"), settings, "the configuration"),
        (("R2_ACCESS_KEY", "R2_SECRET_KEY", "R2_SESSION_TOKEN"), os.environ, "R2_ACCESS_KEY and R2_SECRET_KEY"),
        (
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
            os.environ,
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
    )
    for names, values, origin in sets:
        access_key, secret_key, token = map(values.get, names)
        if access_key and secret_key:
            odd = [name for name in names if not _fits_a_header(values.get(name) or "")]
            problems = tuple(f"{name} must be printable ASCII without blanks and line breaks: copy it again" for name in odd)
            if odd:
                return None, problems
            return Credentials(access_key=access_key, secret_key=secret_key, session_token=token or None, origin=origin), ()
        if access_key or secret_key:
            given, missing = names[:2] if access_key else names[1::-1]
            return None, (f"{given} is set, but {missing} is missing",)
    return None, ()


def _fits_a_header(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value
