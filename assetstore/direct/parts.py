"""``presign_parts`` and ``list_parts``: sign and list the parts of a direct upload."""

from __future__ import annotations

from collections.abc import Iterable

from assetstore.direct.context import Context
from assetstore.direct.token import Claims
from assetstore.errors import InvalidOptionError
from assetstore.operation import Operation
from assetstore.options import Duration, Part, PartsOptions, PresignOptions
from assetstore.results import PresignedRequest, UploadedPart


def part_count(claims: Claims) -> int:
    """Return how many parts an upload in parts has, at least one; 0 for an upload in one request."""
    return max(1, -(-claims.size // claims.part_size)) if claims.part_size else 0


def part_options(expires: Duration, number: int, parts_id: str, size: int) -> PresignOptions:
    """Return the request that sends one part of exactly ``size`` bytes."""
    part = Part(upload_id=parts_id, number=number)
    return PresignOptions(method="PUT", expires=expires, content_length=size, part=part)


def presign_parts(
    context: Context, operation: Operation, token: str, numbers: Iterable[int], expires: Duration
) -> dict[int, PresignedRequest]:
    """Sign a PUT for each part, bound to its exact size."""
    claims, parts_id = context.claims_in_parts(operation, token)
    count, pending, part_size = part_count(claims), context.pending_key(claims), claims.part_size or 0
    requests = {}
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= count:
            raise InvalidOptionError(f"a part number must be between 1 and {count}, got {number!r}")
        size = min(part_size, claims.size - (number - 1) * part_size)
        requests[number] = context.stack.presign(pending, part_options(expires, number, parts_id, size))
    return requests


def list_parts(context: Context, operation: Operation, token: str) -> tuple[UploadedPart, ...]:
    """Return the parts that the backend has."""
    claims, parts_id = context.claims_in_parts(operation, token)
    return context.stack.list_parts(context.pending_key(claims), PartsOptions(upload_id=parts_id))
