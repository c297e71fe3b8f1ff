"""Deletes many assets in batches, with an outcome and an event for each key."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import attrs

from assetstore.errors import AssetStoreError, PluginError, spelled
from assetstore.keys import Scope
from assetstore.limits import PAGE
from assetstore.operation import Operation, twin
from assetstore.options import DeleteOptions
from assetstore.results import AssetInfo, DeleteFailure, DeleteReport
from assetstore.stack import Stack


@attrs.frozen
class Deleter:
    """Deletes for a store.

    Attributes:
        stack: the layers that delete.
        scope: translates keys.
        begin: starts the operation of one key.
    """

    stack: Stack
    scope: Scope
    begin: Callable[[str], Operation]

    def delete(self, keys: Iterable[str | AssetInfo]) -> DeleteReport:
        """Delete all keys. A failure of one key or of a batch is reported for its keys; the others are still deleted."""
        reports = []
        iterator = iter(keys)
        while batch := list(itertools.islice(iterator, PAGE)):
            reports.append(self._delete_batch(batch))
        return DeleteReport(
            deleted=tuple(itertools.chain.from_iterable(report.deleted for report in reports)),
            failed=tuple(itertools.chain.from_iterable(report.failed for report in reports)),
        )

    def _delete_batch(self, keys: list[str | AssetInfo]) -> DeleteReport:
        operations: dict[str, Operation] = {}
        failed: list[DeleteFailure] = []
        foreign = False
        for key in keys:
            operation = self.begin(key.key if isinstance(key, AssetInfo) else key)
            try:
                if isinstance(key, AssetInfo) and not key.valid:
                    foreign = True
                    operation.full_key = self.scope.prefix + key.key
                else:
                    operation.locate(self.scope)
                operations.setdefault(str(operation.full_key), operation)
            except AssetStoreError as error:
                failed.append(_fail(operation, error))
        errors = self._errors(operations, DeleteOptions(foreign=foreign))
        deleted = []
        for full_key, operation in operations.items():
            if full_key in errors:
                failed.append(_fail(operation, errors[full_key]))
            else:
                operation.finish()
                deleted.append(str(operation.key))
        return DeleteReport(deleted=tuple(deleted), failed=tuple(failed))

    def _errors(self, operations: dict[str, Operation], options: DeleteOptions) -> dict[str, AssetStoreError]:
        """Return the errors by key; an error of the whole batch counts for each key, its requests for the first."""
        if not operations:
            return {}
        keys = list(operations)
        try:
            report = operations[keys[0]].run(self.stack.delete, keys, options)
        except AssetStoreError as error:
            return {key: twin(error) for key in keys}
        errors = {failure.key: failure.error for failure in report.failed}
        for key in set(keys) - errors.keys() - set(report.deleted):
            errors[key] = PluginError("the backend did not report whether it deleted this key")
        return errors


def _fail(operation: Operation, error: AssetStoreError) -> DeleteFailure:
    operation.fail(error)
    key = operation.key if isinstance(operation.key, str) else spelled(operation.key)
    return DeleteFailure(key=key, error=error)
