"""Teaches botocore conditions on the destination of a copy.

R2 has headers of its own for them (R2, "Extensions", beta); Amazon's have names that old versions of botocore do not know.
"""

from __future__ import annotations

from typing import Any

PARAMETER = "AssetstoreDestination"
"""The parameter of ``copy_object``: a mapping of header names to values."""


def teach(client: Any) -> None:
    """Let a client's ``copy_object`` take the parameter, and sign and send its headers."""
    client.meta.events.register_first("before-parameter-build.s3.CopyObject", _take)
    client.meta.events.register_last("before-call.s3.CopyObject", _send)


def _take(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    context[PARAMETER] = params.pop(PARAMETER, {})


def _send(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    params["headers"].update(context[PARAMETER])
