"""Finds the credentials: the fields first, then ``R2_*``, then ``AWS_*``. Sets are never mixed."""

from __future__ import annotations

import os

import attrs


@attrs.frozen
class Credentials:
    """An access key with its secret.

    Attributes:
        access_key: the access key ID.
        secret_key: its secret.
        session_token: the token of temporary credentials.
        origin: where they were found, for messages.
    """

    access_key: str
    secret_key: str = attrs.field(repr=False)
    session_token: str | None = attrs.field(repr=False)
    origin: str


def find_credentials(
    access_key: str | None, secret_key: str | None, session_token: str | None
) -> tuple[Credentials | None, tuple[str, ...]]:
    """Return the first complete set, and the problems; an incomplete set ends the search."""
    environ = os.environ.get
    sets = (
        (("access_key", "secret_key"), (access_key, secret_key, session_token), "the configuration"),
        (
            ("R2_ACCESS_KEY", "R2_SECRET_KEY"),
            (environ("R2_ACCESS_KEY"), environ("R2_SECRET_KEY"), environ("R2_SESSION_TOKEN")),
            "R2_ACCESS_KEY and R2_SECRET_KEY",
        ),
        (
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            (environ("AWS_ACCESS_KEY_ID"), environ("AWS_SECRET_ACCESS_KEY"), environ("AWS_SESSION_TOKEN")),
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
    )
    for names, (access, secret, token), origin in sets:
        if access and secret:
            return Credentials(access, secret, token or None, origin), ()
        if access or secret:
            given, missing = names if access else names[::-1]
            return None, (f"{given} is set, but {missing} is missing",)
    return None, ()
