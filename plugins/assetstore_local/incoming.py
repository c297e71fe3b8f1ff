"""Bytes on their way into a folder: staged as they come, put into place when all are there."""

from __future__ import annotations

import attrs

from assetstore import AssetInfo, CopyOptions, UploadOptions
from assetstore_local import writing
from assetstore_local.failures import explained
from assetstore_local.r2_rules import R2Rules
from assetstore_local.records import HEADERS, Facts
from assetstore_local.staging import StagedFile
from assetstore_local.tree import Tree
from assetstore_local.writing import Conditions


@attrs.define
class Incoming:
    """A new asset, not yet anywhere.

    Attributes:
        tree: the store's folder, open.
        staged: the file that takes the bytes.
        rules: those of R2, if they are to hold.
    """

    tree: Tree
    staged: StagedFile
    rules: R2Rules | None

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        self.staged.write(data)
        if self.rules:
            self.rules.require_size(self.staged.size)

    @property
    def sha256(self) -> bytes:
        """The digest of what came so far."""
        return bytes.fromhex(self.staged.digest.partition(":")[2])

    def commit(self, key: str, options: UploadOptions) -> AssetInfo:
        """Make the bytes the asset of a key, if the conditions of ``options`` hold."""
        if self.rules:
            self.rules.require_metadata(options.metadata)
        facts = changed({"digest": self.staged.digest, "metadata": {}}, options)
        conditions = Conditions(overwrite=options.overwrite, if_match=options.if_match, rules=self.rules)

        def put() -> AssetInfo:
            return writing.put(self.tree, key, self.staged, facts, conditions)

        with explained():
            return self.rules.patiently(put) if self.rules else put()


def changed(facts: Facts, options: UploadOptions | CopyOptions) -> Facts:
    """Return the facts with what ``options`` say put in: ``None`` keeps, an empty text clears."""
    given = {name: getattr(options, name) for name in HEADERS}
    new: dict[str, object] = {**facts, **{name: value for name, value in given.items() if value is not None}}
    if options.metadata is not None:
        new["metadata"] = dict(options.metadata)
    return {name: value for name, value in new.items() if value != ""}
