"""The commands ``cors`` and ``lifecycle`` for a folder: they explain what a folder has instead."""

from __future__ import annotations

from collections.abc import Sequence

import click

from assetstore.plugin import UnsupportedError

_INSTEAD = {
    "cors": 'a folder has no CORS rules; set origins in the store\'s table, for example origins = ["https://app.example"]',
    "lifecycle": "a folder has no lifecycle; store.sweep_pending() removes uploads that were never finished",
}


def commands() -> Sequence[click.Command]:
    """Return commands that refuse, and name the alternative."""
    return [_refusing(name, why) for name, why in _INSTEAD.items()]


def _refusing(name: str, why: str) -> click.Command:
    def refuse(words: Sequence[str]) -> None:
        raise UnsupportedError(why, op=name)

    argument = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)
    settings, text = {"ignore_unknown_options": True}, f"Not for folders: {why}."
    return click.Command(name, callback=refuse, params=[argument], help=text, context_settings=settings)
