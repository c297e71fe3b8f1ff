"""The values of options that are more than texts: sizes, times, and metadata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import click

from assetstore.cli.text import byte_count, duration, shown

Callback: TypeAlias = Callable[[click.Context, click.Parameter, str | None], Any]


def _reading(read: Callable[[str], object]) -> Callback:
    """Return the callback of an option whose text a function reads; its ValueError says what the text must be."""

    def callback(context: click.Context, parameter: click.Parameter, value: str | None) -> object:
        try:
            return None if value is None else read(value)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from None

    return callback


def _age(text: str) -> object:
    # Seconds are the unit of a bare number, and whoever forgets the d of 7d does not mean them.
    if text.strip().isdigit():
        raise ValueError(f"must have a unit, for example {text.strip()}d")
    return duration(text)


as_age: Callback = _reading(_age)
as_bytes: Callback = _reading(byte_count)
as_time: Callback = _reading(duration)
as_seconds: Callback = _reading(lambda text: int(duration(text).total_seconds()))


def pairs(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> dict[str, str] | None:
    """Return the values of a repeatable option NAME=VALUE by name, or ``None`` without any."""
    split = [text.partition("=") for text in value]
    for name, equals, _ in split:
        if not equals or not name:
            raise click.BadParameter(f"must be NAME=VALUE, got {shown(name)}", context, parameter)
    return {name: text for name, _, text in split} or None
