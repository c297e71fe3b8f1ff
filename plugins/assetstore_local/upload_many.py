"""Writes several assets that share the flushes of the disk."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from assetstore.plugin import AssetInfo, NewAsset
from assetstore_local.disk.root import Root
from assetstore_local.disk.staged_file import StagedFile
from assetstore_local.disk.tree import Tree
from assetstore_local.errors import explained
from assetstore_local.upload import Conditions, Write, facts_of, fill, put_all


def upload_many(root: Root, items: Sequence[NewAsset]) -> list[AssetInfo | Exception] | None:
    """Write the bytes of all to new files, then rename each into place, under the locks of all keys.

    ``None`` under the rules of R2: the writes of one key may have to wait for one another.
    """
    if root.rules:
        return None
    with root.writing() as tree, contextlib.ExitStack() as opened:
        prepared = [_prepare(tree, opened, item) for item in items]
        with explained():
            put_all(tree, [found for found in prepared if isinstance(found, Write)])
        return [found.result if isinstance(found, Write) else found for found in prepared]


def _prepare(tree: Tree, opened: contextlib.ExitStack, item: NewAsset) -> Write | Exception:
    try:
        staged = opened.enter_context(StagedFile(tree))
        fill(staged, item.source)
        with explained():
            staged.settle()
        # The locks of the whole batch are open folders; the sources must not be open files beside them.
        item.source.close()
    except Exception as error:
        return error
    conditions = Conditions(overwrite=item.options.overwrite, if_match=item.options.if_match)
    return Write(staged, item.key, facts_of(staged, item.options), conditions)
