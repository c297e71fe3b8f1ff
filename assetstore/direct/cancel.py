"""``cancel_upload``, ``sweep_pending`` and ``collect``: delete the bytes of direct uploads that were not finished."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import attrs

from assetstore.bulk.delete import Deleter
from assetstore.direct.context import Context
from assetstore.direct.token import Claims
from assetstore.errors import InvalidOptionError, NotFoundError
from assetstore.limits import PENDING
from assetstore.operation import Operation
from assetstore.options import CollectOptions, DeleteOptions, EndPartsOptions, ListOptions
from assetstore.results import AssetInfo, DeleteReport, Leftover

PENDING_KEY = re.compile(rf"{PENDING}[0-9a-f]{{32}}", re.ASCII)


def cancel(context: Context, operation: Operation, token: str) -> None:
    """Delete the pending object and the parts; a finished asset stays."""
    claims = context.claims(operation, token)
    drop_parts(context, claims)
    discard(context, claims)


def drop_parts(context: Context, claims: Claims) -> None:
    """Drop the parts of an upload in parts, if there are any."""
    if claims.parts_id is not None:
        with contextlib.suppress(NotFoundError):
            context.stack.end_parts(context.pending_key(claims), EndPartsOptions(upload_id=claims.parts_id))


def discard(context: Context, claims: Claims) -> None:
    """Delete the pending object; a missing one counts as deleted."""
    for failure in context.stack.delete([context.pending_key(claims)], DeleteOptions()).failed:
        raise failure.error


def sweep(context: Context, operation: Operation, older_than: timedelta) -> DeleteReport:
    """Delete pending objects that were sent longer ago than this."""
    if not isinstance(older_than, timedelta) or older_than < timedelta(0):
        raise InvalidOptionError("older_than must be a timedelta and not negative")
    operation.full_key = context.scope.inward_prefix(PENDING)
    time = datetime.now(UTC) - older_than
    old = (info for info in _pending(context) if info.last_modified is not None and info.last_modified < time)
    report = Deleter(context.stack, context.scope, _quiet).delete(old)
    for failure in report.failed:
        operation.explain(failure.error)
    return report


def collect(context: Context, options: CollectOptions, now: datetime | None) -> tuple[Leftover, ...]:
    """Return the pending objects that are old enough at ``now`` by the store's clock, and delete them if wanted."""
    old = [info for info in _pending(context) if options.are_met(info.last_modified, now)]
    report = Deleter(context.stack, context.scope, _quiet).delete(old if options.remove else ())
    errors = {failure.key: failure.error for failure in report.failed}
    deleted = frozenset(report.deleted)
    return tuple(
        Leftover(
            kind="unfinished direct upload",
            name=context.scope.inward(info.key),
            size=info.size,
            modified=info.last_modified,
            removed=info.key in deleted,
            error=errors.get(info.key),
        )
        for info in old
    )


def _pending(context: Context) -> Iterator[AssetInfo]:
    options = ListOptions()
    while True:
        page = context.stack.list(context.scope.inward_prefix(PENDING), options)
        for info in map(context.scope.outward, page.items):
            if PENDING_KEY.fullmatch(info.key):
                yield info
        if page.next_cursor is None or page.next_cursor == options.cursor:
            return
        options = attrs.evolve(options, cursor=page.next_cursor)


def _quiet(key: str) -> Operation:
    return Operation(lambda _: None, "", "", key)
