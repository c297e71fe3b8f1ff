"""Teaches botocore R2's create-only condition for copies, which S3 does not have (R2, "Extensions", beta)."""

from __future__ import annotations

from typing import Any

PARAMETER = "AssetstoreCreateOnly"
HEADER = "cf-copy-destination-if-none-match"


def teach(client: Any) -> None:
    """Let a client's ``copy_object`` take the parameter, and sign and send its header."""
    client.meta.events.register_first("before-parameter-build.s3.CopyObject", _take)
    client.meta.events.register_last("before-call.s3.CopyObject", _send)


def _take(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    context[PARAMETER] = params.pop(PARAMETER, False)


def _send(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    if context[PARAMETER]:
        params["headers"][HEADER] = "*"
